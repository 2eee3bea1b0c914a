"""What a page of figures is made of: plain data for the templates; any text stays text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from streams.charts.plot import Plot


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure with its interval or count beneath it in small; `met` where there is a goal."""

    text: str
    beneath: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table; a `strong` one is what the table is about."""

    head: str
    cells: tuple[Cell, ...]
    beneath: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` names the column of the row heads, then one for each cell; rows stand under headings."""

    caption: str
    columns: tuple[str, ...]
    groups: Mapping[str, Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture, its heading, and one plain sentence on what to see in it."""

    heading: str
    plot: Plot
    caption: str


@dataclass(frozen=True, slots=True)
class Part:
    """Tables, figures and sentences on one question, in this order; figures without names get a legend.

    A `folded` part shows its heading only, until it is opened.
    """

    heading: str
    hint: str
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page and its parts. `key` is unique in the page."""

    key: str
    heading: str
    hint: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole page. `clauses` make up the headline; a tile is a figure and what it counts."""

    title: str
    eyebrow: str
    clauses: tuple[str, ...]
    lead: str
    caution: str
    tiles: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    foot: str
