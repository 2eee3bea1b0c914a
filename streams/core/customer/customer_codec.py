"""The packed form of a customer: a fixed-width head, a body (msgpack), a tail of fixed-width entries.

An on-time purchase only appends an entry to the tail; the entries of the last days double as the memory of
event ids. Entries too old for that are folded into the body now and then, with the rest left untouched. The
changelog has an entry of its own for such a purchase (see `journal`), and the record is written now and then.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, starmap
from operator import sub
from struct import Struct as Layout
from typing import Final, NamedTuple, TypeVar

import numpy as np
from msgspec import MsgspecError, Raw, Struct, field, msgpack

from schemas.events import Profile
from streams.core.contacts.frustration import Known
from streams.core.customer.moves import Merged
from streams.core.customer.pending import Episode, PendingEvent, Watch
from streams.core.customer.state import StateError
from streams.core.spend.panes import Panes
from streams.core.spend.rare_facts import RareFacts, panes_of
from streams.core.time import HOUR_MS
from streams.core.watermark import GIVEN, Input

T = TypeVar("T")

FORMAT: Final = 1
NO_HOUR: Final = -(1 << 31)
_HEAD: Final = Layout("<BiiBI")
"""Format, next wake (hour), first pane of the body (hour), flags, length of the body."""
HEAD_BYTES: Final = _HEAD.size
FLAGS_AT: Final = 9
"""Where the byte of flags stands."""
BODY_SIZE_AT: Final = 10
"""Where the length of the body stands."""
OPEN: Final = 1
"""Flag: an episode is open."""
QUIET: Final = 2
"""Flag: its next timer supposes that no further purchase comes."""
SAMPLED: Final = 4
"""Flag: a member of the population's sample. Not kept in the changelog."""
OWED: Final = 8
"""Flag: the journal has entries of it since it was last written whole. Not kept in the changelog."""
WITHOUT_PANE: Final = 16
"""Flag: no spend is known yet. Not kept in the changelog."""
CROWDED: Final = 32
"""Flag: there are as many contacts as the rules remember."""
CHARGED: Final = 64
"""Flag: subscription charges are known."""
MERGED: Final = 128
"""Flag: the id ended, its customer is known by another one."""
KEPT: Final = OPEN | QUIET | CROWDED | CHARGED | MERGED
"""The flags that the changelog keeps."""

KEY_SIZE: Final = 8
ENTRY: Final = Layout("<qiQ")
"""Instant (ms), cents of an on-time purchase (else `-1 - index of the input`), hash of the event id."""
Entry = tuple[int, int, int]
Ids = list[tuple[int, int]]
"""Hashes of ids, each with an effective time (ms)."""
_COLUMNS: Final = np.dtype([("time", "<i8"), ("cents", "<i4"), ("key", "<u8")])
MOST_CENTS: Final = (1 << 31) - 1
"""The largest purchase that fits into an entry."""
INPUTS: Final = GIVEN
_LONG_TAIL: Final = 12 * ENTRY.size
LONG_RECORD: Final = _HEAD.size + _LONG_TAIL
"""Bytes from which on it is worth a look whether the tail should be folded."""
PAGE_BYTES: Final = 1_024 * ENTRY.size
"""Bytes of a tail from which on it goes to pages: see `pages`."""
EMPTY: Final = _HEAD.pack(FORMAT, NO_HOUR, NO_HOUR, WITHOUT_PANE, 0)
"""The record of a customer of whom nothing is known yet."""


class Body(Struct, array_like=True):
    """The part of a record that changes rarely. Panes are stored as steps between hours."""

    steps: list[int] = field(default_factory=list)
    cents: list[int] = field(default_factory=list)
    pending: list[PendingEvent] = field(default_factory=list)
    contacts: list[Known] = field(default_factory=list)
    frustration: int | float = 0
    episode: Episode | None = None
    revisions: dict[str, int] = field(default_factory=dict)
    profile: Profile | None = None
    watch: Watch | None = None
    rare: RareFacts | None = None
    merged: Merged | None = None
    absorbed: dict[str, int] = field(default_factory=dict)
    """By id that was merged into this one, up to which hour its history was taken over."""

    def panes(self) -> Panes:
        """Return the panes folded into the body."""
        return Panes(accumulate(self.steps), self.cents)

    def keep(self, panes: Panes) -> None:
        """Take panes in place of those folded so far."""
        self.steps = list(map(sub, panes.hours, [0, *panes.hours]))
        self.cents = panes.cents

    def fold(self, spend: Iterable[tuple[int, int]], oldest: int) -> None:
        """Add spend, in hours and cents, to the panes, and forget those before an hour.

        That of an id that ended waits for the end of its hour instead.
        """
        if self.merged is not None and self.merged.left:
            self.merged.ahead = list(_added(panes_of(self.merged.ahead), spend, oldest))
            return
        steps, cents, last = self.steps, self.cents, sum(self.steps)
        early = []
        for hour, amount in spend:
            if hour > last:  # nearly all; to write all panes anew costs more
                steps.append(hour - last)
                cents.append(amount)
                last = hour
            elif hour == last and cents:
                cents[-1] += amount
            else:
                early.append((hour, amount))
        if early or (steps and steps[0] < oldest):
            self.keep(_added(self.panes(), early, oldest))


