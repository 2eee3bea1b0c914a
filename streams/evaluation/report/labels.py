"""Names at the ends of lines, moved apart where the lines end close together."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from markupsafe import Markup

from streams.lab.report.svg import tag

if TYPE_CHECKING:
    from collections.abc import Sequence

# Pixels that a name needs of the height.
ROW = 14.0


def apart(wanted: Sequence[float], lowest: float) -> list[float]:
    """Return rows near those wanted, in the same order, at least `ROW` apart, none below `lowest`."""
    order = sorted(range(len(wanted)), key=lambda at: (wanted[at], at))
    rows = list(wanted)
    for before, at in pairwise(order):
        rows[at] = max(rows[at], rows[before] + ROW)
    limit = lowest
    for at in reversed(order):
        rows[at] = min(rows[at], limit)
        limit = rows[at] - ROW
    return rows


def end_labels(ends: Sequence[tuple[str, int, float]], lowest: float) -> Markup:
    """Return the names at the right edge, each level with its line's end: (name, tone, y in pixels)."""
    rows = apart([y for *_, y in ends], lowest)
    return Markup("").join(
        tag("text", name, x="100%", y=row + 4, dx=4, class_=f"end halo tone-{tone}")
        for (name, tone, _), row in zip(ends, rows, strict=True)
    )
