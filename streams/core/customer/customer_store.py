"""The customers of a partition: their packed records, and what must be known of them without unpacking."""

from collections.abc import Iterator
from itertools import chain
from typing import Final

from streams.core.customer.customer import Customer, unpack
from streams.core.customer.customer_codec import (
    CROWDED,
    EMPTY,
    ENTRY,
    FLAGS_AT,
    KEPT,
    KEY_SIZE,
    MERGED,
    NO_HOUR,
    OPEN,
    OWED,
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
from streams.core.customer.journal.journal import Journal
from streams.core.customer.pages import Pages
from streams.core.customer.pending import PendingEvent
from streams.core.customer.state import GRAVE, customer_key
from streams.core.customer.timers import Timers
from streams.core.time import HOUR_MS

MANY_CONTACTS: Final = 32
MOST_CACHED: Final = 64
_CARRIED: Final = SAMPLED | OWED | WITHOUT_PANE
_INDEXED: Final = OPEN | CROWDED


class CustomerStore:
    """Packed records by customer, who wakes when, whose episode is open, and who changed.

    To append an on-time purchase to a record is no change: it goes to the journal too, and its customer is
    owed a whole record.
    """

    __slots__ = ("_cache", "_changed", "_inbox", "crowded", "journal", "open", "pages", "records", "timers")

    def __init__(self) -> None:
        self.records: dict[str, bytearray] = {}
        self.pages = Pages()
        self.journal = Journal()
        self.timers = Timers()
        self.open: set[str] = set()
        self.crowded: set[str] = set()
        self._inbox: dict[str, list[PendingEvent]] = {}
        self._changed: dict[str, None] = {}
        self._cache: dict[str, tuple[bytearray, Customer]] = {}
        """Customers as they were packed into a record, the latest last; for as long as that is theirs."""

    def new(self, customer_id: str) -> bytearray:
        """Return the record of a customer not known before."""
        record = self.records[customer_id] = bytearray(EMPTY)
        return record

    def touch(self, customer_id: str) -> None:
        """Note that a record changed: the next drain writes it whole, as the first does with all."""
        if self.journal.entries is not None:
            self._changed[customer_id] = None

    def owe(self, customer_id: str, record: bytearray) -> None:
        """Note that the journal has an entry of a customer who was owed nothing."""
        record[FLAGS_AT] |= OWED
        self.journal.owing.append(customer_id)

    def remember(self, customer_id: str, entry: Entry) -> bytearray:
        """Append the id of an event to its customer's record, and return that."""
        record = self.records.get(customer_id)
        if record is None:
            record = self.new(customer_id)
        record += ENTRY.pack(*entry)
        self.touch(customer_id)
        return record

    def fold(self, customer_id: str, record: bytearray, horizon: Horizon) -> None:
        """Fold the tail of a record, and let pages have what makes it long.

        Folded it says the same as before, so it has changed only if pages have something of it.
        """
        folded, paged = fold_tail(record, horizon)
        if paged:
            self.pages.add(customer_id, paged, horizon)
            self.touch(customer_id)
        self.records[customer_id] = folded

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
            self.touch(customer_id)
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
        self.touch(customer_id)
        self.journal.erase(customer_id)
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
    def dirty(self) -> int:
        """Return about how many records the next drain gives."""
        journal = self.journal.entries
        changed = len(self.records) if journal is None else len(self._changed) + self.journal.parts
        return changed + len(self._inbox) + self.pages.changed

    def drain(self, horizon: Horizon) -> list[tuple[bytes, bytes | None]]:
        """Return what changed since the last call by state key, in the order to write; None to forget a key.

        The journal is first: a whole record of the same drain has its entries.
        """
        for customer_id in list(self._inbox):
            self.store(self.unpack(customer_id), horizon)
        journal = self.journal
        changed = self.records if journal.entries is None else self._changed
        entries = journal.drain()
        drained = [*entries, *((customer_key(one), self._whole(one)) for one in changed)]
        self._changed.clear()
        for customer_id in journal.served():
            if self.records.get(customer_id, EMPTY)[FLAGS_AT] & OWED:
                whole = self._whole(customer_id)
                drained.append((customer_key(customer_id), whole))
                journal.paid(len(whole or b""))
        drained += self.pages.drain(horizon)
        drained += journal.forget()
        return drained + [(customer_key(one), self._whole(one)) for one in journal.close_graves()]

    def restore(self, customer_id: str) -> int:
        """Note what must be known of a restored record, and return its flags; raises StateError."""
        record = self.records[customer_id]
        known = has_pane(record)
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

    def _whole(self, customer_id: str) -> bytes | None:
        """Return the record of a customer as the changelog has it, which owes nothing then."""
        record = self.records.get(customer_id)
        if record is None:
            return GRAVE if customer_id in self.journal.graves else None
        flags = record[FLAGS_AT]
        record[FLAGS_AT] = flags & KEPT
        value = bytes(record)
        record[FLAGS_AT] = flags & ~OWED
        return value

    def _index(self, customer_id: str, flags: int) -> None:
        for flag, customers in ((OPEN, self.open), (CROWDED, self.crowded)):
            if flags & flag:
                customers.add(customer_id)
            else:
                customers.discard(customer_id)