def _added(panes: Panes, spend: Iterable[tuple[int, int]], oldest: int) -> Panes:
    """Return panes with more spend, and without those before an hour."""
    for hour, cents in spend:
        panes.add(hour, cents)
    panes.drop_before(oldest)
    return panes


class Horizon(NamedTuple):
    """What may be forgotten: ids before an effective time (ms) for each input, panes before an hour."""

    oldest_effective_times: tuple[int, ...]
    oldest_pane: int


_unpack_head = _HEAD.unpack_from
_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(Body).decode


class _Beginning(Struct, array_like=True):
    """The part of a body that tells what waits in it; the rest is not parsed."""

    steps: Raw
    cents: Raw
    pending: list[Raw]


_decode_beginning = msgpack.Decoder(_Beginning).decode


class Parts(NamedTuple):
    """A record taken apart."""

    timer: int
    first_pane: int
    """Of the body; the tail may have an earlier one."""
    flags: int
    body: Body
    tail: bytes
    """Packed entries."""


def split(record: bytes | bytearray) -> Parts:
    """Return the parts of a record; raises StateError."""
    _, timer, first_pane, flags, size = _head(record)
    end = _HEAD.size + size
    body = _parsed(record, end, _decode) or Body()
    return Parts(timer, first_pane, flags, body, bytes(_tail(record, end)))


def waiting_in(record: bytes | bytearray) -> int:
    """Return how many pending events a record holds; raises StateError."""
    beginning = _parsed(record, tail_of(record), _decode_beginning)
    return 0 if beginning is None else len(beginning.pending)


def _parsed(record: bytes | bytearray, end: int, decode: Callable[[bytes | bytearray], T]) -> T | None:
    """Return what is decoded of the body of a record, which ends there; None if it is empty.

    Raise StateError. Of a copy: a record that anything holds a view of can't grow.
    """
    try:
        return decode(record[_HEAD.size : end]) if end > _HEAD.size else None
    except MsgspecError as error:
        raise StateError("a customer's record that does not parse") from error


def join(parts: Parts) -> bytearray:
    """Return the record of parts."""
    body = _encode(parts.body)
    head = _HEAD.pack(FORMAT, parts.timer, parts.first_pane, parts.flags, len(body))
    return bytearray(b"".join((head, body, parts.tail)))


def packed(tail: Iterable[Entry]) -> bytes:
    """Return entries as the tail of a record."""
    return b"".join(starmap(ENTRY.pack, tail))


def earliest_pane(first_pane: int | None, tail: Iterable[Entry]) -> int | None:
    """Return the first pane of a body and a tail, None if neither has one."""
    first = min((effective_time for effective_time, cents, _ in tail if cents >= 0), default=None)
    if first is None:
        return first_pane
    hour = first // HOUR_MS
    return hour if first_pane is None else min(first_pane, hour)


def is_settling(tail: bytes, horizon: Horizon) -> bool:
    """Return whether `settle` would fold the first entry of a tail, or drop it.

    Entries come about in the order of their effective times, so it would do so with no other before.
    """
    if not tail:
        return False
    first: int = ENTRY.unpack_from(tail)[0]
    return first < min(horizon.oldest_effective_times[:2])


