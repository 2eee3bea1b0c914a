"""An evaluation's results made up by formula, with all that can happen in them."""

import math
from dataclasses import replace
from itertools import pairwise

from streams.evaluation.detectors.results import (
    DAYS,
    TARGETS,
    ClassFigures,
    Detectability,
    DetectorComparison,
    DetectorFigures,
    Difference,
    Estimate,
    Goal,
    PopulationFigures,
    ShapeFigures,
)
from streams.evaluation.shared.wilson import wilson
from streams.evaluation.stress.disturb import Disturbance
from streams.evaluation.stress.stress import Ratio, StressResult
from streams.evaluation.worlds.figures import (
    EDGES,
    STATED,
    Bin,
    FalseAlarms,
    FoundShape,
    Mix,
    MixFigures,
    Precision,
    Value,
)
from streams.evaluation.worlds.worlds import WorldsResult
from streams.lab.generate.options import Population, Severity, Shape

OURS = ("ours, ruleset 1", "ours, ruleset 2")
OTHERS = (
    "fixed inactivity",
    "silence / own mean gap",
    "BG/NBD P(alive)",
    "spend ratio, 30 days",
    "spend ratio, 90 days",
    "CUSUM",
)


def about(value: float, width: float) -> Estimate:
    """Return a share with an interval around it, within [0, 1]."""
    return Estimate(value, max(0.0, value - width), min(1.0, value + width))


def found(shape: Shape, slowness: float) -> ShapeFigures:
    """Return what a detector finds that is the later the higher `slowness`; half is never found from 2 on."""
    reach = min(1.0, 1.2 - 0.25 * slowness)
    by_day = tuple(max(0.0, reach * (1 - math.exp(-day / (12 + 10 * slowness)))) for day in range(DAYS + 1))
    median = next((float(day) for day, share in enumerate(by_day) if share >= 0.5), math.inf)
    at_targets = tuple(by_day[-1] * (1 - math.exp(-40 * target)) for target in TARGETS)
    median_days = Estimate(median, median - 2, median + 2)
    return ShapeFigures(
        shape, about(by_day[30], 0.03), about(by_day[90], 0.02), median_days, by_day, at_targets
    )


def detector(name: str, rank: int) -> DetectorFigures:
    """Return a detector; each rank finds less than the one before, and each shape is harder."""
    shapes = tuple(found(shape, 0.3 * rank + 0.25 * at) for at, shape in enumerate(Shape))
    alarms = tuple(target * 1.1 for target in TARGETS)
    return DetectorFigures(name, name in OURS, about(0.052, 0.012), alarms, shapes)


def classes(labels: tuple[str, ...]) -> tuple[ClassFigures, ...]:
    """Return classes, each found better than the one before."""
    return tuple(
        ClassFigures(
            label,
            310 + at,
            tuple((shape, about(0.5 + 0.1 * at - 0.03 * k, 0.06)) for k, shape in enumerate(Shape)),
            tuple((shape, Estimate(60 - 8 * at, 50, math.inf)) for shape in Shape),
        )
        for at, label in enumerate(labels)
    )


def population(name: Population = Population.COMPLETEJOURNEY) -> PopulationFigures:
    """Return the figures of one population; ruleset 2 is the better of ours."""
    return PopulationFigures(
        name,
        customers=2469,
        households=512,
        seeds=tuple(range(10)),
        cases=4321,
        copies=30247,
        detectors=tuple(detector(one, 1 - at) for at, one in enumerate(OURS))
        + tuple(detector(one, 2 + at) for at, one in enumerate(OTHERS)),
        differences=tuple(
            Difference(ours, shape, OTHERS[0], Estimate(0.021, -0.004, 0.041), OTHERS[2], days)
            for ours in OURS
            for shape, days in zip(Shape, (Estimate(-4.0, -6.0, -0.0), *[NEVER] * 5), strict=True)
        ),
        detectability=tuple(
            Detectability(
                ours,
                classes(("0.3–1.1", "1.1–2", "2–4", "4–7", "7–31")),
                classes(("3–6", "6–9", "9 and more")),
            )
            for ours in OURS
        ),
        notes=("The BG/NBD fit did not converge for 1 of 10 seeds.",),
    )


NEVER = Estimate(-math.inf, -math.inf, math.nan)


def comparison() -> DetectorComparison:
    """Return three populations, the last of a single class; ruleset 2 meets one goal more than ruleset 1."""
    cdnow = replace(population(Population.CDNOW), notes=())
    synthetic = population(Population.SYNTHETIC)
    goals = tuple(
        Goal(ours, f"{shape}: found within 90 days at least 80 %", "0.83 (0.81 to 0.85)", met)
        for ours, met in zip(OURS, (False, True), strict=True)
        for shape in (Shape.FULL, Shape.HALF_HALF)
    )
    return DetectorComparison(0.05, (population(), cdnow, synthetic), goals)


def mix_figures(mix: Mix, name: Population | None, records: int = 600) -> MixFigures:
    """Return a mix in which 8 of 10 records stated `STATED` are real, and of the others as many as stated."""
    bins = [
        Bin(low, high, (low + high) / 2, wilson(round(records * (low + high) / 2), records))
        for low, high in pairwise(EDGES[1:])
    ]
    return MixFigures(
        mix,
        name,
        worlds=20,
        customers=49_380,
        boycotts=3_210,
        precision=tuple(Precision(one, wilson(40, 50), wilson(27, 50)) for one in (None, *Severity)),
        bins=(Bin(EDGES[0], EDGES[1], None, wilson(0, 0)), *bins),
        stated=Bin(*STATED, 0.81 if records else None, wilson(round(records * 0.8), records)),
        found=tuple(FoundShape(shape, wilson(90, 100), wilson(80, 100), 17.5) for shape in Shape),
        value=Value(lost=1_000_000, caught=800_000, to_come=500_000),
        false_alarms=FalseAlarms(wilson(12, 400), 36_000.0, 0.03),
    )


def worlds(ruleset: str = "2+0123456789ab", records: int = 600) -> WorldsResult:
    """Return the alerts of a ruleset against the truth, on two populations."""
    names = (None, Population.COMPLETEJOURNEY, Population.SYNTHETIC)
    figures = tuple(mix_figures(mix, name, records) for mix in Mix for name in names)
    return WorldsResult(ruleset, (0, 1, 2), figures)


def stressed(ruleset: str = "2+0123456789ab") -> StressResult:
    """Return disturbances of which the first raises 1.5 times the false alarms, the others none more."""
    return StressResult(
        ruleset,
        (0, 1, 2),
        tuple(
            Ratio(what, name, 6, 140, 200, 200 + 100 * (at == 0), 1 + 0.5 * (at == 0), 0.9, 1.6)
            for at, what in enumerate(Disturbance)
            for name in (None, Population.SYNTHETIC)
        ),
    )


def results() -> tuple[DetectorComparison, tuple[WorldsResult, ...], tuple[StressResult, ...]]:
    """Return all that a page shows."""
    return comparison(), (worlds("1+ae6cb754f7c0"), worlds()), (stressed("1+ae6cb754f7c0"), stressed())
