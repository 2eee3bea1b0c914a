"""From a document to the page's text: one file that needs no network and runs nothing."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from streams.console import visible
from streams.evaluation.report.plot import draw, legend

if TYPE_CHECKING:
    from streams.evaluation.report.document import Document, Part


def render(document: Document) -> str:
    """Return the whole page; the same document gives the same text."""
    style = "".join(
        files(package).joinpath(f"templates/{name}").read_text(encoding="utf-8")
        for package, name in (("streams.lab.report", "style.css"), (__package__, "plot.css"))
    )
    return (
        _environment()
        .get_template("figures.html.jinja")
        .render(
            document=document,
            style=Markup(style),  # noqa: S704 - our own files
            style_hash=b64encode(sha256(style.encode()).digest()).decode(),
        )
    )


def _legend(part: Part) -> Markup:
    lines = [line for figure in part.figures if not figure.plot.named for line in figure.plot.lines]
    return legend(lines) if len({line.label for line in lines}) > 1 else Markup("")


def _shown(value: object) -> object:
    # Markup is a str too, but ours and already safe.
    return visible(value) if type(value) is str else value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(draw=draw, legend=_legend)
    return environment