def settle(body: Body, tail: Iterable[Entry], horizon: Horizon) -> list[Entry]:
    """Fold the entries that are no longer needed as ids into a body, and return the others."""
    oldest = horizon.oldest_effective_times
    kept, spend = [], []
    for entry in tail:
        effective_time, cents, _ = entry
        if effective_time >= oldest[0 if cents >= 0 else -1 - cents]:
            kept.append(entry)
        elif cents >= 0:
            spend.append((effective_time // HOUR_MS, cents))
    body.fold(spend, horizon.oldest_pane)
    return kept


def fold_tail(record: bytearray, horizon: Horizon) -> tuple[bytearray, bytes]:
    """Return the record with its tail folded as far as may be, and the entries that go to pages, packed."""
    parts = split(record)
    tail = unpacked(parts.tail)
    first = earliest_pane(None if parts.first_pane == NO_HOUR else parts.first_pane, tail)
    kept = settle(parts.body, tail, horizon)
    paged = b""
    if len(kept) * ENTRY.size >= PAGE_BYTES:
        spend = [(time // HOUR_MS, cents) for time, cents, _ in kept if cents >= 0]
        parts.body.fold(spend, horizon.oldest_pane)
        bought = mark_of(Input.TRANSACTIONS)
        paged = packed((time, bought if cents >= 0 else cents, key) for time, cents, key in kept)
        kept = []
    return join(parts._replace(first_pane=NO_HOUR if first is None else first, tail=packed(kept))), paged


def is_long(record: bytes | bytearray) -> bool:
    """Return whether the tail of a record should go to pages."""
    return len(record) - tail_of(record) >= PAGE_BYTES


def is_foldable(record: bytes | bytearray, horizon: Horizon) -> bool:
    """Return whether the tail of a record is worth folding.

    It is, if it is long, not much shorter than the body, and half of it or more can go: somebody who buys
    all day keeps the ids of 8 days in any case. A very long one goes to pages.
    """
    start = tail_of(record)
    tail = len(record) - start
    if tail >= PAGE_BYTES:
        return True
    if tail <= max(_LONG_TAIL, (start - _HEAD.size) // 4):
        return False
    middle: int = ENTRY.unpack_from(record, start + tail // ENTRY.size // 2 * ENTRY.size)[0]
    return middle < horizon.oldest_effective_times[0]


def mark_of(source: Input) -> int:
    """Return what an entry holds in place of cents for an event that is no on-time purchase."""
    return -1 - INPUTS.index(source)


def input_of(mark: int) -> Input:
    """Return the input of an entry, by its cents or mark."""
    return INPUTS[max(0, -1 - mark)]


def entries(record: bytes | bytearray) -> list[Entry]:
    """Return the tail of a record; raises StateError."""
    return unpacked(_tail(record, tail_of(record)))


def _tail(record: bytes | bytearray, start: int) -> bytes | bytearray:
    """Return the packed entries of a record, from a place on; raises StateError."""
    tail = record[start:]
    if len(tail) % ENTRY.size:
        raise StateError("a customer's record that is cut off")
    return tail


def unpacked(tail: bytes | bytearray) -> list[Entry]:
    """Return the entries of a tail."""
    return list(ENTRY.iter_unpack(tail))


def tail_of(record: bytes | bytearray) -> int:
    """Return where the tail of a record begins; raises StateError."""
    return _HEAD.size + _head(record)[4]


def matching(data: bytes | bytearray, start: int, packed: bytes) -> Iterator[Entry]:
    """Yield the entries from a place on with a hash, which is given in the order of its bytes there."""
    last = ENTRY.size - KEY_SIZE
    at = data.find(packed, start)
    while at >= 0:
        if (at - start) % ENTRY.size == last:
            yield ENTRY.unpack_from(data, at - last)
        at = data.find(packed, at + 1)


def has_transaction(record: bytes | bytearray) -> bool:
    """Return whether a transaction was accepted, as far as anything is left of it; raises StateError.

    Of an id that ended it was, under that id or under the one that goes on.
    """
    head, least = _head(record), mark_of(Input.TRANSACTIONS)
    return (
        head[2] != NO_HOUR
        or bool(head[3] & (CHARGED | MERGED))
        or any(one >= least for _, one, _ in entries(record))
    )


def has_pane(record: bytes | bytearray) -> bool:
    """Return whether any spend or charge is known; raises StateError."""
    head = _head(record)
    return head[2] != NO_HOUR or bool(head[3] & CHARGED) or any(cents >= 0 for _, cents, _ in entries(record))


def timer_of(record: bytes | bytearray) -> int:
    """Return the next wake of a record, or NO_HOUR; raises StateError."""
    timer: int = _head(record)[1]
    return timer


def head(record: bytes | bytearray) -> tuple[int, int, int, int]:
    """Return next wake, first pane of the body, flags, and where the tail begins; raises StateError."""
    _, timer, first_pane, flags, size = _head(record)
    start = HEAD_BYTES + size
    tail = len(record) - start
    if tail < 0 or tail % ENTRY.size:
        raise StateError("a customer's record that is cut off")
    return timer, first_pane, flags, start


def recent(tails: Iterable[bytes | bytearray], oldest: Sequence[int]) -> Iterator[tuple[Input, Ids]]:
    """Yield for each input the entries of tails, (hash, effective time), from its oldest (ms) on."""
    found = np.frombuffer(b"".join(tails), _COLUMNS)
    found = found[found["time"] >= min(oldest)]
    at = np.maximum(0, -1 - found["cents"])
    for place, source in enumerate(INPUTS):
        mine = found[(at == place) & (found["time"] >= oldest[place])]
        yield source, list(zip(mine["key"].tolist(), mine["time"].tolist(), strict=True))


def _head(record: bytes | bytearray) -> tuple[int, int, int, int, int]:
    if len(record) < HEAD_BYTES:
        raise StateError("a customer's record that is cut off")
    head: tuple[int, int, int, int, int] = _unpack_head(record)
    if head[0] != FORMAT:
        raise StateError(f"state of format {head[0]}, this release reads {FORMAT}")
    return head
