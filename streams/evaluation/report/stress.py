"""False alarms when the feed breaks, shops close or trade is slack, beside the same worlds without."""

from collections.abc import Sequence
from math import isinf

from streams.evaluation.report.document import Cell, Part, Row, Section, Table
from streams.evaluation.report.words import POPULATIONS, version
from streams.evaluation.stress.disturb import Disturbance
from streams.evaluation.stress.stress import AFTER_DAYS, MOST, Ratio, StressResult

DISTURBANCES = {
    Disturbance.LOST: "Feed outage of 3 days, purchases lost",
    Disturbance.LATE: "Feed outage of 3 days, purchases late",
    Disturbance.HOLIDAY: "Holiday week, shops closed",
    Disturbance.DIP: "Seasonal dip of 30 % for 8 weeks",
    Disturbance.FAILING_SHOP: "One of two shop systems fails for 3 days",
}
ASIDE = Disturbance.FAILING_SHOP
"""Reported, but no goal was set for it."""


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


def _table(caption: str, results: Sequence[StressResult], *, apart: bool) -> Table:
    groups = {
        f"ruleset {version(result.ruleset)}": [
            _row(one) for one in result.ratios if (one.population is not None) is apart
        ]
        for result in results
    }
    return Table(caption, ("Disturbance", "Without", "With", "Ratio"), groups)


def _row(one: Ratio) -> Row:
    met = None if one.disturbance is ASIDE or one.population is not None else one.met
    word = "" if met is None else ", met" if met else ", not met"
    ratio = Cell(times(one.ratio), f"{times(one.low)} to {times(one.high)}{word}", met)
    where = "" if one.population is None else f"{POPULATIONS[one.population]}, "
    return Row(
        DISTURBANCES[one.disturbance],
        (Cell(f"{one.without:,}"), Cell(f"{one.with_it:,}"), ratio),
        f"{where}{one.places:,} times in {one.worlds:,} worlds",
    )


def times(ratio: float | None) -> str:
    """Say a ratio of false alarms; `–` if unknown."""
    if ratio is None:
        return "–"
    return "∞" if isinf(ratio) else f"{ratio:.2f}"
