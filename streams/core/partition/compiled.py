"""What a run of decoded purchases is applied to by the compiled loop, where there is one."""

from collections.abc import Callable
from functools import partial
from typing import Final

from streams.core.customer.customer_codec import (
    BODY_SIZE_AT,
    ENTRY,
    FLAGS_AT,
    HEAD_BYTES,
    LONG_RECORD,
    MERGED,
    MOST_CENTS,
    OWED,
    PAGE_BYTES,
    QUIET,
    SAMPLED,
    WITHOUT_PANE,
    Horizon,
)
from streams.core.customer.id_table import KEY_BYTES, LOW_BITS, UNIT_BITS
from streams.core.customer.journal.journal import LENGTH_BYTES
from streams.core.partition.contents import Contents
from streams.core.time import HOUR_MS
from streams.core.watermark import FUTURE_MS, Input
from streams.native import LAYOUT, Store, make_store

_LAYOUT: Final = (
    HEAD_BYTES,
    FLAGS_AT,
    BODY_SIZE_AT,
    OWED,
    SAMPLED | WITHOUT_PANE | QUIET | MERGED,
    ENTRY.size,
    LENGTH_BYTES,
    LONG_RECORD - HEAD_BYTES,
    PAGE_BYTES,
    MOST_CENTS,
    LOW_BITS,
    KEY_BYTES,
    UNIT_BITS,
    HOUR_MS,
    FUTURE_MS,
)
FITS: Final = LAYOUT == _LAYOUT
"""Whether there is a compiled loop, and it was built for these records."""

Note = Callable[[str, bytearray, int, int], None]
"""Does what a purchase means beyond its customer's record: customer, record, hour, cents."""


def store_of(contents: Contents, horizon: Horizon, note: Note, held_back: int | None) -> Store:
    """Return what the purchases of a run are applied to.

    Whatever else is done meanwhile, its clock and its newest unit are to be told.
    """
    clock, ids = contents.clocks[Input.TRANSACTIONS], contents.ids[Input.TRANSACTIONS]
    customers, guard, rules = contents.customers, contents.guard, contents.judge.rules

    def count(source: str, hour: int, purchases: int) -> None:
        guard.counts_of(source, rules)[hour] += purchases

    return make_store(
        records=customers.records,
        journal=customers.journal.entries,
        owing=customers.journal.owing,
        recent=ids.recent,
        buckets=ids.table.buckets,
        low=ids.table.low,
        split=ids.table.split,
        newest_unit=ids.table.newest_unit,
        reach=ids.table.reach,
        newest=clock.alive,
        now=clock.now,
        lateness=clock.lateness_ms,
        held_back=held_back,
        zero_counts=not rules.as_meant,
        oldest_id=horizon.oldest_effective_times[0],
        new=customers.new,
        note=note,
        fold=partial(customers.fold, horizon=horizon),
        count=count,
    )
