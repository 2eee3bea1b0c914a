"""The customers of a partition: their packed records, and what must be known of them without unpacking."""

from collections.abc import Iterator
from typing import Final

from streams.core.customer import Customer, unpack
from streams.core.facts import Item
from streams.core.record import (
    DIRTY,
    EMPTY,
    ENTRY,
    FLAGS_AT,
    NO_HOUR,
    OPEN,
    QUIET,
    SAMPLED,
    WITHOUT_PANE,
    Entry,
    Horizon,
    entries,
    has_pane,
    split,
    wake_of,
)
from streams.core.state import customer_key
from streams.core.time import HOUR_MS
from streams.core.wakes import Wakes

_CARRIED: Final = SAMPLED | DIRTY | WITHOUT_PANE


class Roster:
    """Packed records by customer, who wakes when, whose episode is open, and who changed."""

    __slots__ = ("_dirty", "_inbox", "open", "records", "wakes")

    def __init__(self) -> None:
        self.records: dict[str, bytearray] = {}
        self.wakes = Wakes()
        self.open: set[str] = set()
        self._inbox: dict[str, list[Item]] = {}
        self._dirty: list[str] = []

    def new(self, customer_id: str) -> bytearray:
        """Return the record of a customer not known before."""
        record = self.records[customer_id] = bytearray(EMPTY)
        return record

    def touch(self, customer_id: str, record: bytearray) -> None:
        """Note that a record changed."""
        if not record[FLAGS_AT] & DIRTY:
            record[FLAGS_AT] |= DIRTY
            self._dirty.append(customer_id)

    def remember(self, customer_id: str, entry: Entry) -> None:
        """Append the id of an event to its customer's record."""
        record = self.records.get(customer_id)
        if record is None:
            record = self.new(customer_id)
        record += ENTRY.pack(*entry)
        self.touch(customer_id, record)

    def enqueue(self, customer_id: str, item: Item) -> None:
        """Let a fact wait for a known customer, and wake it at its instant.

        It goes into the agenda when the record is next unpacked, which most often is when it is folded.
        """
        self._inbox.setdefault(customer_id, []).append(item)
        self.wakes.add(customer_id, item.instant)

    def unpack(self, customer_id: str) -> Customer:
        """Return a known customer; what is done to it counts once it is stored."""
        customer = unpack(customer_id, self.records[customer_id])
        for waiting in self._inbox.pop(customer_id, ()):
            customer.enqueue(waiting)
        return customer

    def store(self, customer: Customer, horizon: Horizon) -> None:
        """Pack a customer again; it has changed if its record is another one."""
        customer_id, flags = customer.customer_id, customer.flags
        self.wakes.set(customer_id, customer.wakes_at)
        self._note_open(customer_id, flags)
        old = self.records[customer_id]
        record = customer.pack(horizon, customer.wake, flags | old[FLAGS_AT] & _CARRIED)
        if record != old:
            self.records[customer_id] = record
            self.touch(customer_id, record)

    def erase(self, customer_id: str) -> Customer:
        """Forget a known customer, and return what there was."""
        customer = self.unpack(customer_id)
        record = self.records[customer_id]
        self.touch(customer_id, record)
        self.wakes.set(customer_id, None)
        self.open.discard(customer_id)
        del self.records[customer_id]
        return customer

    def spenders(self) -> Iterator[str]:
        """Yield the customers with a pane."""
        return (one for one, record in self.records.items() if not record[FLAGS_AT] & WITHOUT_PANE)

    def mark_sampled(self, customer_id: str, *, sampled: bool) -> None:
        """Note that a customer joined the population's sample, or left it."""
        record = self.records[customer_id]
        if sampled:
            record[FLAGS_AT] |= SAMPLED
        else:
            record[FLAGS_AT] &= ~SAMPLED

    @property
    def dirty(self) -> int:
        """Return about how many records the next drain gives."""
        return len(self._dirty) + len(self._inbox)

    def drain(self, horizon: Horizon) -> list[tuple[bytes, bytes | None]]:
        """Return the records that changed since the last call by state key; None for an erased customer."""
        for customer_id in list(self._inbox):
            self.store(self.unpack(customer_id), horizon)
        changed = [(customer_key(one), self._drained(one)) for one in dict.fromkeys(self._dirty)]
        self._dirty.clear()
        return changed

    def restore(self, customer_id: str, value: bytes) -> int:
        """Take back a record, and return its flags; raises StateError for what is not a record."""
        known = has_pane(value)
        record = self.records[customer_id] = bytearray(value)
        record[FLAGS_AT] = record[FLAGS_AT] & (OPEN | QUIET) | (0 if known else WITHOUT_PANE)
        wake = wake_of(record)
        self.wakes.set(customer_id, None if wake == NO_HOUR else wake * HOUR_MS)
        self._note_open(customer_id, record[FLAGS_AT])
        return record[FLAGS_AT]

    def waiting(self, customer_id: str) -> int:
        """Return how many facts wait in the record of a known customer."""
        record = self.records[customer_id]
        return 0 if wake_of(record) == NO_HOUR else len(split(record).body.agenda)

    def ids(self, customer_id: str) -> list[Entry]:
        """Return the entries that hold the ids of a known customer's recent events."""
        return entries(self.records[customer_id])

    def _drained(self, customer_id: str) -> bytes | None:
        record = self.records.get(customer_id)
        if record is None:
            return None
        flags = record[FLAGS_AT]
        record[FLAGS_AT] = flags & (OPEN | QUIET)
        value = bytes(record)
        record[FLAGS_AT] = flags & ~DIRTY
        return value

    def _note_open(self, customer_id: str, flags: int) -> None:
        if flags & OPEN:
            self.open.add(customer_id)
        else:
            self.open.discard(customer_id)
