"""The queue as a page, and its parts, which a page that is open asks for again."""

from collections.abc import Mapping
from typing import Final

from streams.desk.acting.wish import ACTIONS, OUTCOMES
from streams.desk.board.queue import SHOWN, Filters, Queue
from streams.desk.pages import words
from streams.desk.pages.shell import Shell, render

COLUMNS: Final = (
    ("level", "Level"),
    ("chance", "Chance"),
    ("about", "About"),
    ("owner", "Owner"),
    ("raised", "Raised"),
    ("deadline", "Deadline"),
    ("standing", "Standing"),
)


def queue_page(queue: Queue, filters: Filters, shell: Shell, now_ms: int) -> str:
    """Return the whole page."""
    return render(
        "queue.html.jinja",
        shell=shell,
        outcomes=OUTCOMES,
        actions=ACTIONS,
        same=lambda text: text,
        signal=words.signal,
        **_shown(queue, filters, now_ms),
    )


def queue_parts(queue: Queue, filters: Filters, shell: Shell, now_ms: int) -> Mapping[str, str]:
    """Return what changes while it is open, by the id of the element that it is in."""
    shown = _shown(queue, filters, now_ms)
    return {
        "part": render("queue_head.html.jinja", shell=shell, **shown),
        "rows": render("queue_rows.html.jinja", shell=shell, **shown),
        "health": render("health.html.jinja", shell=shell),
    }


def _shown(queue: Queue, filters: Filters, now_ms: int) -> dict[str, object]:
    return {
        "queue": queue,
        "filters": filters,
        "shown": queue.entries[: filters.limit],
        "columns": COLUMNS,
        "usual_limit": SHOWN,
        "now": now_ms,
    }
