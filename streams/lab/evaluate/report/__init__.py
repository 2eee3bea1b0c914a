"""The report of an evaluation: figures and plots as one self-contained HTML file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.lab.evaluate.report.evaluation import evaluation
from streams.lab.evaluate.report.page import render

if TYPE_CHECKING:
    from pathlib import Path

    from streams.lab.evaluate.results import DetectorComparison

__all__ = ["write_evaluation"]


def write_evaluation(path: Path, comparison: DetectorComparison) -> None:
    """Write the page to `path` (UTF-8, replaced if it exists); the same results give the same bytes.

    Raises OSError if the file cannot be written.
    """
    path.write_text(render(evaluation(comparison)), encoding="utf-8")
