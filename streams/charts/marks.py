"""What tells lines apart without colour: their dashes (in the style sheet), their marks and their names.

A tone is one of 0 to 9: a colour, dashes and the shape of a mark.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from markupsafe import Markup

from streams.charts.svg import pct, tag

# Around (0, 0), some 8 pixels wide.
SHAPES: Final = (
    "M0-4.2A4.2 4.2 0 1 1 0 4.2A4.2 4.2 0 1 1 0-4.2Z",  # disc
    "M-3.6-3.6H3.6V3.6H-3.6Z",  # square
    "M0-4.6L4.4 3.4H-4.4Z",  # triangle
    "M0-5L5 0L0 5L-5 0Z",  # diamond
    "M0 4.6L4.4-3.4H-4.4Z",  # triangle on its tip
    "M-1.4-4.4H1.4V-1.4H4.4V1.4H1.4V4.4H-1.4V1.4H-4.4V-1.4H-1.4Z",  # cross
    "M-4.4-4.4L0-1.6L4.4-4.4L1.6 0L4.4 4.4L0 1.6L-4.4 4.4L-1.6 0Z",  # star of four
    "M-2.2-4.6H2.2V4.6H-2.2Z",  # upright bar
    "M-4.6-2.2H4.6V2.2H-4.6Z",  # lying bar
    "M0-4.8L4.6-1.4L2.8 4H-2.8L-4.6-1.4Z",  # pentagon
)
ROW: Final = 14.0
"""Pixels that a name needs of the height."""


def mark(at: float, y: float, tone: int, said: str = "") -> Markup:
    """Return a tone's mark at (share of the width, y in pixels), with words for a pointer if given."""
    shape = tag("path", d=SHAPES[tone], class_=f"mark tone-{tone}")
    # An inner picture, as only its place may be in percent.
    return tag("svg", tag("title", said) if said else "", shape, x=pct(at), y=y, width=1, height=1)


def sample(tone: int) -> Markup:
    """Return a short piece of a tone's line with its mark, for a legend."""
    line = tag("line", x1=0, x2=40, y1=7, y2=7, class_=f"line tone-{tone}")
    kind = "chart plot sample"
    return tag("svg", line, mark(0.5, 7, tone), class_=kind, width=40, height=14, aria_hidden="true")


def end_labels(ends: Sequence[tuple[str, int, float]], lowest: float) -> Markup:
    """Return the names at the right edge, each level with its line's end: (name, tone, y in pixels)."""
    rows = apart([y for *_, y in ends], lowest)
    return Markup("").join(
        tag("text", name, x="100%", y=row + 4, dx=4, class_=f"end halo tone-{tone}")
        for (name, tone, _), row in zip(ends, rows, strict=True)
    )


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
