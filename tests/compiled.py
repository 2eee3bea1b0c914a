"""What the tests of the compiled hot path share: the row of a run, seen by applying it to nothing."""

from typing import Any

from streams.core.customer.customer_codec import ENTRY, HEAD_BYTES
from streams.core.time import HOUR_MS
from streams.core.watermark import NEVER
from streams.native import Run, Store, make_store
from streams.runtime.ports import LogRecord, RawRecord


def record_of(value: bytes, key: str | None = None, *, at: int = 0, timestamp: int = -NEVER) -> LogRecord:
    """Return the record of a message under the key of a customer."""
    return RawRecord(at, timestamp, None if key is None else key.encode(), value)


def bare_store(**changes: Any) -> tuple[Store, dict[str, bytearray], list[tuple[str, int, int]]]:
    """Return a store without a partition, its records, and what it counted; `changes` are its arguments."""
    records: dict[str, bytearray] = {}
    counted: list[tuple[str, int, int]] = []

    def new(customer_id: str) -> bytearray:
        record = records[customer_id] = bytearray(HEAD_BYTES)
        return record

    arguments: dict[str, Any] = {
        "records": records,
        "journal": None,
        "owing": [],
        "recent": {},
        "buckets": [],
        "low": 0xFFFF,
        "split": 0,
        "newest_unit": NEVER,
        "reach": lambda _time: b"",
        "newest": NEVER,
        "now": NEVER,
        "lateness": 5_000,
        "held_back": None,
        "zero_counts": True,
        "oldest_id": NEVER,
        "new": new,
        "note": lambda *_: None,
        "fold": lambda *_: None,
        "count": lambda *counts: counted.append(counts),
    }
    return make_store(**arguments | changes), records, counted


def row_of(run: Run) -> tuple[str, str, int, int, int] | None:
    """Return (customer, source, time, cents, hash of the id) of the only row of a run.

    Read from what the compiled loop writes of it; None if it leaves the row to the reference.
    """
    recent: dict[int, int] = {}
    store, records, counted = bare_store(recent=recent)
    if not store.apply(run, 0):
        return None
    ((customer_id, record),), ((source, hour, count),) = records.items(), counted
    time, cents, key = ENTRY.unpack_from(record, HEAD_BYTES)
    assert (recent, hour, count) == ({key: time}, time // HOUR_MS, 1)
    return customer_id, source, time, cents, key
