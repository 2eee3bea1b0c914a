"""One customer: everything the fold keeps, and its packed form.

A customer at rest is a record of bytes, because there are many of them: a fixed-width head, a body
(msgpack), and a tail of fixed-width entries. An on-time purchase only appends an entry; the entries of the
last days double as the memory of event ids. Entries too old for that are folded into the body when the
record is next packed.
"""

from bisect import insort
from struct import Struct as Layout
from typing import Final

from msgspec import Struct, field, msgpack

from schemas.events import Contact, Disposition, Notice, Profile, Transaction
from streams.core.evidence import Yardstick
from streams.core.frustration import Known
from streams.core.panes import Panes
from streams.core.state import StateError
from streams.core.time import hour_of
from streams.core.watermark import Input

FORMAT: Final = 1
HEAD: Final = Layout("<BiiBI")
"""Format, next wake (hour), first pane of the body (hour), flags, length of the body."""
ENTRY: Final = Layout("<qqQ")
"""Instant (ms), cents of an on-time purchase (else `-1 - index of the input`), hash of the event id."""
NO_HOUR: Final = -(1 << 31)
OPEN: Final = 1
"""Flag: an episode is open."""
QUIET: Final = 2
"""Flag: its next wake-up supposes that no further purchase comes."""

_LONG_TAIL: Final = 12 * ENTRY.size
INPUTS: Final = tuple(Input)
Entry = tuple[int, int, int]
Event = Transaction | Contact | Notice | Profile | Disposition


class Item(Struct, array_like=True, frozen=True):
    """A fact that waits in the agenda until the watermark exceeds its instant."""

    instant: int
    rank: int
    event_id: str
    version: int
    event: Event

    @property
    def order(self) -> tuple[int, int, str, int, str, str]:
        """Return the place in the agenda; the last two only part what the rule leaves open."""
        return self.instant, self.rank, self.event_id, self.version, self.event.event_id, self.event.source


def item(event: Event, instant: int) -> Item:
    """Return the agenda item of an event."""
    match event:
        case Transaction(kind="purchase"):
            return Item(instant, 0, event.event_id, 0, event)
        case Transaction(kind="subscription_cancelled"):
            return Item(instant, 4, event.event_id, 0, event)
        case Transaction():
            return Item(instant, 1, event.event_id, 0, event)
        case Profile():
            return Item(instant, 2, event.event_id, 0, event)
        case Contact():
            return Item(instant, 3, event.contact_id, event.version, event)
        case Notice():
            return Item(instant, 3, event.contact_id, 1, event)
        case Disposition():
            return Item(instant, 5, event.event_id, 0, event)


class Episode(Struct, array_like=True):
    """From a bad contact, the anchor, until spend returns or time runs out."""

    anchor: Known
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
    wake: int = 0
    """The first hour that can matter."""
    quiet: bool = False


class Body(Struct, array_like=True):
    """The part of a record that changes rarely. Panes are stored as steps between hours."""

    steps: list[int] = field(default_factory=list)
    cents: list[int] = field(default_factory=list)
    agenda: list[Item] = field(default_factory=list)
    contacts: list[Known] = field(default_factory=list)
    frustration: float | None = None
    episode: Episode | None = None
    revisions: dict[str, int] = field(default_factory=dict)
    profile: Profile | None = None


_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(Body).decode


