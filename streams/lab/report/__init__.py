"""The report: a replay's alerts and their evidence as one self-contained HTML file."""

from streams.lab.report.page import render

__all__ = ["render"]
