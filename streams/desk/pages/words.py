"""How figures, times and texts of an alert are said on the pages."""

from typing import Final

from streams.core.time import DAY_MS, HOUR_MS
from streams.desk.acting.wish import OUTCOMES
from streams.desk.board.entry import Done
from streams.desk.board.queue import NONE
from streams.lab.report.words import day, percent, signal_label

_MINUTE_MS: Final = 60_000
_SOON_DAYS: Final = 14
_SIGNALS: Final = {
    "subscription_reduced": "subscription reduced",
    "silence": "spend fell without a known contact",
    NONE: "nothing that is known",
}
_MOST_WORDS: Final = 120


def chance(probability: float) -> str:
    """Return a probability in percent, never as certainty."""
    return percent(min(max(probability, 0.0001), 0.9999))


def signal(name: str) -> str:
    """Return what went wrong in plain words."""
    return _SIGNALS.get(name) or signal_label(name)


def short(text: str | None, most: int = _MOST_WORDS) -> str:
    """Return a text that is cut where it is very long; a dash for none."""
    if not text or text == NONE:
        return "–"
    return text if len(text) <= most else f"{text[: most - 1]}…"


def named(text: str, most: int = _MOST_WORDS) -> str:
    """Return a name of a group or a choice, cut where it is very long."""
    return "not said" if text == NONE else short(text, most)


def span(ms: int) -> str:
    """Return a time span in its largest unit: `40 min`, `5 h`, `12 d`."""
    if ms < HOUR_MS:
        return f"{max(0, ms) // _MINUTE_MS} min"
    return f"{ms // HOUR_MS} h" if ms < 2 * DAY_MS else f"{ms // DAY_MS} d"


def ago(ms: int, now_ms: int) -> str:
    """Return how long ago something was."""
    return f"{span(now_ms - ms)} ago"


def left(ms: int, now_ms: int) -> str:
    """Return how long there is until something, or that it has passed."""
    return f"{span(ms - now_ms)} left" if ms > now_ms else "passed"


def is_soon(ms: int, now_ms: int) -> bool:
    """Return whether there is little time left."""
    return 0 <= ms - now_ms < _SOON_DAYS * DAY_MS


def is_old(ms: int, now_ms: int) -> bool:
    """Return whether figures of a time are so old that one has to say of when they are."""
    return now_ms - ms >= 2 * DAY_MS


def standing(done: Done | None, now_ms: int) -> str:
    """Return how far the work on an alert has come."""
    if done is None:
        return "new"
    until = done.snooze_until_ms
    if until is not None:
        return f"snoozed until {day(until)}" if until > now_ms else f"was snoozed until {day(until)}"
    parts = [done.status, *([outcome(done.outcome)] if done.outcome else [])]
    return ": ".join(parts) + (f" ({done.action})" if done.action else "")


def outcome(name: str) -> str:
    """Return how something turned out, in plain words."""
    return OUTCOMES.get(name, name.replace("_", " "))
