"""The comparison of the detectors: its figures, its goals, and the command."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from streams.core.ruleset import VERSIONS
from streams.evaluation import command
from streams.evaluation.detectors.compare import compare
from streams.evaluation.detectors.draws import DRAWS, Draws, difference, estimate
from streams.evaluation.detectors.goals import goals
from streams.evaluation.detectors.results import Difference, Estimate, PopulationFigures
from streams.evaluation.detectors.trial import SHAPES, TooFewError
from streams.evaluation.evaluation import QUICK, Size
from streams.lab.generate.options import Population, Shape

pytestmark = pytest.mark.slow

RULES = tuple(VERSIONS.values())
OURS = "ours, ruleset 1"
TINY = Size(((Population.CDNOW, 500),), 1, 0, None, 0, None, 0)


@pytest.fixture(scope="module")
def figures() -> PopulationFigures:
    return compare(Population.SYNTHETIC, RULES[:1], (3, 4), 0.1, customers=260)


def test_every_detector_is_tried_on_the_same_copies(figures: PopulationFigures) -> None:
    assert figures.copies == figures.cases * (1 + len(Shape))
    assert figures.households <= figures.cases <= 2 * figures.households
    assert [one.ours for one in figures.detectors] == [True] + [False] * 6
    for one in figures.detectors:
        assert [found.shape for found in one.shapes] == list(Shape)
        for found in one.shapes:
            assert found.found_30.low <= found.found_30.value <= found.found_30.high
            assert found.found_by_day[90] == pytest.approx(found.found_90.value)
            assert found.found_by_day[30] == pytest.approx(found.found_30.value)
            assert list(found.found_by_day) == sorted(found.found_by_day)
            assert found.found_at_targets[9] == pytest.approx(found.found_90.value)
            median = found.median_days.value
            assert math.isinf(median) or found.found_by_day[math.ceil(median)] >= 0.5 - 1e-9


def test_full_boycotts_are_found_and_untouched_copies_alarm_as_often_as_wanted(
    figures: PopulationFigures,
) -> None:
    ours = figures.detectors[0]
    assert ours.of(Shape.FULL).found_90.value > 0.9
    assert ours.false_alarms.low <= 0.1 <= ours.false_alarms.high
    assert ours.false_alarms_at_targets[9] == pytest.approx(ours.false_alarms.value)


def test_the_best_other_is_the_best_of_the_table(figures: PopulationFigures) -> None:
    others = [one for one in figures.detectors if not one.ours]
    for one in figures.differences:
        ours = figures.detectors[0].of(one.shape)
        best = max(other.of(one.shape).found_90.value for other in others)
        earliest = min(other.of(one.shape).median_days.value for other in others)
        assert one.recall.value == pytest.approx(ours.found_90.value - best)
        assert one.median_days.value == pytest.approx(ours.median_days.value - earliest)


def test_classes_split_the_cases(figures: PopulationFigures) -> None:
    (by,) = figures.detectability
    assert sum(one.cases for one in by.by_trips) == figures.cases
    assert len(by.by_trips) == 5
    assert sum(one.cases for one in by.by_history) <= figures.cases
    whole = sum(one.cases * dict(one.found_90)[Shape.FULL].value for one in by.by_trips) / figures.cases
    assert whole == pytest.approx(figures.detectors[0].of(Shape.FULL).found_90.value)


def test_too_few_households_are_said() -> None:
    with pytest.raises(TooFewError, match=r"synthetic: \d+ households can be judged .* and 40 are needed"):
        compare(Population.SYNTHETIC, RULES[:1], (3,), 0.1, customers=60)


# Draws


def test_a_household_is_drawn_with_all_its_cases() -> None:
    # One household with many finds, nine with one miss each: cases alone would give a narrow interval.
    household = np.array([0] * 30 + list(range(1, 10)))
    found = estimate(Draws(household).share(household == 0))
    assert found.value == pytest.approx(30 / 39)
    assert found.low == 0.0
    assert found.high > 0.9


def test_the_median_is_infinite_where_fewer_than_half_are_found() -> None:
    draws = Draws(np.arange(4))
    assert draws.delays(np.array([4, 8, -1, -1])).median()[0] == 2.0
    assert math.isinf(draws.delays(np.array([4, -1, -1, -1])).median()[0])
    chosen = np.array([True, False, False, False])
    assert draws.delays(np.array([4, -1, -1, -1]), chosen).median()[0] == 1.0


def test_differences_are_paired_and_nothing_where_both_never_find() -> None:
    never, some = np.full(1 + DRAWS, np.inf), np.arange(1 + DRAWS, dtype=np.float64)
    assert difference(some + 3, some) == Estimate(3.0, 3.0, 3.0)
    assert difference(never, never) == Estimate(0.0, 0.0, 0.0)
    assert difference(some, never).value == -math.inf


# Goals


def at_goal(figures: PopulationFigures) -> PopulationFigures:
    """Return figures that meet every goal just so."""
    wanted = {Shape.FULL: (0.99, 18.0), Shape.FEWER_TRIPS: (0.8, 45.0), Shape.HALF_HALF: (0.85, 42.0)}
    shapes = tuple(
        replace(one, found_90=exactly(wanted[one.shape][0]), median_days=exactly(wanted[one.shape][1]))
        for one in figures.detectors[0].shapes
        if one.shape in wanted
    )
    differences = tuple(
        Difference(OURS, shape, "x", exactly(-0.02 if shape is Shape.FULL else 0.001), "y", exactly(-0.25))
        for shape in SHAPES
    )
    ours = replace(figures.detectors[0], shapes=shapes)
    return replace(figures, population=Population.COMPLETEJOURNEY, detectors=(ours,), differences=differences)


def exactly(value: float) -> Estimate:
    return Estimate(value, value, value)


def test_goals_are_met_at_their_bounds_and_not_beyond(figures: PopulationFigures) -> None:
    met = at_goal(figures)
    assert len(goals([met], 0.05)) == 12
    assert all(one.met for one in goals([met], 0.05))
    worse = tuple(
        replace(one, found_90=exactly(one.found_90.value - 0.001), median_days=exactly(46.0))
        for one in met.detectors[0].shapes
    )
    behind = tuple(
        replace(one, recall=exactly(one.recall.value - 0.001), median_days=exactly(0.0))
        for one in met.differences
    )
    missed = replace(met, detectors=(replace(met.detectors[0], shapes=worse),), differences=behind)
    assert not any(one.met for one in goals([missed], 0.05))


def test_goals_are_for_grocery_baskets_at_five_percent(figures: PopulationFigures) -> None:
    assert goals([figures], 0.05) == ()
    assert goals([at_goal(figures)], 0.1) == ()


# The command


def run(*arguments: str) -> tuple[int, str, str]:
    app = typer.Typer()
    app.command()(command.evaluate_command)
    result = CliRunner().invoke(app, [*arguments], env={"COLUMNS": "120"})
    return result.exit_code, result.stdout, result.stderr


def test_the_command_prints_tables_and_writes_all_figures_whatever_the_number_of_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "QUICK", replace(TINY, most_seeds=2))
    told = []
    for jobs in ("1", "2"):
        json_file, report = tmp_path / f"{jobs}.json", tmp_path / f"{jobs}.html"
        code, out, _ = run(
            *("--population", "cdnow", "--quick", "--jobs", jobs, "--ruleset", "1"),
            *("--json", str(json_file), "--report", str(report)),
        )
        assert code == 0
        assert "BG/NBD P(alive)" in out
        assert f"figures: {json_file}" in " ".join(out.split())
        assert report.read_text(encoding="utf-8").startswith("<!doctype html>")
        told.append(json_file.read_text(encoding="utf-8"))
    assert told[0] == told[1]
    (population,) = json.loads(told[0])["comparison"]["populations"]
    assert population["customers"] == 500
    assert population["seeds"] == [0, 1]
    inactivity = population["detectors"][1]["shapes"][0]
    assert inactivity["shape"] == "full"
    assert inactivity["median_days"]["value"] is None


def test_the_command_refuses_at_once_what_it_could_not_do(tmp_path: Path) -> None:
    code, _, error = run("--report", str(tmp_path / "no" / "such.html"))
    assert code == 73
    assert "no such directory" in error
    assert run("--json", str(tmp_path))[0] == 73
    code, _, error = run("--ruleset", "1", "--ruleset", "1")
    assert code == 64
    assert 'two rulesets are of version "1"' in error


def test_the_command_says_when_too_few_can_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "QUICK", replace(TINY, customers=((Population.SYNTHETIC, 50),)))
    code, _, error = run("--population", "synthetic", "--quick", "--jobs", "1")
    assert code == 65
    assert "households can be judged" in error


def test_quick_leaves_out_what_takes_long() -> None:
    assert QUICK.stress_seeds == 0
    assert QUICK.splits == 0
