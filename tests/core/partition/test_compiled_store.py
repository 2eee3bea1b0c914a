"""The compiled loop at its edges: what it must not read past, who holds a record meanwhile, what it keeps."""

import gc
import sys
import tracemalloc
from random import Random
from typing import Any, Final

import pytest

from schemas.times import format_ms
from streams.core.customer.customer_codec import (
    BODY_SIZE_AT,
    EMPTY,
    ENTRY,
    FLAGS_AT,
    HEAD_BYTES,
    OWED,
    QUIET,
    Horizon,
    is_foldable,
)
from streams.core.customer.id_table import UNIT_BITS, IdTable
from streams.core.partition.compiled import FITS
from streams.core.time import DAY_MS
from streams.core.watermark import NEVER
from streams.native import Run, make_decoder
from tests.compiled import bare_store, record_of
from tests.core.drive import HOME
from tests.schemas.lines import PURCHASE, spell

pytestmark = pytest.mark.usefixtures("compiled")

ENTRIES: Final = b"".join(ENTRY.pack(HOME + at, 100, at) for at in range(400))


def run_of(count: int, **changes: object) -> Run:
    """Return purchases of one customer, a second apart, each appended at its time."""
    decode = make_decoder("USD", 0, 1, "murmur2", 65_536, lambda record: record)
    records = []
    for at in range(count):
        message = {**PURCHASE, "customer_id": "a", "event_id": str(at), "time": format_ms(HOME + at * 1_000)}
        message |= changes
        records.append(record_of(spell(message), message["customer_id"], timestamp=HOME + at * 1_000))
    run = decode.decode(records, 0)
    assert run is not None
    assert len(run) == count
    return run


def test_it_was_built_for_these_records() -> None:
    assert FITS


# The table of ids


@pytest.mark.parametrize("split", range(4))
def test_ids_go_where_the_table_looks_for_them(split: int) -> None:
    table = IdTable()
    table.low, table.split = 3, split
    table.buckets = [bytearray() for _ in range(4 + split)]
    run = run_of(200)
    store, _, _ = bare_store(
        buckets=table.buckets, low=3, split=split, newest_unit=(HOME + DAY_MS) >> UNIT_BITS
    )
    assert store.apply(run, 0) == 200
    other = IdTable()
    other.low, other.split, other.buckets = 3, split, [bytearray() for _ in range(4 + split)]
    for at in range(200):
        one, *_ = bare_store(recent=(recent := dict[int, int]()))
        one.apply(run_of(at + 1), at)
        ((key, time),) = recent.items()
        other.add(key, time)
    assert table.buckets == other.buckets
    again, *_ = bare_store(buckets=table.buckets, low=3, split=split, newest_unit=1 << 40)
    assert [again.apply(run, at) for at in range(200)] == list(range(200))


def test_an_id_that_waits_beside_the_table_is_left_to_the_reference() -> None:
    recent: dict[int, int] = {}
    bare_store(recent=recent)[0].apply(run_of(1), 0)
    buckets = [bytearray() for _ in range(1 << 16)]
    store, *_ = bare_store(recent=recent, buckets=buckets, newest_unit=1 << 40)
    assert store.apply(run_of(5), 0) == 0
    assert store.apply(run_of(5), 1) == 5


def test_the_table_is_told_of_a_unit_that_is_new_to_it() -> None:
    """Before the first id of it is added; what is added stays."""
    buckets = [bytearray() for _ in range(1 << 16)]
    told: list[int] = []

    def reach(time: int) -> None:
        told.append(time)
        for bucket in buckets:
            bucket.clear()

    units = [HOME + at * 1_000 >> UNIT_BITS for at in range(1_000)]
    store, *_ = bare_store(buckets=buckets, newest_unit=units[0] - 1, reach=reach)
    assert store.apply(run_of(1_000), 0) == 1_000
    assert [time >> UNIT_BITS for time in told] == sorted(set(units))
    assert sum(map(len, buckets)) == 8 * units.count(units[-1])
    assert store.newest_unit == units[-1]


# Clocks


