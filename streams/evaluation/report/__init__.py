"""The report of an evaluation: figures and plots as one self-contained HTML file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.evaluation.report.evaluation import evaluation
from streams.evaluation.report.page import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.evaluation.detectors.results import DetectorComparison
    from streams.evaluation.stress.stress import StressResult
    from streams.evaluation.worlds.worlds import WorldsResult

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
