"""From the results of an evaluation to its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.evaluation.report.curves import delay_curves, recall_curves
from streams.evaluation.report.detectability import detectability
from streams.evaluation.report.document import Document, Part, Section
from streams.evaluation.report.goals import calibration_goal, detector_goals, goals, goals_part, met
from streams.evaluation.report.ranked import leading
from streams.evaluation.report.side_by_side import intervals, overview
from streams.evaluation.report.truth import against_truth
from streams.evaluation.report.under_stress import stress_goals, under_stress
from streams.evaluation.report.words import ABOUT, POPULATIONS, days, our_name, share
from streams.lab.generate.options import Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.evaluation.detectors.results import DetectorComparison, PopulationFigures
    from streams.evaluation.stress.stress import StressResult
    from streams.evaluation.worlds.worlds import WorldsResult


def evaluation(
    comparison: DetectorComparison, worlds: Sequence[WorldsResult], stress: Sequence[StressResult]
) -> Document:
    """Return the page of an evaluation; the headline is that of the first population."""
    leader = leading(comparison)
    held = goals(
        [
            *detector_goals(comparison),
            *((our_name(result.ruleset), calibration_goal(result)) for result in worlds),
            *((our_name(result.ruleset), row) for result in stress for row in stress_goals(result)),
        ]
    )
    return Document(
        title="Retention signals: how many are found, how early, at what false alarms",
        eyebrow="Retention signals · evaluation",
        clauses=_headline(comparison, leader),
        lead=_lead(comparison, leader),
        caution="The purchases are real where it says so; contacts and boycotts are synthetic, injected "
        "so that the truth is known. What real customers do after a real contact may differ.",
        tiles=_tiles(comparison.populations[0], met(held, leader)),
        sections=(
            Section("goals", "Goals", "What was to be shown, and whether it was.", (goals_part(held),)),
            *(_section(figures, leader, comparison.target) for figures in comparison.populations),
            *(against_truth(result, f"truth-{at}") for at, result in enumerate(worlds)),
            *([under_stress(stress)] if stress else []),
        ),
        foot="A case is a household with a synthetic contact at a random time; its copies are its purchases, "
        "untouched and with each shape of boycott. Found: the score passed the threshold after the contact. "
        "Intervals are 95 %, from drawing households anew. This file needs no network and asks for none.",
    )


def _headline(comparison: DetectorComparison, leader: str) -> tuple[str, ...]:
    ours = next(one for one in comparison.populations[0].detectors if one.name == leader)
    full = ours.of(Shape.FULL)
    return (
        f"{share(full.found_90.value)} of full boycotts found in 90 days,",
        f"half of them by day {days(full.median_days.value)},",
        f"at {share(ours.false_alarms.value)} false alarms",
    )


def _lead(comparison: DetectorComparison, leader: str) -> str:
    first = comparison.populations[0]
    others = sum(not one.ours for one in first.detectors)
    return (
        f"{leader}, beside {others} other detectors: on the purchases after a contact alone, not on what the "
        f"contact says. The headline is for {POPULATIONS[first.population].lower()}: {first.households:,} "
        f"high-value households of {first.customers:,} customers. Thresholds come from other households than "
        "those that are scored."
    )


def _tiles(first: PopulationFigures, held: tuple[int, int]) -> tuple[tuple[str, str], ...]:
    return (
        (f"{held[0]} of {held[1]}", "goals met"),
        (f"{first.households:,}", "households"),
        (f"{len(first.seeds):,}", "seeds"),
        (f"{first.cases:,}", "cases"),
        (f"{first.copies:,}", "copies scored"),
    )


def _section(figures: PopulationFigures, leader: str, target: float) -> Section:
    parts = (
        overview(figures, leader, target),
        intervals(figures, leader),
        recall_curves(figures, leader, target),
        delay_curves(figures, leader),
        *detectability(figures, leader),
        *((Part("To know", "", notes=figures.notes),) if figures.notes else ()),
    )
    return Section(figures.population, POPULATIONS[figures.population], _about(figures), parts)


def _about(figures: PopulationFigures) -> str:
    return (
        f"{ABOUT[figures.population]} {figures.households:,} high-value households of {figures.customers:,} "
        f"customers, {len(figures.seeds)} seeds, {figures.cases:,} cases, {figures.copies:,} copies."
    )