@pytest.mark.parametrize("held_back", [None, 0, 60_000, 1 << 62])
@pytest.mark.parametrize("newest", [NEVER, HOME - DAY_MS, HOME + DAY_MS])
def test_the_clock_moves_as_that_of_the_reference(newest: int, held_back: int | None) -> None:
    """Also where what is newest was told by another clock: then no older time moves it."""
    store, *_ = bare_store(newest=newest, now=NEVER, held_back=held_back)
    assert store.apply(run_of(1), 0) == 1
    reached = HOME if held_back is None else min(HOME, HOME - held_back)
    still = held_back is None and newest > HOME
    assert store.now == (NEVER if still else max(NEVER, reached - 5_000))
    assert store.newest == max(newest, HOME)


@pytest.mark.parametrize(("now", "applied"), [(HOME - 1, 1), (HOME, 0), (HOME + 1, 0), (2**63 - 1, 0)])
def test_what_is_not_after_the_clock_is_late(now: int, applied: int) -> None:
    assert bare_store(now=now)[0].apply(run_of(1), 0) == applied


@pytest.mark.parametrize(("amount", "zero_counts", "applied"), [("0.00", False, 0), ("0.01", False, 1)])
def test_amounts_of_nothing(amount: str, zero_counts: bool, applied: int) -> None:
    assert bare_store(zero_counts=zero_counts)[0].apply(run_of(1, amount=amount), 0) == applied
    assert bare_store(zero_counts=True)[0].apply(run_of(1, amount=amount), 0) == 1


@pytest.mark.parametrize("start", [5, 6, 1_000_000, 2**64 - 1])
def test_from_the_end_on_there_is_nothing(start: int) -> None:
    store, records, counted = bare_store()
    assert store.apply(run_of(5), start) == start
    assert (records, counted, store.applied) == ({}, [], 0)


# The journal


@pytest.mark.parametrize("name", ["a", "Zo\u00eb", "\u20ac" * 86, "\U0001f600" * 128, "x" * 128])
def test_the_journal_has_each_entry_after_the_id_and_its_length(name: str) -> None:
    """It is added to, and whoever is owed already is not noted again."""
    journal, owing, record = bytearray(b"before"), ["z"], bytearray(EMPTY)
    store, *_ = bare_store(records={name: record}, journal=journal, owing=owing)
    assert store.apply(run_of(2, customer_id=name), 0) == 2
    assert store.apply(run_of(3, customer_id=name), 2) == 3
    assert owing == ["z", name]
    assert record[FLAGS_AT] & OWED
    appended, id_ = list(ENTRY.iter_unpack(record[len(EMPTY) :])), name.encode()
    assert [time for time, *_ in appended] == [HOME, HOME + 1_000, HOME + 2_000]
    entries = [len(id_).to_bytes(2, "little") + id_ + ENTRY.pack(*one) for one in appended]
    assert journal == b"before" + b"".join(entries)


def test_what_is_left_to_the_reference_is_not_in_the_journal() -> None:
    journal = bytearray()
    store, *_ = bare_store(journal=journal, now=HOME + 1_500)
    assert store.apply(run_of(3), 0) == 0
    assert not journal
    assert store.apply(run_of(3), 2) == 3
    assert len(journal) == 3 + ENTRY.size


def test_without_a_journal_customers_are_noted_as_ever() -> None:
    owing: list[str] = []
    store, *_ = bare_store(owing=owing)
    assert store.apply(run_of(3), 0) == 3
    assert owing == ["a"]


# Records


@pytest.mark.parametrize("body", [0, 1, 100, 960, 961, 4_000, 2**32 - 1])
def test_a_long_record_is_folded_when_the_reference_would(body: int) -> None:
    """A length of the body beyond the record, as only damaged state has it, is read past by neither."""
    rng = Random(body)
    for _ in range(60):
        record = bytearray(EMPTY) + rng.randbytes(min(body, 5_000)) + ENTRIES[: 20 * rng.randrange(8, 60)]
        record[BODY_SIZE_AT : BODY_SIZE_AT + 4] = body.to_bytes(4, "little")
        oldest, folded = HOME + rng.randrange(60), list[object]()
        store, *_ = bare_store(
            records={"a": record}, oldest_id=oldest, fold=lambda *one, to=folded: to.append(one)
        )
        assert store.apply(run_of(1), 0) == 1
        assert bool(folded) == is_foldable(record, Horizon((oldest,), 0))


