"""The figures of many worlds, for all tables and pictures, with 95 % intervals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, pairwise
from statistics import fmean, median
from typing import Final

from streams.evaluation.shared.wilson import Share, wilson
from streams.evaluation.worlds.truth import DAYS, Held, Judged, Loyal, Raised
from streams.lab.generate.options import Population, Severity, Shape

STATED: Final = (0.78, 0.85)
"""The probabilities whose calibration is a goal, both included; most alerts are raised in there."""
EDGES: Final = (0.0, 0.5, 0.55, 0.65, 0.78, 0.85, 1.0)


class Mix(StrEnum):
    """How often journeys end in boycotts."""

    WEIGHTS = "weights"
    """As often as the weights of the ruleset say."""
    GENERATED = "generated"
    """By severity, as `generate` draws by default: 5, 9 and 25 %."""


@dataclass(frozen=True, slots=True)
class Precision:
    """The share of the records at each level whose customer had left, by the severity of the journey."""

    severity: Severity | None
    """None: all, those without an anchor included."""
    watch: Share
    alert: Share


@dataclass(frozen=True, slots=True)
class Bin:
    """Records with a stated probability from `low` to `high`."""

    low: float
    high: float
    stated: float | None
    """The mean; None without records."""
    real: Share


@dataclass(frozen=True, slots=True)
class FoundShape:
    """Boycotts of judged customers, with 90 days of history after their start."""

    shape: Shape
    watch: Share
    """Found within 90 days, and before they ended."""
    alert: Share
    median_days: float | None
    """From the start to the alert, of those found; None if none is."""


@dataclass(frozen=True, slots=True)
class Value:
    """What these boycotts took away in 90 days, in cents."""

    lost: int
    caught: int
    """Of `lost`, by boycotts that were found."""
    to_come: int
    """Of `caught`, after the alert."""


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Episodes of customers who never boycott."""

    alerts: Share
    """Of all of them, those that became an alert."""
    judged_days: float
    per_90_days: float | None
    """Alerts per 90 judged days; None without any."""


@dataclass(frozen=True, slots=True)
class MixFigures:
    """Everything about the worlds of one mix."""

    mix: Mix
    population: Population | None
    """None: all of them together."""
    worlds: int
    customers: int
    """In one world after the other."""
    boycotts: int
    """All, also of customers who are not judged."""
    precision: tuple[Precision, ...]
    """All first, then by severity."""
    bins: tuple[Bin, ...]
    stated: Bin
    """Those of `STATED`."""
    found: tuple[FoundShape, ...]
    value: Value
    false_alarms: FalseAlarms


def figures_of(mix: Mix, population: Population | None, held: Sequence[Held]) -> MixFigures:
    """Return the figures of some worlds of one mix."""
    raised = [*chain.from_iterable(one.raised for one in held)]
    judged = [*chain.from_iterable(one.judged for one in held)]
    return MixFigures(
        mix=mix,
        population=population,
        worlds=len(held),
        customers=sum(one.customers for one in held),
        boycotts=sum(one.boycotts for one in held),
        precision=tuple(_precision(raised, severity) for severity in [None, *Severity]),
        bins=tuple(_bin(raised, low, high, closed=high == EDGES[-1]) for low, high in pairwise(EDGES)),
        stated=_bin(raised, *STATED, closed=True),
        found=tuple(_found(judged, shape) for shape in Shape),
        value=Value(
            lost=sum(one.lost_cents for one in judged),
            caught=sum(one.lost_cents for one in judged if one.alert_days is not None),
            to_come=sum(one.to_come_cents for one in judged),
        ),
        false_alarms=_false_alarms([*chain.from_iterable(one.loyal for one in held)]),
    )


def _share(true: Iterable[bool]) -> Share:
    mine = list(true)
    return wilson(sum(mine), len(mine))


def _precision(raised: Iterable[Raised], severity: Severity | None) -> Precision:
    mine = [one for one in raised if severity in {None, one.severity}]
    watch, alert = (_share(one.real for one in mine if one.level == level) for level in ("watch", "alert"))
    return Precision(severity, watch, alert)


def _bin(raised: Iterable[Raised], low: float, high: float, *, closed: bool) -> Bin:
    """Return the bin of [low, high), or [low, high] if it is closed."""
    mine = [one for one in raised if low <= one.probability < high or (closed and one.probability == high)]
    stated = fmean(one.probability for one in mine) if mine else None
    return Bin(low, high, stated, _share(one.real for one in mine))


def _found(judged: Iterable[Judged], shape: Shape) -> FoundShape:
    mine = [one for one in judged if one.shape is shape]
    days = [one.alert_days for one in mine if one.alert_days is not None]
    watch = _share(one.watch_days is not None for one in mine)
    alert = _share(one.alert_days is not None for one in mine)
    return FoundShape(shape, watch, alert, median(days) if days else None)


def _false_alarms(loyal: Sequence[Loyal]) -> FalseAlarms:
    alerts, days = _share(one.alerted for one in loyal), sum(one.days for one in loyal)
    return FalseAlarms(alerts, days, alerts.count / days * DAYS if days else None)
