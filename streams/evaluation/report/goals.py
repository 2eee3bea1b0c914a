"""The goals of all parts of an evaluation, met or not, by ruleset."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from streams.evaluation.detectors.results import DetectorComparison
from streams.evaluation.report.document import Cell, Row
from streams.evaluation.report.stress import ASIDE, DISTURBANCES, times
from streams.evaluation.report.words import counted, version
from streams.evaluation.stress.stress import MOST, StressResult
from streams.evaluation.worlds.figures import STATED, Mix
from streams.evaluation.worlds.worlds import LEAST, REAL, WorldsResult


def goals(
    comparison: DetectorComparison, worlds: Sequence[WorldsResult], stress: Sequence[StressResult]
) -> dict[str, list[Row]]:
    """Return the goals by the name of the ruleset each is of; the cell of a row tells whether it is met."""
    held: defaultdict[str, list[Row]] = defaultdict(list)
    for one in comparison.goals:
        held[one.detector].append(_row(one.goal, one.measured, met=one.met))
    for result in worlds:
        held[_name(result.ruleset)].append(calibration_goal(result))
    for stressed in stress:
        held[_name(stressed.ruleset)].extend(stress_goals(stressed))
    return dict(held)


def met(held: Mapping[str, Sequence[Row]], name: str) -> tuple[int, int]:
    """Return how many goals a ruleset meets, and how many it has."""
    rows = held.get(name, ())
    return sum(row.cells[0].met is True for row in rows), len(rows)


def calibration_goal(result: WorldsResult) -> Row:
    """Return the goal for the stated probability of a ruleset."""
    real = result.of(Mix.WEIGHTS).stated.real
    goal = (
        f"Of at least {LEAST} records stated {STATED[0]} to {STATED[1]}, {REAL[0]} to {REAL[1]} are real "
        "where boycotts are as frequent as the weights say"
    )
    return _row(goal, f"{counted(real)} of {real.of:,}" if real.of else "none seen", met=result.calibrated)


def stress_goals(result: StressResult) -> list[Row]:
    """Return the goals of one ruleset under disturbances, of all populations together."""
    return [
        _row(
            f"{DISTURBANCES[one.disturbance]}: at most {MOST} times the false alarms",
            f"{times(one.ratio)} ({times(one.low)} to {times(one.high)}), "
            f"{one.with_it:,} against {one.without:,}",
            met=one.met,
        )
        for one in result.ratios
        if one.population is None and one.disturbance is not ASIDE
    ]


def _name(ruleset: str) -> str:
    return f"ours, ruleset {version(ruleset)}"


def _row(goal: str, measured: str, *, met: bool | None) -> Row:
    said = "too few to tell" if met is None else "met" if met else "not met"
    return Row(goal, (Cell(said, measured, met),))
