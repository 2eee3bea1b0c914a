"""A changelog with a journal, read: what comes to each customer's record.

Whole records and entries are taken in the order in which they were written. So a whole record replaces what
was journaled before it, and entries behind it are appended to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from streams.core.customer.customer_codec import EMPTY, ENTRY, FLAGS_AT, KEPT
from streams.core.customer.journal.journal import LENGTH_BYTES
from streams.core.customer.state import (
    GRAVE,
    StateError,
    customer_key,
    customer_of,
    is_customer_key,
    is_journal_key,
    journal_number_of,
)

_NEW: Final = EMPTY[:FLAGS_AT] + bytes([EMPTY[FLAGS_AT] & KEPT]) + EMPTY[FLAGS_AT + 1 :]
"""As the changelog would have the record of a customer of whom nothing is known yet."""


@dataclass(slots=True)
class Expanded:
    """What a changelog comes to."""

    records: dict[str, bytearray] = field(default_factory=dict)
    """The customers, the entries of the journal included."""
    others: dict[bytes, bytes] = field(default_factory=dict)
    """What is neither a customer nor the journal, by state key."""
    owed: dict[str, int] = field(default_factory=dict)
    """By customer with entries in the journal that count: the number of the first record that has one."""
    graves: set[str] = field(default_factory=set)
    live: dict[int, int] = field(default_factory=dict)
    """The journal records: how many parts each number has."""

    def append(self, number: int, entries: bytes) -> None:
        """Append the entries of a journal record; raises StateError."""
        records, owed, at, size = self.records, self.owed, 0, len(entries)
        try:
            while at < size:
                id_at = at + LENGTH_BYTES
                at = id_at + (entries[at] | entries[at + 1] << 8)
                customer_id = entries[id_at:at].decode()
                record = records.get(customer_id)
                if record is None:
                    record = records[customer_id] = bytearray(_NEW)
                record += entries[at : at + ENTRY.size]
                if customer_id not in owed:
                    owed[customer_id] = number
                at += ENTRY.size
        except UnicodeDecodeError as error:
            raise StateError("a journal record with an id that is not UTF-8") from error
        except IndexError as error:
            raise StateError("a journal record that is cut off") from error
        if at > size:
            raise StateError("a journal record that is cut off")


def expand(state: Mapping[bytes, bytes]) -> Expanded:
    """Return what the newest values of a changelog come to, in the order in which they were written.

    Raise StateError.
    """
    found = Expanded()
    records, owed = found.records, found.owed
    number, parts = -1, list[bytes]()
    for key, value in state.items():
        if parts and not (is_journal_key(key) and journal_number_of(key) == number):
            found.append(number, b"".join(parts))
            parts.clear()
        if is_customer_key(key):
            customer_id = customer_of(key)
            owed.pop(customer_id, None)
            if value == GRAVE:
                records.pop(customer_id, None)
                found.graves.add(customer_id)
            else:
                records[customer_id] = bytearray(value)
        elif is_journal_key(key):
            number = journal_number_of(key)
            parts.append(value)
            found.live[number] = found.live.get(number, 0) + 1
        else:
            found.others[key] = value
    found.append(number, b"".join(parts))
    return found


def without_journal(state: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return the newest values of a changelog with all customers as whole records; raises StateError."""
    found = expand(state)
    customers = {customer_key(one): bytes(record) for one, record in found.records.items()}
    return customers | found.others
