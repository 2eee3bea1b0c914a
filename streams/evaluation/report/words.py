"""How the figures of an evaluation read: shares, days, their intervals, the names of what was compared."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from streams.evaluation.report.document import Cell
from streams.lab.generate.options import Population, Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.evaluation.detectors.results import Estimate
    from streams.evaluation.shared.wilson import Share

SHAPES = {
    Shape.FULL: "Full boycott",
    Shape.FEWER_TRIPS: "70 % fewer trips",
    Shape.SMALLER_BASKETS: "Baskets 70 % smaller",
    Shape.HALF_HALF: "Half the trips, half the basket",
    Shape.DELAYED: "Full, but 3 weeks later",
    Shape.GRADUAL: "Fading away over 8 weeks",
}

SHORT_SHAPES = {
    Shape.FULL: "full",
    Shape.FEWER_TRIPS: "70 % fewer trips",
    Shape.SMALLER_BASKETS: "smaller baskets",
    Shape.HALF_HALF: "half / half",
    Shape.DELAYED: "3 weeks later",
    Shape.GRADUAL: "fading",
}

POPULATIONS = {
    Population.COMPLETEJOURNEY: "Grocery baskets",
    Population.CDNOW: "Few purchases",
    Population.SYNTHETIC: "Synthetic customers",
}

ABOUT = {
    Population.COMPLETEJOURNEY: "Real purchases of households at a grocer (completejourney).",
    Population.CDNOW: "Real purchases at an online music shop (CDNOW): the case of low frequency.",
    Population.SYNTHETIC: "Synthetic purchases, drawn customer by customer with a rhythm of their own.",
}


def version(ruleset: str) -> str:
    """Return the version of `version+hash`."""
    return ruleset.rpartition("+")[0]


def our_name(ruleset: str) -> str:
    """Return the name as a detector of the ruleset `version+hash`."""
    return f"ours, ruleset {version(ruleset)}"


def share(value: float) -> str:
    """Say a share in percent, with one decimal near 0 and 1, where it matters; `–` if unknown."""
    if math.isnan(value):
        return "–"
    near = 0 < value < 0.1 or 0.95 < value < 1
    return f"{value * 100:.{int(near)}f}\u00a0%"


def days(value: float) -> str:
    """Say a delay in days; one that never ends within the 90 days is `> 90`."""
    if math.isnan(value):
        return "–"
    return "> 90" if value == math.inf else f"{value:.1f}"


def points(value: float) -> str:
    """Say a difference of shares in percentage points, with its sign."""
    return _signed(value * 100, 1)


def fewer_days(value: float) -> str:
    """Say a difference of delays in days, with its sign; infinite where only one of the two finds half."""
    return _signed(value, 1)


def _signed(value: float, places: int) -> str:
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "+∞" if value > 0 else "−∞"
    # Adding 0 makes minus zero plain.
    return f"{round(value, places) + 0:+.{places}f}".replace("-", "−")


def between(estimate: Estimate, show: Callable[[float], str]) -> str:
    """Say the interval of an estimate."""
    low, high = show(estimate.low), show(estimate.high)
    return low if low == high else f"{low} to {high}"


def cell(estimate: Estimate, show: Callable[[float], str], beneath: str = "") -> Cell:
    """Return the estimate with its interval beneath, and more words if given."""
    return Cell(show(estimate.value), ", ".join(filter(None, (between(estimate, show), beneath))))


def known(value: float | None, show: Callable[[float], str]) -> str:
    """Say a figure, or `–` if there is none."""
    return "–" if value is None else show(value)


def split(one: Share) -> tuple[str, str]:
    """Say a counted share, and its interval; nothing of the interval where nothing was counted."""
    interval = f"{share(one.low)} to {share(one.high)}" if one.of else ""
    return known(one.share, share), interval


def counted(one: Share) -> str:
    """Say a counted share with its interval: `81 % (79 % to 83 %)`."""
    said, interval = split(one)
    return f"{said} ({interval})"
