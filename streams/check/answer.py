"""What a question comes to: a verdict, a figure, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from streams.core.time import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

Detail: TypeAlias = Mapping[str, str | int | float | None]
"""A row of figures; shares are from 0 to 1."""


class Verdict(StrEnum):
    """How it stands."""

    GOOD = "good"
    LOOK = "look"
    """Somebody who knows the feed should look at it."""
    BAD = "bad"
    """Alerts will say little until it is mended."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question; `advice` is one sentence."""

    question: str
    verdict: Verdict
    figure: str
    advice: str
    details: tuple[Detail, ...] = ()


def share(count: float, of: float) -> float:
    """Return a share; 0 of nothing."""
    return count / of if of else 0.0


def percent(count: float, of: float) -> str:
    """Return a share for people: what is not 0 % or 100 % never reads so."""
    found = share(count, of)
    if 0 < found < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= found < 1:
        return "> 99.9 %"
    return f"{found:.0%}".replace("%", " %") if found in {0, 1} else f"{100 * found:.1f} %"


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun."""
    return f"1 {one}" if count == 1 else f"{count:,} {many or one + 's'}"


def span(ms: float) -> str:
    """Return a length of time for people."""
    if not ms:
        return "0 s"
    for unit, name in ((DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "min"), (SECOND_MS, "s")):
        if ms >= unit:
            return f"{ms / unit:.3g} {name}"
    return f"{ms:.0f} ms"
