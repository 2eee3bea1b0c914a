"""The goals, met or not, of all parts of an evaluation, by ruleset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.evaluation.report.document import Cell, Group, Part, Row, Table
from streams.evaluation.report.words import counted
from streams.evaluation.worlds.figures import STATED, Mix
from streams.evaluation.worlds.worlds import LEAST, REAL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.evaluation.detectors.results import DetectorComparison
    from streams.evaluation.worlds.worlds import WorldsResult


def goals(rows: Iterable[tuple[str, Row]]) -> tuple[Group, ...]:
    """Return the goals by the name of the ruleset each is of; the cell of a row tells whether it is met."""
    rows = list(rows)
    names = dict.fromkeys(name for name, _ in rows)
    return tuple(Group(name, tuple(row for whose, row in rows if whose == name)) for name in names)


def detector_goals(comparison: DetectorComparison) -> list[tuple[str, Row]]:
    """Return the goals of the comparison, each with the name of its ruleset."""
    return [(one.detector, goal_row(one.goal, one.measured, met=one.met)) for one in comparison.goals]


def goals_part(groups: tuple[Group, ...]) -> Part:
    """Return the table of the goals."""
    return Part("", "", (Table("Goals and what was measured", ("Goal", "Met? Measured"), groups),))


def met(groups: tuple[Group, ...], name: str) -> tuple[int, int]:
    """Return how many goals a ruleset meets, and how many it has."""
    held = [row.cells[0].met is True for group in groups if group.head == name for row in group.rows]
    return sum(held), len(held)


def goal_row(goal: str, measured: str, *, met: bool | None) -> Row:
    """Return a goal as a row; None: too little was seen to tell."""
    said = "too few to tell" if met is None else "met" if met else "not met"
    return Row(goal, (Cell(said, measured, met),))


def calibration_goal(result: WorldsResult) -> Row:
    """Return the goal for the stated probability of a ruleset."""
    real = result.of(Mix.WEIGHTS).stated.real
    goal = (
        f"Of at least {LEAST} records stated {STATED[0]} to {STATED[1]}, {REAL[0]} to {REAL[1]} are real "
        "where boycotts are as frequent as the weights say"
    )
    return goal_row(
        goal, f"{counted(real)} of {real.of:,}" if real.of else "none seen", met=result.calibrated
    )
