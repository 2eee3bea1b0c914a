"""What tells lines apart without colour: their dashes (in the style sheet) and the shape of their marks.

A tone is one of 0 to 9: a colour, dashes and a shape.
"""

from __future__ import annotations

from markupsafe import Markup

from streams.lab.report.svg import tag

# Around (0, 0), some 8 pixels wide.
SHAPES = (
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


def mark(x: str, y: float, tone: int, said: str = "") -> Markup:
    """Return the mark of a tone at (x with its unit, y in pixels), with words for a pointer if given."""
    shape = tag("path", d=SHAPES[tone], class_=f"mark tone-{tone}")
    # An inner picture, as only its place may be in percent.
    return tag("svg", tag("title", said) if said else "", shape, x=x, y=y, width=1, height=1)


def sample(tone: int) -> Markup:
    """Return a short piece of a tone's line with its mark, for a legend."""
    line = tag("line", x1=0, x2=40, y1=7, y2=7, class_=f"line tone-{tone}")
    return tag(
        "svg", line, mark("20", 7, tone), class_="chart plot sample", width=40, height=14, aria_hidden="true"
    )
