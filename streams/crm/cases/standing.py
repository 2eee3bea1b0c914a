"""Where a case stands, and the rest of the words that `policy` decides with."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeAlias

Level: TypeAlias = Literal["watch", "alert"]
LEVELS: Final[tuple[Level, ...]] = ("watch", "alert")


class Standing(StrEnum):
    """How far a case has come on its way to the CRM."""

    WAITING = "waiting"
    """A candidate: its window has not ended."""
    DEFERRED = "deferred"
    """A candidate that found no room in the budget."""
    HELD = "held"
    """No candidate for now; `Hold` says why."""
    ADMITTED = "admitted"
    """In the CRM, or on its way there: every further revision is a message."""
    DONE = "done"
    """Closed in the CRM."""
    NEVER = "never"
    """Resolved, or its customer erased, before the CRM had it."""


CANDIDATE = (Standing.WAITING, Standing.DEFERRED, Standing.HELD)
"""The standings of a case that is open, and not yet admitted."""


class Hold(StrEnum):
    """Why a case is no candidate for now."""

    HOLDOUT = "holdout"
    """Its customer is in the hold-out arm: nobody may act on it."""
    BACKFILL = "backfill"
    """It was decided long after the fact."""
    CLOSING = "closing"
    """It was in the CRM before, and is not yet closed there."""
    QUIET = "quiet"
    """A case of this customer was closed a short while ago."""
    ACCOUNT = "account"
    """Another case of the account is in the CRM, of the same level or a higher one."""


@dataclass(frozen=True, slots=True)
class Revision:
    """What the policy wants to know of an alert record."""

    number: int
    level: Level
    resolved: bool
    canary: bool = False
    backfill: bool = False
    holdout: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One alert as of its newest revision."""

    revision: int
    level: Level
    open: bool
    """Whether the newest revision is not resolved."""
    standing: Standing
    why: Hold | None = None
    look_ms: int | None = None
    """When a candidate is next looked at; None: not before another revision."""
    deferred_as: Level | None = None
    """The level that it had when it was first deferred."""
    there: bool = False
    """Whether the CRM has the case, or will by what is queued. Of one that is admitted."""
    perhaps_there: bool = False
    """Whether the CRM may have it: its create was given up, and a try of it had no clear answer."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A case that is looked at, with what its admission depends on."""

    alert_id: str
    level: Level
    value_cents: int
    """Value at risk."""
    canary: bool = False
    backfill: bool = False
    holdout: bool = False
    deferred_as: Level | None = None
    account_id: str | None = None
    closing: bool = False
    """Whether a message of an earlier episode is still on its way."""
    done_ms: int | None = None
    """When the customer's last case was closed in the CRM."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a candidate."""

    alert_id: str
    level: Level
    standing: Standing
    why: Hold | None = None
    look_ms: int | None = None
