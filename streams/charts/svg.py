"""Just enough SVG: elements with everything escaped, and charts that are as wide as the page lets them be.

A chart has no viewBox: x is in percent, y in pixels, so that type keeps its size on a phone. Only paths need
coordinates without percent; they go into a stretched inner picture (`stretched`).
"""

from collections.abc import Iterable

from markupsafe import Markup, escape


def tag(name: str, *children: str, **attributes: str | float) -> Markup:
    """Return one element; `class_` stands for class, other underscores for hyphens; plain text is escaped."""
    listed = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _value(value))
        for key, value in attributes.items()
    )
    inside = Markup("").join(escape(child) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), listed, inside)  # noqa: S704 - names are ours


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else number(value)


def number(value: float) -> str:
    """Format a coordinate: two places at most, no trailing zeros, no minus zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def pct(share: float) -> str:
    """Format a share of the width as percent."""
    return f"{number(share * 100)}%"


def stretched(top: float, height: float, *children: str) -> Markup:
    """Return an inner picture over the full width in which x and y run from 0 to 1000."""
    return tag(
        "svg",
        *children,
        x="0",
        y=top,
        width="100%",
        height=height,
        viewBox="0 0 1000 1000",
        preserveAspectRatio="none",
    )


def polyline(points: Iterable[tuple[float, float]], kind: str) -> Markup:
    """Return a line for an inner picture (`stretched`) through (share across, share down) points.

    Nothing is clamped: what leaves the picture is cut off at its edge, instead of seeming to level out there.
    """
    drawn = " ".join(f"{number(across * 1000)},{number(down * 1000)}" for across, down in points)
    return tag("polyline", class_=kind, points=drawn, vector_effect="non-scaling-stroke")


def upright(at: float, top: float, bottom: float, kind: str = "") -> Markup:
    """Return an upright line at a share of the width, between two pixel rows."""
    return tag("line", **_of(kind), x1=(x := pct(at)), x2=x, y1=top, y2=bottom)


def level(y: float, kind: str = "") -> Markup:
    """Return a line across the whole width at a pixel row."""
    return tag("line", **_of(kind), x1=0, x2="100%", y1=y, y2=y)


def _of(kind: str) -> dict[str, str]:
    return {"class_": kind} if kind else {}
