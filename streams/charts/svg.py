"""Just enough SVG: elements with everything escaped, and charts that are as wide as the page lets them be.

A chart has no viewBox: x is in percent, y in pixels, so that type keeps its size on a phone. Only paths need
coordinates without percent; they go into a stretched inner picture (`stretched`).
"""

from __future__ import annotations

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
