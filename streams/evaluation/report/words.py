"""How the figures of an evaluation read: shares, days, their intervals, the names of what was compared."""

import math
from collections.abc import Callable

from streams.evaluation.detectors.results import Estimate
from streams.evaluation.report.document import Cell
from streams.evaluation.shared.wilson import Share
from streams.lab.generate.options import Population, Shape

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


def version(ruleset: str) -> str:
    """Return the version of `version+hash`."""
    return ruleset.rpartition("+")[0]


def share(value: float | None) -> str:
    """Say a share in percent, with one decimal near 0 and 1, where it matters; `–` if unknown."""
    if value is None or math.isnan(value):
        return "–"
    near = 0 < value < 0.1 or 0.95 < value < 1
    return f"{value * 100:.{int(near)}f}\u00a0%"


def days(value: float | None) -> str:
    """Say a delay in days; one that never ends within the 90 days is `> 90`, `–` if unknown."""
    if value is None or math.isnan(value):
        return "–"
    return "> 90" if value == math.inf else f"{value:.1f}"


def points(value: float) -> str:
    """Say a difference of shares in percentage points, with its sign."""
    return signed(value * 100)


def signed(value: float) -> str:
    """Say a difference with its sign; one of delays is infinite where only one of the two finds half."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "+∞" if value > 0 else "−∞"
    # Adding 0 makes minus zero plain.
    return f"{round(value, 1) + 0:+.1f}".replace("-", "−")


def between(one: Estimate | Share, show: Callable[[float], str]) -> str:
    """Say the interval of a figure."""
    low, high = show(one.low), show(one.high)
    return low if low == high else f"{low} to {high}"


def cell(estimate: Estimate, show: Callable[[float], str], beneath: str = "") -> Cell:
    """Return the estimate with its interval beneath, and more words if given."""
    return Cell(show(estimate.value), ", ".join(filter(None, (between(estimate, show), beneath))))


def share_cell(one: Share, *, of: bool = True) -> Cell:
    """Return a counted share with its interval beneath, and `of` how many; nothing beneath where of none."""
    beneath = f"{between(one, share)}, of {one.of:,}" if of else between(one, share)
    return Cell(share(one.share), beneath if one.of else "")


def counted(one: Share) -> str:
    """Say a counted share with its interval: `81 % (79 % to 83 %)`."""
    return f"{share(one.share)} ({between(one, share) if one.of else ''})"
