"""False alarms when the feed breaks, shops close or trade is slack, beside the same worlds without."""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING

from streams.evaluation.report.document import Cell, Group, Part, Row, Section, Table
from streams.evaluation.report.goals import goal_row
from streams.evaluation.report.words import POPULATIONS, version
from streams.evaluation.stress.disturb import Disturbance
from streams.evaluation.stress.stress import AFTER_DAYS, MOST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.evaluation.stress.stress import Ratio, StressResult

DISTURBANCES = {
    Disturbance.LOST: "Feed outage of 3 days, purchases lost",
    Disturbance.LATE: "Feed outage of 3 days, purchases late",
    Disturbance.HOLIDAY: "Holiday week, shops closed",
    Disturbance.DIP: "Seasonal dip of 30 % for 8 weeks",
    Disturbance.FAILING_SHOP: "One of two shop systems fails for 3 days",
}

# Reported, but no goal was set for it.
ASIDE = frozenset({Disturbance.FAILING_SHOP})


def under_stress(results: Sequence[StressResult]) -> Section:
    """Return the section of all rulesets."""
    parts = (
        Part("", "", (_table("All populations together", results, apart=False),)),
        Part("By population", "", (_table("Each population", results, apart=True),), folded=True),
    )
    hint = (
        "Worlds in which nobody boycotts, with a disturbance and without it: false alarms from its beginning "
        f"until {AFTER_DAYS} days after its end, of the same customers at the same time. The ratio should be "
        f"at most {MOST}."
    )
    return Section("stress", "When the feed breaks or trade is slack", hint, parts)


def stress_goals(result: StressResult) -> list[Row]:
    """Return the goals of one ruleset, of all populations together."""
    return [
        goal_row(
            f"{DISTURBANCES[one.disturbance]}: at most {MOST} times the false alarms", _said(one), met=one.met
        )
        for one in result.ratios
        if one.population is None and one.disturbance not in ASIDE
    ]


def _table(caption: str, results: Sequence[StressResult], *, apart: bool) -> Table:
    groups = tuple(
        Group(
            f"ruleset {version(result.ruleset)}",
            tuple(_row(one) for one in result.ratios if (one.population is not None) is apart),
        )
        for result in results
    )
    return Table(caption, ("Disturbance", "Without", "With", "Ratio"), groups)


def _row(one: Ratio) -> Row:
    met = None if one.disturbance in ASIDE or one.population is not None else one.met
    interval = f"{_times(one.low)} to {_times(one.high)}"
    word = "" if met is None else ", met" if met else ", not met"
    ratio = Cell(_times(one.ratio), interval + word, met)
    happened = f"{one.places:,} times in {one.worlds:,} worlds"
    where = "" if one.population is None else f"{POPULATIONS[one.population]}, "
    return Row(
        DISTURBANCES[one.disturbance],
        (Cell(f"{one.without:,}"), Cell(f"{one.with_it:,}"), ratio),
        where + happened,
    )


def _times(ratio: float | None) -> str:
    if ratio is None:
        return "–"
    return "∞" if isinf(ratio) else f"{ratio:.2f}"


def _said(one: Ratio) -> str:
    interval = f"{_times(one.low)} to {_times(one.high)}"
    return f"{_times(one.ratio)} ({interval}), {one.with_it:,} against {one.without:,}"
