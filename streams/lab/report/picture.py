"""What the picture of one story shows, and where its parts stand."""

from collections.abc import Sequence
from dataclasses import dataclass

from streams.charts.scale import TimeAxis
from streams.lab.story import ContactMark, EvidencePoint, Levels, WeekSpend

HEIGHT = 306
SPEND = (24.0, 100.0)  # top and height in pixels
LANE = 141.0
EVIDENCE = (166.0, 112.0)
BOTTOM = EVIDENCE[0] + EVIDENCE[1]
MONTHS = 297.0


@dataclass(frozen=True, slots=True)
class Decision:
    """A revision as the chart marks it: when, at which log-odds, and the word beside the mark."""

    time_ms: int
    log_odds: float
    word: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where the log-odds go if nothing more is bought: from now to the next decision."""

    start_ms: int
    start: float
    end_ms: int
    end: float
    said: str


@dataclass(frozen=True, slots=True)
class Picture:
    """What one chart shows. `usual_week_cents` is the baseline, `anchor_ms` the bad contact.

    Without one (`silent`), `anchor_ms` is when spend began to fall.
    `last_ms` is how far event time ran: what lies beyond is drawn pale.
    """

    key: str
    title: str
    axis: TimeAxis
    anchor_ms: int
    silent: bool
    deadline_ms: int
    usual_week_cents: float
    currency: str
    last_ms: int
    weeks: Sequence[WeekSpend]
    contacts: Sequence[ContactMark]
    curve: Sequence[EvidencePoint]
    decisions: Sequence[Decision]
    ended: bool
    levels: Levels
    outlook: Outlook | None = None