@pytest.mark.parametrize("size", range(HEAD_BYTES))
def test_a_record_that_is_cut_off_is_read_no_further(size: int) -> None:
    """No worker writes one, and none is restored: all that is asked is that nothing beyond it is touched."""
    records = {"a": bytearray(EMPTY[:size])}
    store, *_ = bare_store(records=records)
    assert store.apply(run_of(30), 0) == 30
    assert len(records["a"]) == size + 30 * ENTRY.size


@pytest.mark.parametrize("held", ["record", "bucket"])
def test_what_somebody_holds_a_view_of_does_not_grow(held: str) -> None:
    """Nothing is written then: the processor is dropped, as for any other error."""
    records, buckets = {"a": bytearray(EMPTY)}, [bytearray(8) for _ in range(1 << 16)]
    views = [memoryview(one) for one in ([records["a"]] if held == "record" else buckets)]
    store, *_ = bare_store(records=records, buckets=buckets if held == "bucket" else [], newest_unit=1 << 40)
    with pytest.raises(BufferError):
        store.apply(run_of(1), 0)
    assert records["a"] == EMPTY
    assert all(len(view) in {len(EMPTY), 8} for view in views)


@pytest.mark.parametrize("wrong", [None, b"bytes", "text", []])
def test_what_is_no_record_is_an_error(wrong: Any) -> None:
    with pytest.raises(TypeError):
        bare_store(records={"a": wrong})[0].apply(run_of(1), 0)
    with pytest.raises(TypeError):
        bare_store(new=lambda _: wrong)[0].apply(run_of(1), 0)
    with pytest.raises(TypeError):
        bare_store(buckets=[wrong] * (1 << 16), newest_unit=1 << 40)[0].apply(run_of(1), 0)


def test_callbacks_may_do_what_they_like_to_the_record() -> None:
    """Cut it, let it grow, put another in its place, forget everybody: the next row takes what is there."""
    records = {"a": bytearray(EMPTY)}
    records["a"][FLAGS_AT] = QUIET
    rng, calls = Random(3), list[str]()

    def meddle(customer_id: str, record: bytearray, *_: object) -> None:
        calls.append(customer_id)
        match rng.randrange(5):
            case 0:
                record.clear()
            case 1:
                record.extend(bytes(100_000))
            case 2:
                records[customer_id] = bytearray(EMPTY) + ENTRIES
            case 3:
                records.clear()
            case _:
                record[FLAGS_AT : FLAGS_AT + 1] = bytes([QUIET])
        if len(calls) % 50 == 0:
            gc.collect()

    store, *_ = bare_store(
        records=records,
        note=meddle,
        fold=meddle,
        oldest_id=HOME + DAY_MS,
        new=lambda customer_id: records.setdefault(customer_id, bytearray(EMPTY)),
    )
    assert store.apply(run_of(300), 0) == 300
    assert len(calls) > 100


@pytest.mark.parametrize("callback", ["new", "note", "fold", "count"])
def test_what_a_callback_raises_is_raised(callback: str) -> None:
    def fail(*_: object) -> None:
        raise LookupError(callback)

    record = bytearray(EMPTY) + ENTRIES
    records = {} if callback == "new" else {"a": record}
    store, *_ = bare_store(records=records, oldest_id=HOME + DAY_MS, **{callback: fail})
    with pytest.raises(LookupError, match=callback):
        store.apply(run_of(1), 0)


def test_nothing_is_kept_of_what_was_applied() -> None:
    """No reference to a callback, a record or a bucket, and no memory, over a quarter of a million rows."""
    run, record = run_of(1_000), bytearray(EMPTY)
    records, bucket = {"a": record}, bytearray()
    buckets = [bucket] * (1 << 16)

    def again(*_: object) -> None:
        """Be called."""

    def rounds(count: int) -> None:
        for _ in range(count):
            record[:] = EMPTY
            record[FLAGS_AT] = QUIET
            bucket.clear()
            store, *_rest = bare_store(
                records=records, buckets=buckets, newest_unit=1 << 40, note=again, fold=again, count=again
            )
            assert store.apply(run, 0) == 1_000

    rounds(1)
    counts = [sys.getrefcount(one) for one in (again, record, bucket, records, run)]
    tracemalloc.start()
    rounds(5)
    before = tracemalloc.get_traced_memory()[0]
    rounds(50)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert [sys.getrefcount(one) for one in (again, record, bucket, records, run)] == counts
    assert grown < 20_000
