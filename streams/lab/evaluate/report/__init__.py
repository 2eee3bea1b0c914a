"""The report of an evaluation: figures and plots as one self-contained HTML file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.lab.evaluate.report.evaluation import evaluation
from streams.lab.evaluate.report.page import render

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from streams.lab.evaluate.results import DetectorComparison
    from streams.lab.evaluate.stress import StressResult
    from streams.lab.evaluate.worlds import WorldsResult

__all__ = ["write_evaluation"]


def write_evaluation(
    path: Path,
    comparison: DetectorComparison,
    worlds: Sequence[WorldsResult] = (),
    stress: Sequence[StressResult] = (),
) -> None:
    """Write the page to `path` (UTF-8, replaced if it exists); the same results give the same bytes.

    `worlds` and `stress` hold the result of each ruleset, if that was measured.

    Raises OSError if the file cannot be written.
    """
    path.write_text(render(evaluation(comparison, worlds, stress)), encoding="utf-8")
