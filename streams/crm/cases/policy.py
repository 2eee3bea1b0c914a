"""The whole policy: what becomes of a revision, who is admitted and when, what a message is. Pure.

Times are ms UTC of the wall clock, given by the caller.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from streams.crm.cases.standing import Level


@dataclass(frozen=True, slots=True)
class Policy:
    """What the settings say about who is admitted."""

    budgets: Mapping[Level, int | None] = field(default_factory=dict)
    """The most new cases a day by level; missing or None: no limit."""
    window_ms: int = 600_000
    """Where there is a budget, candidates are compared at the ends of windows so long."""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """Where the day of the budget begins."""
    quiet_ms: int = 0
    """How long a customer is left alone after a case."""
    backfill: bool = False
    """Whether alerts that were decided long after the fact are admitted."""
    canary_prefix: str = "retention-canary-"
    """What the customer ids of the canary begin with."""
