"""The report of an evaluation: figures and plots as one self-contained HTML file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.lab.evaluate.report.evaluation import evaluation
from streams.lab.evaluate.report.page import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.lab.evaluate.results import DetectorComparison
    from streams.lab.evaluate.stress import StressResult
    from streams.lab.evaluate.worlds import WorldsResult

__all__ = ["render_evaluation"]


def render_evaluation(
    comparison: DetectorComparison,
    worlds: Sequence[WorldsResult] = (),
    stress: Sequence[StressResult] = (),
) -> str:
    """Return the page; the same results give the same text.

    `worlds` and `stress` hold the result of each ruleset, if that was measured.
    """
    return render(evaluation(comparison, worlds, stress))
