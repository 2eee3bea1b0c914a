"""A customer's pending events, and the episode that may be open."""

from typing import Literal, assert_never

from msgspec import Struct

from schemas.events import Contact, Disposition, Merge, Notice, Profile, SignOfLife, Transaction
from streams.core.contacts.frustration import Known
from streams.core.customer.moves import Move
from streams.core.spend.evidence import Yardstick
from streams.core.time import hour_of

Event = Transaction | Merge | Contact | Notice | Profile | Disposition

_RANKS = {"purchase": 0, "subscription_cancelled": 4}
_OTHER_MONEY = 1
_SIGN_OF_LIFE = -1
_MOVE = -2


def kind_of(event: Event) -> str:
    """Return what parts the ids of an input: a sender may number each table of its own from 1 on.

    Empty for the commonest kind of each input: purchases, contacts, profiles, dispositions.
    """
    if isinstance(event, Transaction) and event.kind != "purchase":
        return event.kind
    if isinstance(event, Merge):
        return "customer_merged"
    return "notice" if isinstance(event, Notice) else ""


class PendingEvent(Struct, array_like=True, frozen=True):
    """An event that waits until the watermark exceeds its effective time."""

    effective_time: int
    rank: int
    event_id: str
    version: int
    event: Event | SignOfLife | Move

    @property
    def order(self) -> tuple[int, int, str, int, str, str, str]:
        """Return the place among the pending events; the last three only part what the rule leaves open."""
        event = self.event
        if isinstance(event, SignOfLife | Move):
            return self.effective_time, self.rank, self.event_id, self.version, "", "", ""
        last = event.event_id, event.source, kind_of(event)
        return self.effective_time, self.rank, self.event_id, self.version, *last


def pending_event(event: Event | SignOfLife | Move, effective_time: int) -> PendingEvent:
    """Return an event as one that is pending."""
    match event:
        case Move():
            rank, event_id, version = _MOVE, event.former, event.hour
        case SignOfLife():
            rank, event_id, version = _SIGN_OF_LIFE, "", 0
        case Transaction():
            rank, event_id, version = _RANKS.get(event.kind, _OTHER_MONEY), event.event_id, 0
        case Profile():
            rank, event_id, version = 2, event.event_id, 0
        case Contact():
            rank, event_id, version = 3, event.contact_id, event.version
        case Notice():
            rank, event_id, version = 3, event.contact_id, 1
        case Disposition():
            rank, event_id, version = 5, event.event_id, 0
        case Merge():
            rank, event_id, version = 6, event.event_id, 0
        case _:
            assert_never(event)
    return PendingEvent(effective_time, rank, event_id, version, event)


class Watch(Struct, array_like=True, frozen=True):
    """A customer of high value whose spend is watched for falling by itself; all of it frozen as it began."""

    yardstick: Yardstick
    """Its `first_hour` is that of the last reset."""
    cutoff: int | None
    trailing_spend: int


class Episode(Struct, array_like=True):
    """From a bad contact, the anchor, until spend returns or time runs out; a silent one has no anchor."""

    anchor: Known | None
    alert_id: str
    yardstick: Yardstick
    opened: int
    """Instant, ms."""
    cutoff: int | None
    trailing_spend: int
    ruleset: str
    """Hash of the rules that it opened under, and keeps."""
    sent: int = 0
    """Highest level sent: 0 none, 1 watch, 2 alert."""
    snooze_until: int | None = None
    cancelled: bool = False
    timer: int = 0
    """The first hour that can matter."""
    quiet: bool = False
    """Whether `timer` supposes that no further purchase comes."""
    heard: bool = True
    """Whether contacts count: in a silent episode only once one was folded into it."""
    left: float = 1.0
    """The share that is left of the subscriptions."""
    plan_from: int = 0
    """The time (ms) from which on cancellations and plan changes count."""

    @property
    def rule(self) -> Literal["contact", "silent"]:
        """Return the rule that opened it."""
        return "silent" if self.anchor is None else "contact"

    @property
    def starts(self) -> int:
        """Return the hour that raising, closings and expiry count from."""
        return hour_of(self.opened) if self.anchor is None else self.yardstick.first_hour

    @property
    def parting(self) -> int:
        """Return the hour that parts the weeks before from those since: the anchor's, or the last reset."""
        return self.yardstick.first_hour - (self.anchor is not None)
