"""What all pages share: the templates, and what stands around each page."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final
from urllib.parse import quote

from jinja2 import Environment

from schemas.times import format_ms
from streams.charts import page
from streams.desk.health import Health
from streams.desk.pages import words
from streams.lab.report.words import (
    count,
    day,
    day_and_time,
    money,
    nats,
    resolution_label,
    to_cents,
)

STATIC: Final = {"desk.css": "text/css", "desk.js": "text/javascript", "desk.svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Shell:
    """What stands around a page. `place` is where it has to listen from (`web.events`)."""

    page: str
    place: str
    csrf: str
    health: Health
    undo_seconds: float
    has_token: bool
    synthetic: bool
    now_ms: int = 0

    @property
    def files(self) -> str:
        """Return what names the script and the style sheet, as they are."""
        return files_name()


def render(name: str, /, **shown: object) -> str:
    """Return the text of a template and what it shows."""
    return templates().get_template(name).render(**shown)


@cache
def static(name: str) -> bytes:
    """Return a file that browsers ask for."""
    return files(__package__).joinpath("static", name).read_bytes()


@cache
def files_name() -> str:
    """Return a short text that changes with the files that browsers keep."""
    return sha256(b"".join(static(name) for name in STATIC)).hexdigest()[:12]


@cache
def templates() -> Environment:
    """Return the templates; all that they show is escaped."""
    found = page.environment(__package__)
    found.filters.update(
        ago=words.ago,
        capital=lambda text: text[:1].upper() + text[1:],
        cents=to_cents,
        chance=words.chance,
        count=count,
        day=day,
        iso=format_ms,
        left=words.left,
        minute=day_and_time,
        money=money,
        named=words.named,
        nats=nats,
        old=words.is_old,
        quoted=lambda text: quote(text, safe=""),
        resolution=lambda name: resolution_label(name or "resolved"),
        short=words.short,
        signal=words.signal,
        soon=words.is_soon,
        standing=words.standing,
    )
    return found
