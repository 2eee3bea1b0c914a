"""The pages for people: their links lead somewhere, the modules and settings that they name exist."""

import re
from pathlib import Path

import pytest

from streams.settings_page import unknown_variables

TOP = Path(__file__).parents[1]
PAGES = sorted(
    [TOP / "README.md", *(page for top in ("deploy", "docs", "bench") for page in (TOP / top).rglob("*.md"))]
)
GUIDES = sorted(page for page in PAGES if "decisions" not in page.parts)
HISTORY = "0017-rooms-and-names.md"
"""It names what modules were called before."""


def prose(page: Path) -> str:
    """Return the text of a page without its blocks of code, in which `#` and `](` mean other things."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def name(page: Path) -> str:
    return str(page.relative_to(TOP))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" not in link and not (target.exists() and (not anchor or anchor in anchors(target))):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("page", [one for one in PAGES if one.name != HISTORY], ids=name)
def test_every_module_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"`((?:[\w.-]+/)+[\w-]+\.(?:py|toml|yml))`", prose(page)))
    assert [
        one
        for one in sorted(named)
        if not any((top / one).exists() for top in (TOP, TOP / "streams", page.parent))
    ] == []


@pytest.mark.parametrize("page", GUIDES, ids=name)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    assert unknown_variables(re.findall(r"\bRETENTION_[A-Z_]+\b", page.read_text(encoding="utf-8"))) == []


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len((TOP / "README.md").read_text(encoding="utf-8").splitlines()) <= 200
