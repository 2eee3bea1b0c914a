import random
from bisect import bisect_left

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from streams.native import LAYOUT, Records
from streams.runtime.kafka.fetch import _KeptRecords, taken_apart, unpacked

pytestmark = pytest.mark.skipif(not LAYOUT, reason="NOT TESTED, no compiled hot path")

START, T0 = 100, 1_700_000_000_000


def batch(rnd: random.Random, base: int, codec: int, count: int) -> bytes:
    """Return a record batch of format 2; records may lack key or value, and have headers."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, 0, 0, 1_000_000)
    for at in range(count):
        key = None if rnd.random() < 0.1 else rnd.randbytes(rnd.randrange(200))
        value = None if rnd.random() < 0.1 else rnd.randbytes(rnd.randrange(3_000))
        headers = [("h", b"x")] * rnd.randrange(3)
        builder.append(at, T0 + rnd.randrange(-(10**9), 10**9), key, value, headers)
    built = bytearray(builder.build())
    built[:8] = base.to_bytes(8, "big")
    return bytes(built)


def fetched(sent: bytes, position: int) -> PartitionRecords:
    tp = TopicPartition("t", 0)
    return PartitionRecords(tp, _KeptRecords(sent), [], position, None, None, True, READ_COMMITTED)


@pytest.mark.parametrize("codec", range(5))
def test_records_taken_apart_are_those_that_aiokafka_makes(codec: int) -> None:
    """Of any compression, from positions within batches, with gaps between them and one that is cut off."""
    rnd, base, sent = random.Random(codec), START, b""
    for _ in range(5):
        count = rnd.randrange(1, 50)
        sent += batch(rnd, base, codec, count)
        base += count + rnd.randrange(3)
    sent += sent[:70]
    for position in (0, START, START + 5, START + 30, base):
        one, other = fetched(sent, position), fetched(sent, position)
        made, apart = unpacked(one), taken_apart(other)
        assert isinstance(apart, Records)
        assert [(it.offset, it.timestamp, it.key, it.value) for it in apart] == [
            (it.offset, it.timestamp, it.key, it.value) for it in made
        ]
        assert one.next_fetch_offset == other.next_fetch_offset
        assert len(apart) == len(made)
        if made:
            assert (apart[0].value, apart[-1].offset) == (made[0].value, made[-1].offset)
            assert bisect_left(apart, made[-1].offset, key=lambda record: record.offset) == len(made) - 1
        with pytest.raises(IndexError):
            apart[len(made)]


def test_append_times_of_the_broker_count() -> None:
    sent = bytearray(batch(random.Random(1), START, 0, 3))
    sent[22] |= 8  # the broker sets the type of the times, and the last one
    sent[35:43] = T0.to_bytes(8, "big")
    one = fetched(bytes(sent), 0)
    one._check_crcs = False
    assert {it.timestamp for it in taken_apart(one)} == {T0}


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_batch_that_is_not_well_formed_is_refused(cut: int) -> None:
    sent = batch(random.Random(2), START, 0, 3)
    records = taken_apart(fetched(sent, 0))
    assert isinstance(records, Records)
    with pytest.raises(ValueError, match="well formed"):
        records.add(sent[:-cut], 0, 0)
    assert len(records) in {3, 4, 5}
