"""The detectors that are compared: each scores every case at every hour asked, the higher the more alarming.

A score at an hour is a function of the purchases before it, before and after the anchor, and of nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from streams.core.baseline import BLOCK_HOURS
from streams.core.evidence import Yardstick, evidence
from streams.core.time import DAY_HOURS, HOUR_MS, WEEK_HOURS
from streams.lab.evaluate import alive
from streams.lab.evaluate.cases import Cases
from streams.lab.evaluate.copies import Copies
from streams.lab.evaluate.prepare import Prepared
from streams.lab.generate.purchases import Floats, Ints

Score = Callable[[Copies, Ints], Floats]
"""From one copy of each case and the hours asked (cases x hours) to scores of the same shape."""

INACTIVITY = "days without a purchase"
GAPS = "silence / own mean gap"
ALIVE = "BG/NBD P(alive)"
RATIO_30 = "30-day spend ratio"
RATIO_90 = "90-day spend ratio"
CUSUM = "CUSUM of weekly spend"

_SLACK = 0.5
"""k of the CUSUM, in standard deviations: half the shift it is tuned to find."""

_LEAST_SPREAD = 0.1
"""Of the mean: a baseline of nearly equal weeks would make any deviation endless."""


def our_names(prepared: Prepared) -> tuple[str, ...]:
    """Return what our rulesets are called among the detectors."""
    return tuple(f"ours, ruleset {rules.version}" for rules in prepared.rulesets)


def detectors(prepared: Prepared, cases: Cases, plain: Copies) -> dict[str, Score]:
    """Return all detectors by name, ours first; what they learn of a case is learnt from before its anchor."""
    ours = {
        name: Ours(tuple(case.yardstick(prepared, at) for case in cases.every)).score
        for at, name in enumerate(our_names(prepared))
    }
    return {
        **ours,
        INACTIVITY: silent_days,
        GAPS: _gap_score(cases, plain),
        ALIVE: lambda copies, hours: alive.scores(prepared.fits, cases.first_hours * HOUR_MS, copies, hours),
        RATIO_30: _ratio_score(cases, 30),
        RATIO_90: _ratio_score(cases, 90),
        CUSUM: _cusum_score(cases, plain),
    }


@dataclass(frozen=True, slots=True)
class Ours:
    """S of a ruleset, by the core's own function; frustration and temperature do not change its order."""

    yardsticks: tuple[Yardstick, ...]

    def score(self, copies: Copies, hours: Ints) -> Floats:
        """Return S of each case at its hours, with a feed that always worked."""
        first = np.array([one.first_hour for one in self.yardsticks], np.int64)[:, None]
        spent = copies.spend_before(hours) - copies.spend_before(first)
        rows = zip(self.yardsticks, hours.tolist(), spent.tolist(), strict=True)
        return np.array(
            [
                [
                    evidence(yardstick, hour, spend, hour - yardstick.first_hour).silence
                    for hour, spend in zip(asked, since, strict=True)
                ]
                for yardstick, asked, since in rows
            ]
        )


def silent_days(copies: Copies, hours: Ints) -> Floats:
    """Return the days since the last purchase."""
    return np.asarray((hours - copies.last_before(hours)) / DAY_HOURS, np.float64)


def _gap_score(cases: Cases, plain: Copies) -> Score:
    first = cases.first_hours[:, None]
    # With one purchase only, the time it has been waited for the next is all that is known of the gap.
    bought = np.maximum(plain.count_before(first), 2)
    last = np.where(plain.count_before(first) > 1, plain.last_before(first), first)
    mean = np.maximum((last - plain.first_hour[:, None]) / DAY_HOURS / (bought - 1), 1 / DAY_HOURS)
    return lambda copies, hours: silent_days(copies, hours) / mean


def _ratio_score(cases: Cases, days: int) -> Score:
    """Minus the spend of the last days over the usual; the window may reach back before the anchor."""
    usual = cases.usual_per_day[:, None] * days
    return lambda copies, hours: (
        -(copies.spend_before(hours) - copies.spend_before(hours - days * DAY_HOURS)) / usual
    )


def _cusum_score(cases: Cases, plain: Copies) -> Score:
    """The one-sided tabular CUSUM of spend by week from the anchor on, in deviations of the weeks before it."""
    mean, spread = _weekly(cases, plain)

    def score(copies: Copies, hours: Ints) -> Floats:
        first = cases.first_hours[:, None]
        weeks = int((hours[0, -1] - hours[0, 0]) // WEEK_HOURS)
        edges = first + np.arange(weeks + 1) * WEEK_HOURS
        spend = np.diff(copies.spend_before(edges), axis=1)
        sums = np.zeros((len(spend), weeks + 1))
        for week in range(weeks):
            drop = (mean - spend[:, week]) / spread
            sums[:, week + 1] = np.maximum(0, sums[:, week] + drop - _SLACK)
        # Within a week the sum is that of the last week that is complete.
        return np.take_along_axis(sums, (hours - first) // WEEK_HOURS, axis=1)

    return score


def _weekly(cases: Cases, plain: Copies) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each case's spend by week in the blocks before its anchor."""
    weeks = np.array([(case.usual.degrees + 1) * BLOCK_HOURS // WEEK_HOURS for case in cases.every])
    back = np.arange(weeks.max(initial=1) + 1)
    edges = (cases.first_hours - 1)[:, None] - back * WEEK_HOURS
    spend = -np.diff(plain.spend_before(edges), axis=1)
    inside = back[:-1] < weeks[:, None]
    mean = (spend * inside).sum(axis=1) / weeks
    squares = (((spend - mean[:, None]) * inside) ** 2).sum(axis=1)
    return mean, np.maximum(np.sqrt(squares / (weeks - 1)), _LEAST_SPREAD * mean)
