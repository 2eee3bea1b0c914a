"""The report: a replay's alerts and their evidence as one self-contained HTML file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.lab.report.page import render

if TYPE_CHECKING:
    from pathlib import Path

    from streams.lab.story import ReportData

__all__ = ["write_report"]


def write_report(path: Path, data: ReportData) -> None:
    """Write the report to `path` (UTF-8, replaced if it exists); the same data give the same bytes.

    Raises OSError if the file cannot be written.
    """
    path.write_text(render(data), encoding="utf-8")
