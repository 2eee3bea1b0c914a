"""The customers of a partition: their packed records, and what must be known of them without unpacking."""

from collections.abc import Iterator
from itertools import chain
from typing import Final

from streams.core.customer.customer import Customer, unpack
from streams.core.customer.customer_codec import (
    CROWDED,
    DIRTY,
    EMPTY,
    ENTRY,
    FLAGS_AT,
    KEPT,
    KEY_SIZE,
    MERGED,
    NO_HOUR,
    OPEN,
    PAGE_BYTES,
    SAMPLED,
    WITHOUT_PANE,
    Entry,
    Horizon,
    entries,
    fold_tail,
    has_pane,
    is_long,
    matching,
    tail_of,
    timer_of,
    waiting_in,
)
from streams.core.customer.pages import Pages
from streams.core.customer.pending import PendingEvent
from streams.core.customer.state import customer_key
from streams.core.customer.timers import Timers
from streams.core.time import HOUR_MS

MANY_CONTACTS: Final = 32
MOST_CACHED: Final = 64
_CARRIED: Final = SAMPLED | DIRTY | WITHOUT_PANE
_INDEXED: Final = OPEN | CROWDED


class CustomerStore:
    """Packed records by customer, who wakes when, whose episode is open, and who changed."""

    __slots__ = ("_cache", "_dirty", "_inbox", "crowded", "open", "pages", "records", "timers")

    def __init__(self) -> None:
        self.records: dict[str, bytearray] = {}
        self.pages = Pages()
        self.timers = Timers()
        self.open: set[str] = set()
        self.crowded: set[str] = set()
        self._inbox: dict[str, list[PendingEvent]] = {}
        self._dirty: list[str] = []
        self._cache: dict[str, tuple[bytearray, Customer]] = {}
        """Customers as they were packed into a record, the latest last; for as long as that is theirs."""

    def new(self, customer_id: str) -> bytearray:
        """Return the record of a customer not known before."""
        record = self.records[customer_id] = bytearray(EMPTY)
        return record

    def touch(self, customer_id: str, record: bytearray) -> None:
        """Note that a record changed."""
        if not record[FLAGS_AT] & DIRTY:
            record[FLAGS_AT] |= DIRTY
            self._dirty.append(customer_id)

    def remember(self, customer_id: str, entry: Entry) -> bytearray:
        """Append the id of an event to its customer's record, and return that."""
        record = self.records.get(customer_id)
        if record is None:
            record = self.new(customer_id)
        record += ENTRY.pack(*entry)
        self.touch(customer_id, record)
        return record

    def fold(self, customer_id: str, record: bytearray, horizon: Horizon) -> None:
        """Fold the tail of a record, and let pages have what makes it long; it counts as changed."""
        folded, paged = fold_tail(record, horizon)
        if paged:
            self.pages.add(customer_id, paged, horizon)
        self.records[customer_id] = folded
        self.touch(customer_id, folded)

    def enqueue(self, customer_id: str, item: PendingEvent) -> None:
        """Let a fact wait for a known customer, and wake it at its effective time.

        It joins the pending events when the record is next unpacked, most often to fold it.
        """
        self._inbox.setdefault(customer_id, []).append(item)
        self.timers.add(customer_id, item.effective_time)

    def unpack(self, customer_id: str) -> Customer:
        """Return a known customer; what is done to it counts once it is stored."""
        record = self.records[customer_id]
        known, customer = self._cache.get(customer_id, (None, None))
        if customer is None or known is not record:
            customer = unpack(customer_id, record)
        else:
            customer.catch_up(record)
        for waiting in self._inbox.pop(customer_id, ()):
            customer.enqueue(waiting)
        return customer

    def store(self, customer: Customer, horizon: Horizon) -> None:
        """Pack a customer again; it has changed if its record is another one."""
        customer_id, flags = customer.customer_id, customer.flags
        self.timers.set(customer_id, customer.timers_at)
        old = self.records[customer_id]
        if (flags ^ old[FLAGS_AT]) & _INDEXED:
            self._index(customer_id, flags)
        record = customer.pack(horizon, flags | old[FLAGS_AT] & _CARRIED)
        if record != old:
            self.records[customer_id] = record
            self.touch(customer_id, record)
        self._cache_unpacked(customer)
        if len(record) > PAGE_BYTES and is_long(record):  # what is kept unpacked is of the old one then
            self.fold(customer_id, self.records[customer_id], horizon)

    def _cache_unpacked(self, customer: Customer) -> None:
        """Keep a customer with many contacts unpacked, as the next contact is likely to be theirs."""
        customer_id, cache = customer.customer_id, self._cache
        cache.pop(customer_id, None)
        if len(customer.body.contacts) >= MANY_CONTACTS:
            cache[customer_id] = self.records[customer_id], customer
            if len(cache) > MOST_CACHED:
                del cache[next(iter(cache))]

    def erase(self, customer_id: str) -> Customer:
        """Forget a known customer, and return what there was."""
        customer = self.unpack(customer_id)
        record = self.records[customer_id]
        self.touch(customer_id, record)
        self.timers.set(customer_id, None)
        self.open.discard(customer_id)
        self.crowded.discard(customer_id)
        self.pages.erase(customer_id)
        self._cache.pop(customer_id, None)
        del self.records[customer_id]
        return customer

    def spenders(self) -> Iterator[str]:
        """Yield the customers with a pane."""
        return (one for one, record in self.records.items() if not record[FLAGS_AT] & WITHOUT_PANE)

    def ended(self) -> Iterator[str]:
        """Yield the ids that were merged into another one."""
        return (one for one, record in self.records.items() if record[FLAGS_AT] & MERGED)

    def mark_sampled(self, customer_id: str, *, sampled: bool) -> None:
        """Note that a customer joined the population's sample, or left it."""
        record = self.records[customer_id]
        if sampled:
            record[FLAGS_AT] |= SAMPLED
        else:
            record[FLAGS_AT] &= ~SAMPLED

    @property
    def changed(self) -> list[str]:
        """Return who changed since the last drain, in the order of that; the hot path adds to it."""
        return self._dirty

    @property
    def dirty(self) -> int:
        """Return about how many records the next drain gives."""
        return len(self._dirty) + len(self._inbox) + self.pages.changed

    def drain(self, horizon: Horizon) -> list[tuple[bytes, bytes | None]]:
        """Return the records that changed since the last call by state key; None for an erased customer."""
        for customer_id in list(self._inbox):
            self.store(self.unpack(customer_id), horizon)
        changed = [(customer_key(one), self._drained(one)) for one in dict.fromkeys(self._dirty)]
        self._dirty.clear()
        return changed + self.pages.drain(horizon)

    def restore(self, customer_id: str, value: bytes) -> int:
        """Restore a record, and return its flags; raises StateError for what is not a record."""
        known = has_pane(value)
        record = self.records[customer_id] = bytearray(value)
        record[FLAGS_AT] = record[FLAGS_AT] & KEPT | (0 if known else WITHOUT_PANE)
        timer = timer_of(record)
        # The record knows the hour alone; to wake early is harmless.
        self.timers.set(customer_id, None if timer == NO_HOUR else timer * HOUR_MS)
        self._index(customer_id, record[FLAGS_AT])
        return record[FLAGS_AT]

    def waiting(self, customer_id: str) -> int:
        """Return how many facts wait in the record of a known customer; raises StateError."""
        record = self.records[customer_id]
        return 0 if timer_of(record) == NO_HOUR else waiting_in(record)

    def ids(self, customer_id: str) -> Iterator[Entry]:
        """Yield the entries that hold the ids of a known customer's recent events."""
        yield from entries(self.records[customer_id])
        yield from self.pages.entries(customer_id)

    def in_record(self, key: int, customer_id: str) -> Iterator[Entry]:
        """Yield the entries with the hash of an id in a customer's own record; pages know no cents."""
        record = self.records.get(customer_id, EMPTY)
        return matching(record, tail_of(record), key.to_bytes(KEY_SIZE, "little"))

    def entries_with(self, key: int, customer_id: str) -> Iterator[Entry]:
        """Yield the entries with the hash of an id, those of one customer first, then those of all."""
        packed = key.to_bytes(KEY_SIZE, "little")
        for one in chain((customer_id,), self.records):
            record = self.records.get(one, EMPTY)
            if packed in record:
                yield from matching(record, tail_of(record), packed)
            for page in self.pages.values(one):
                yield from matching(page, 1, packed)

    @property
    def oversized(self) -> int:
        """Return how many customers have more events or contacts than are kept in one record."""
        return len(self.crowded.union(self.pages.customers))

    def _drained(self, customer_id: str) -> bytes | None:
        record = self.records.get(customer_id)
        if record is None:
            return None
        flags = record[FLAGS_AT]
        record[FLAGS_AT] = flags & KEPT
        value = bytes(record)
        record[FLAGS_AT] = flags & ~DIRTY
        return value

    def _index(self, customer_id: str, flags: int) -> None:
        for flag, customers in ((OPEN, self.open), (CROWDED, self.crowded)):
            if flags & flag:
                customers.add(customer_id)
            else:
                customers.discard(customer_id)