class Customer:
    """A customer unpacked."""

    __slots__ = (
        "_folded",
        "_panes",
        "agenda",
        "contacts",
        "customer_id",
        "episode",
        "first_pane",
        "frustration",
        "profile",
        "recent",
        "revisions",
    )

    def __init__(self, customer_id: str) -> None:
        self.customer_id = customer_id
        self.first_pane: int | None = None
        self.recent: list[Entry] = []
        self.agenda: list[Item] = []
        self.contacts: list[Known] = []
        self.frustration = 0.0
        self.episode: Episode | None = None
        self.revisions: dict[str, int] = {}
        self.profile: Profile | None = None
        self._folded = Panes()
        self._panes: Panes | None = None

    @property
    def panes(self) -> Panes:
        """Return the spend of all folded facts, on-time purchases included."""
        if self._panes is None:
            self._panes = self._folded.copy()
            for instant, cents, _ in self.recent:
                if cents >= 0:
                    self._panes.add(hour_of(instant), cents)
        return self._panes

    def add(self, hour: int, cents: int) -> None:
        """Fold spend that came by the agenda."""
        self.panes.add(hour, cents)
        self._folded.add(hour, cents)
        self.first_pane = hour if self.first_pane is None else min(hour, self.first_pane)

    def enqueue(self, new: Item) -> None:
        """Put a fact into the agenda."""
        insort(self.agenda, new, key=lambda one: one.order)

    @property
    def wake(self) -> int:
        """Return the first hour at which something can happen by time alone, or NO_HOUR."""
        hours = [hour_of(self.agenda[0].instant)] if self.agenda else []
        if self.episode is not None:
            hours.append(self.episode.wake)
        return min(hours, default=NO_HOUR)

    @property
    def flags(self) -> int:
        """Return what must be known of the record without unpacking it."""
        if self.episode is None:
            return 0
        return OPEN | QUIET if self.episode.quiet else OPEN

    def pack(self, oldest_instants: tuple[int, ...], oldest_pane: int) -> bytearray:
        """Return the packed record; forgets event ids before the oldest instant of their input, and old panes."""
        kept = []
        for entry in self.recent:
            instant, cents, _ = entry
            if instant >= oldest_instants[_index(cents)]:
                kept.append(entry)
            elif cents >= 0:
                self._folded.add(hour_of(instant), cents)
        self.recent = kept
        self._folded.drop_before(oldest_pane)
        body = _encode(self._body())
        first = NO_HOUR if self.first_pane is None else self.first_pane
        record = bytearray(HEAD.pack(FORMAT, self.wake, first, self.flags, len(body)))
        record += body
        for entry in kept:
            record += ENTRY.pack(*entry)
        return record

    def _body(self) -> Body:
        hours = self._folded.hours
        steps = [after - before for before, after in zip([0, *hours], hours, strict=False)]
        return Body(
            steps,
            self._folded.cents,
            self.agenda,
            self.contacts,
            self.frustration if self.contacts else None,
            self.episode,
            self.revisions,
            self.profile,
        )


EMPTY: Final = HEAD.pack(FORMAT, NO_HOUR, NO_HOUR, 0, 0)
"""The record of a customer of whom nothing is known yet."""


def _index(mark: int) -> int:
    return max(0, -1 - mark)


def mark_of(source: Input) -> int:
    """Return what an entry holds in place of cents for an event that is no on-time purchase."""
    return -1 - INPUTS.index(source)


def input_of(mark: int) -> Input:
    """Return the input of an entry, by its cents or mark."""
    return INPUTS[_index(mark)]


def tail_is_long(record: bytes | bytearray) -> bool:
    """Tell whether the tail of a packed record is worth folding: long, and not much shorter than the body."""
    length = _head(record)[4]
    return len(record) - HEAD.size - length > max(_LONG_TAIL, length // 4)


def entries(record: bytes | bytearray) -> list[Entry]:
    """Return the tail of a packed record."""
    return list(ENTRY.iter_unpack(memoryview(record)[HEAD.size + _head(record)[4] :]))


def wake_of(record: bytes | bytearray) -> int:
    """Return the next wake of a packed record, or NO_HOUR."""
    return _head(record)[1]


def flags_of(record: bytes | bytearray) -> int:
    """Return the flags of a packed record."""
    return _head(record)[3]


def unpack(customer_id: str, record: bytes | bytearray) -> Customer:
    """Return the customer of a packed record; raises StateError."""
    _, _, first, _, length = _head(record)
    customer = Customer(customer_id)
    if length:
        body = _decode(memoryview(record)[HEAD.size : HEAD.size + length])
        _restore(customer, body)
    customer.recent = entries(record)
    hours = [hour_of(instant) for instant, cents, _ in customer.recent if cents >= 0]
    if first != NO_HOUR:
        hours.append(first)
    customer.first_pane = min(hours, default=None)
    return customer


def _restore(customer: Customer, body: Body) -> None:
    hours, hour = [], 0
    for step in body.steps:
        hour += step
        hours.append(hour)
    customer._folded = Panes(hours, body.cents)  # noqa: SLF001 - the other half of pack
    customer.agenda = body.agenda
    customer.contacts = body.contacts
    customer.frustration = body.frustration or 0.0
    customer.episode = body.episode
    customer.revisions = body.revisions
    customer.profile = body.profile


def _head(record: bytes | bytearray) -> tuple[int, int, int, int, int]:
    head = HEAD.unpack_from(record)
    if head[0] != FORMAT:
        raise StateError(f"state of format {head[0]}, this release reads {FORMAT}")
    return head
