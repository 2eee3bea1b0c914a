"""From the results of an evaluation to its page."""

from collections.abc import Sequence
from functools import cache

from jinja2 import Environment
from markupsafe import Markup

from streams.charts import page
from streams.charts.plot import draw, legend
from streams.evaluation.detectors.results import DetectorComparison
from streams.evaluation.report.detectors import leading, population_section
from streams.evaluation.report.document import Document, Part, Section, Table
from streams.evaluation.report.goals import goals, met
from streams.evaluation.report.stress import under_stress
from streams.evaluation.report.truth import against_truth
from streams.evaluation.report.words import POPULATIONS, days, share
from streams.evaluation.stress.stress import StressResult
from streams.evaluation.worlds.worlds import WorldsResult
from streams.lab.generate.options import Shape


def render_evaluation(
    comparison: DetectorComparison,
    worlds: Sequence[WorldsResult] = (),
    stress: Sequence[StressResult] = (),
) -> str:
    """Return the page; the same results give the same text.

    `worlds` and `stress` hold the result of each ruleset, if that was measured.
    """
    return render(evaluation(comparison, worlds, stress))


def render(document: Document) -> str:
    """Return the page of a document; the same document gives the same text."""
    return page.render(_templates(), "evaluation.html.jinja", "style.css", "plot.css", document=document)


@cache
def _templates() -> Environment:
    templates = page.environment(__package__)
    templates.globals.update(draw=draw, legend=_legend)
    return templates


def _legend(part: Part) -> Markup:
    return legend(line for figure in part.figures if not figure.plot.named for line in figure.plot.lines)


def evaluation(
    comparison: DetectorComparison, worlds: Sequence[WorldsResult], stress: Sequence[StressResult]
) -> Document:
    """Return what the page says; the headline is that of the first population."""
    leader, first = leading(comparison), comparison.populations[0]
    ours = next(one for one in first.detectors if one.name == leader)
    others = sum(not one.ours for one in first.detectors)
    full = ours.of(Shape.FULL)
    held = goals(comparison, worlds, stress)
    table = Table("Goals and what was measured", ("Goal", "Met? Measured"), held)
    return Document(
        title="Retention signals: how many are found, how early, at what false alarms",
        eyebrow="Retention signals · evaluation",
        clauses=(
            f"{share(full.found_90.value)} of full boycotts found in 90 days,",
            f"half of them by day {days(full.median_days.value)},",
            f"at {share(ours.false_alarms.value)} false alarms",
        ),
        lead=f"{leader}, beside {others} other detectors: on the purchases after a contact alone, not on "
        f"what the contact says. The headline is for {POPULATIONS[first.population].lower()}: "
        f"{first.households:,} high-value households of {first.customers:,} customers. Thresholds come from "
        "other households than those that are scored.",
        caution="The purchases are real where it says so; contacts and boycotts are synthetic, injected "
        "so that the truth is known. What real customers do after a real contact may differ.",
        tiles=(
            ("{} of {}".format(*met(held, leader)), "goals met"),
            (f"{first.households:,}", "households"),
            (f"{len(first.seeds):,}", "seeds"),
            (f"{first.cases:,}", "cases"),
            (f"{first.copies:,}", "copies scored"),
        ),
        sections=(
            Section("goals", "Goals", "What was to be shown, and whether it was.", (Part("", "", (table,)),)),
            *(population_section(one, leader, comparison.target) for one in comparison.populations),
            *(against_truth(result, f"truth-{at}") for at, result in enumerate(worlds)),
            *([under_stress(stress)] if stress else []),
        ),
        foot="A case is a household with a synthetic contact at a random time; its copies are its purchases, "
        "untouched and with each shape of boycott. Found: the score passed the threshold after the contact. "
        "Intervals are 95 %, from drawing households with replacement. This file needs no network.",
    )
