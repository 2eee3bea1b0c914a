"""From a template to the text of a page: one file that needs no network and runs nothing."""

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from streams.console import visible


def environment(package: str) -> Environment:
    """Return the templates of a package, which may extend `page.html.jinja`; their values are escaped."""
    return Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader(__package__)]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(templates: Environment, name: str, /, *sheets: str, **shown: object) -> str:
    """Return the page of a template and what it shows, with the style sheets in it and a policy for them."""
    folder = files(__package__).joinpath("templates")
    style = "".join(folder.joinpath(sheet).read_text(encoding="utf-8") for sheet in sheets)
    allowed = b64encode(sha256(style.encode()).digest()).decode()
    own = Markup(style)  # noqa: S704 - our own files
    return templates.get_template(name).render(style=own, style_hash=allowed, **shown)


def _shown(value: object) -> object:
    # Markup is a str too, but ours and already safe.
    return visible(value) if type(value) is str else value
