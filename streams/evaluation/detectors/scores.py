"""The detectors that are compared: each scores every case at every hour asked, the higher the more alarming.

A score at an hour is a function of the purchases before it, before and after the anchor, and of nothing else.
"""

from collections.abc import Callable, Iterable

import numpy as np

from streams.core.odds.odds import elapsed_days
from streams.core.ruleset import Ruleset
from streams.core.spend.baseline import BLOCK_HOURS
from streams.core.spend.evidence import Since, evidence
from streams.core.time import DAY_HOURS, HOUR_MS, WEEK_HOURS
from streams.evaluation.detectors import alive
from streams.evaluation.detectors.cases import Cases
from streams.evaluation.detectors.copies import Copies
from streams.evaluation.detectors.prepare import Prepared
from streams.lab.generate.purchases import Floats

Score = Callable[[Copies], Floats]
"""From one copy of each case to its scores at the hours of the cases (cases x hours)."""

INACTIVITY = "days without a purchase"
GAPS = "silence / own mean gap"
ALIVE = "BG/NBD P(alive)"
RATIO_30 = "30-day spend ratio"
RATIO_90 = "90-day spend ratio"
CUSUM = "CUSUM of weekly spend"

_SLACK = 0.5
"""k of the CUSUM, in standard deviations: half the shift it is tuned to find."""

_LEAST_SPREAD = 0.1
"""Of the mean: with a baseline of nearly equal weeks any deviation would count as huge."""


def our_names(rulesets: Iterable[Ruleset]) -> tuple[str, ...]:
    """Return what our rulesets are called among the detectors."""
    return tuple(f"ours, ruleset {rules.version}" for rules in rulesets)


def detectors(prepared: Prepared, cases: Cases, plain: Copies) -> dict[str, Score]:
    """Return all detectors by name, ours first; they learn of a case from before its anchor."""
    ours = {name: our_score(prepared, cases, at) for at, name in enumerate(our_names(prepared.rulesets))}
    return {
        **ours,
        INACTIVITY: _silent_days(cases),
        GAPS: _gap_score(cases, plain),
        ALIVE: lambda copies: alive.scores(prepared.fits, cases.first_hours * HOUR_MS, copies, cases.hours),
        RATIO_30: _ratio_score(cases, 30),
        RATIO_90: _ratio_score(cases, 90),
        CUSUM: _cusum_score(cases, plain),
    }


def our_score(prepared: Prepared, cases: Cases, ruleset: int) -> Score:
    """Return S of a ruleset by the core's own functions, with every yardstick frozen at its anchor.

    Frustration and temperature do not change its order.
    """
    rules, guard = prepared.rulesets[ruleset], prepared.guards[ruleset]
    yardsticks = [case.yardstick(prepared, ruleset) for case in cases.every]
    # What is not settled yet is not looked at.
    hours = np.maximum(cases.first_hours[:, None], cases.hours - rules.settle_hours)
    asked = hours.tolist()
    rows = zip(yardsticks, asked, strict=True)
    days = [[elapsed_days(yardstick, hour, guard) for hour in row] for yardstick, row in rows]

    def score(copies: Copies) -> Floats:
        spend = copies.spend_before(hours) - copies.spend_before(hours[:, :1])
        trips = copies.trips_before(hours) - copies.trips_before(hours[:, :1])
        cases_ = zip(yardsticks, asked, spend.tolist(), trips.tolist(), days, strict=True)
        return np.array(
            [
                [
                    evidence(yardstick, hour, Since(cents, count, elapsed), rules).silence
                    for hour, cents, count, elapsed in zip(*row, strict=True)
                ]
                for yardstick, *row in cases_
            ]
        )

    return score


def _silent_days(cases: Cases) -> Score:
    hours = cases.hours
    return lambda copies: (hours - copies.last_before(hours)) / DAY_HOURS


def _gap_score(cases: Cases, plain: Copies) -> Score:
    first = cases.first_hours[:, None]
    trips = plain.trips_before(first)
    # With one purchase only, the time it has been waited for the next is all that is known of the gap.
    last = np.where(trips > 1, plain.last_before(first), first)
    days = (last - plain.first_hour[:, None]) / DAY_HOURS
    mean = days / np.maximum(trips - 1, 1)
    waited = _silent_days(cases)
    return lambda copies: waited(copies) / mean


def _ratio_score(cases: Cases, days: int) -> Score:
    """Minus the spend of the last days over the usual; the window may reach back before the anchor."""
    hours, usual = cases.hours, cases.usual_per_day[:, None] * days
    back = hours - days * DAY_HOURS
    return lambda copies: (copies.spend_before(back) - copies.spend_before(hours)) / usual


def _cusum_score(cases: Cases, plain: Copies) -> Score:
    """Sum up, one-sided, how far spend by week falls short from the anchor on, in deviations of before it."""
    mean, spread = _weekly(cases, plain)
    first = cases.first_hours[:, None]
    # Within a week the sum is that of the last week that is complete.
    complete = (cases.hours - first) // WEEK_HOURS
    weeks = int(complete.max(initial=0))

    def score(copies: Copies) -> Floats:
        spend = np.diff(copies.spend_before(first + np.arange(weeks + 1) * WEEK_HOURS), axis=1)
        sums = np.zeros((len(spend), weeks + 1))
        for week in range(weeks):
            drop = (mean - spend[:, week]) / spread
            sums[:, week + 1] = np.maximum(0, sums[:, week] + drop - _SLACK)
        return np.take_along_axis(sums, complete, axis=1)

    return score


def _weekly(cases: Cases, plain: Copies) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each case's spend by week in the blocks before its anchor."""
    weeks = np.array([(case.usual[0].degrees + 1) * BLOCK_HOURS // WEEK_HOURS for case in cases.every])
    back = np.arange(weeks.max(initial=1) + 1)
    edges = (cases.first_hours - 1)[:, None] - back * WEEK_HOURS
    spend = -np.diff(plain.spend_before(edges), axis=1)
    inside = back[:-1] < weeks[:, None]
    mean = (spend * inside).sum(axis=1) / weeks
    squares = (((spend - mean[:, None]) * inside) ** 2).sum(axis=1)
    return mean, np.maximum(np.sqrt(squares / (weeks - 1)), _LEAST_SPREAD * mean)
