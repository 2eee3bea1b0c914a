"""The processor of a partition: what it refuses to go on with, what it holds, and when it stops."""

from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec import msgpack
from typing_extensions import override

from schemas.alert import Alert
from schemas.dead_letter import Reason
from schemas.events import SignOfLife
from schemas.events import Transaction as Bought
from streams.core.customer.state import PARTITION_KEY, StateError, decode_state
from streams.core.partition.partition import Batched, Outcome, Partition, Record
from streams.core.ruleset import DEFAULT, Ruleset
from streams.core.watermark import FACTS, Input
from streams.native import Run
from streams.runtime.partition.poison import IN_A_ROW
from streams.runtime.partition.processor import (
    MOST_UNDECIDED,
    PROCESSOR_KEY,
    SIDE_INPUTS,
    Identity,
    PartitionProcessor,
    ProcessorState,
    RefusedError,
)
from streams.runtime.ports import Bounds, Fetched, PartitionLog, RawRecord, StateRecord, Transaction
from tests.runtime.history import NOW, RULES, comparable, history
from tests.runtime.lines import contact, key_of, purchase

TX, CT = FACTS
IDENTITY = Identity("test", Ruleset(), "USD", 0, 1, topics={TX: "first", CT: "second"})
OTHER_RULES = Ruleset(version="other")
NONE = Bounds(0, 0)
FULL = dict.fromkeys(Input, Bounds(0, 1_000_000))
DAY_MS = 86_400_000


class Memory(PartitionLog):
    """A log that does all that is asked."""

    def __init__(self, bounds: Mapping[Input, Bounds] = FULL) -> None:
        self.state: dict[bytes, bytes | None] = {}
        self.written: list[Transaction] = []
        self._bounds = bounds

    @override
    async def fence(self) -> None:
        pass

    @override
    async def bounds(self) -> Mapping[Input, Bounds]:
        return self._bounds

    @override
    async def dead_letters_end(self) -> int:
        return sum(len(transaction.dead_letters) for transaction in self.written)

    @override
    async def restore(self) -> AsyncIterator[Sequence[StateRecord]]:
        yield list(self.state.items())

    @override
    async def commit(self, transaction: Transaction) -> None:
        for key, value in transaction.state:
            self.state.pop(key, None)
            self.state[key] = value
        self.written.append(transaction)

    @override
    async def close(self) -> None:
        pass


def now(work: Coroutine[Any, Any, Any]) -> None:
    """Run to its end what waits for nothing."""
    with pytest.raises(StopIteration):
        work.send(None)


def opened(log: Memory, identity: Identity = IDENTITY) -> PartitionProcessor:
    processor = PartitionProcessor(identity, log, lambda: NOW)
    now(processor.open())
    return processor


def used() -> Memory:
    """Return a log with a customer in it, and an input read up to 2."""
    log = Memory(dict.fromkeys(Input, Bounds(0, 2)))
    processor = opened(log)
    for source in SIDE_INPUTS:
        assert processor.take(Fetched(source, 0, (), 2))
    assert processor.take(fetched(TX, 0, [purchase("a", NOW - DAY_MS), purchase("b", NOW - DAY_MS)]))
    now(processor.commit())
    return log


def fetched(source: Input, before: int, lines: Iterable[bytes]) -> Fetched:
    """Return a batch of lines."""
    records = [RawRecord(before + at, NOW, key_of(line), line) for at, line in enumerate(lines)]
    return Fetched(source, before, records, before + len(records))


def processor_record(**changes: Any) -> bytes:
    state = ProcessorState("test", IDENTITY.rules.hash, {TX.value: 2}, 1, {TX.value: "first"})
    fields = {name: getattr(state, name) for name in ProcessorState.__struct_fields__}
    return msgpack.encode(ProcessorState(**(fields | changes)))


def test_what_was_written_is_gone_on_with() -> None:
    processor = opened(used())
    assert processor.positions == {TX: 2, CT: 0} | dict.fromkeys(SIDE_INPUTS, 2)
    assert processor.partition.customers == 2
    assert processor.ready


def test_with_nothing_written_it_begins_at_the_beginning_of_the_inputs() -> None:
    processor = opened(Memory(dict.fromkeys(Input, Bounds(7, 9))))
    assert processor.positions == dict.fromkeys(Input, 7)
    assert not processor.ready


@pytest.mark.parametrize(
    ("identity", "told"),
    [
        (replace(IDENTITY, application="other"), "another application id"),
        (replace(IDENTITY, partitions=2), "written for 1 partitions, the topics have 2.*state export"),
        (replace(IDENTITY, rules=OTHER_RULES), "under another ruleset: start with --adopt-ruleset"),
        (replace(IDENTITY, currency="EUR"), "the state counts in USD, the settings say EUR"),
        (replace(IDENTITY, partitioner="crc32"), "placed by murmur2, .* says crc32: set murmur2, or move"),
        (replace(IDENTITY, topics={CT: "anew"}), "the topic of contacts was recreated"),
        (replace(IDENTITY, topics={TX: "first", CT: "anew"}), "the topic of contacts was recreated"),
    ],
)
def test_state_of_another_kind_is_refused(identity: Identity, told: str) -> None:
    log = used()
    with pytest.raises(RefusedError, match=told):
        opened(log, identity)
    assert len(log.written) == 1


def test_state_of_a_built_in_ruleset_is_told_how_to_be_kept() -> None:
    """As state of ruleset 1 is, when a worker starts that has taken the default."""
    with pytest.raises(RefusedError, match=r"; or keep it, with RETENTION_RULESET_FILE=1$"):
        opened(used(), replace(IDENTITY, rules=DEFAULT))
    unknown = used()
    unknown.state[PROCESSOR_KEY] = processor_record(ruleset=OTHER_RULES.hash)
    with pytest.raises(RefusedError, match=r"--adopt-ruleset, open episodes keep theirs$"):
        opened(unknown)


def test_another_ruleset_can_be_adopted() -> None:
    processor = opened(used(), replace(IDENTITY, rules=OTHER_RULES, adopt_ruleset=True))
    assert processor.partition.customers == 2


def test_adopting_a_ruleset_adopts_nothing_else() -> None:
    with pytest.raises(RefusedError, match="another application id"):
        opened(used(), replace(IDENTITY, application="other", adopt_ruleset=True))


def test_while_no_money_was_counted_the_currency_may_change() -> None:
    log = Memory(dict.fromkeys(Input, Bounds(0, 1)))
    processor = opened(log)
    for source in SIDE_INPUTS:
        assert processor.take(Fetched(source, 0, (), 1))
    assert processor.take(fetched(CT, 0, [contact("a", NOW - DAY_MS)]))
    now(processor.commit())
    assert opened(log, replace(IDENTITY, currency="EUR")).partition.customers == 1


def test_unchecked_places_go_on_with_any_and_without_customers_any_does() -> None:
    log = used()
    processor = opened(log, replace(IDENTITY, partitioner="unchecked"))
    assert processor.take(Fetched(TX, 2, (), 2))
    now(processor.commit())
    assert opened(log, replace(IDENTITY, partitioner="fnv1a")).partition.customers == 2
    empty = Memory()
    empty.state[PROCESSOR_KEY] = processor_record()
    assert opened(empty, replace(IDENTITY, partitioner="crc32")).partition.customers == 0


def test_unknown_fields_are_told_of_what_was_accepted_alone() -> None:
    processor = opened(used())
    grown = [line[:-1] + b',"tier":1}' for line in (purchase("a", NOW), purchase("b", NOW + DAY_MS))]
    poison = purchase("c", NOW).replace(b'"purchase"', b'"gift","team":1')
    taken = processor.take(fetched(TX, 2, [purchase("a", NOW - 1), *grown, poison]))
    assert taken
    assert [set(names) for names in taken.unknown] == [{"tier"}]
    again = processor.take(fetched(TX, 6, [purchase("a", NOW - 2)]))
    assert again
    assert again.unknown == []


def test_topics_of_which_no_id_is_known_are_not_compared() -> None:
    assert opened(used(), replace(IDENTITY, topics={})).ready


@pytest.mark.parametrize(
    ("start", "end", "refused"),
    [(1, 3, False), (2, 3, False), (3, 3, True), (0, 2, False), (0, 1, True)],
)
def test_a_position_must_lie_in_what_the_input_holds(start: int, end: int, refused: bool) -> None:
    """The state is at 2 of the transactions: whatever begins above or ends below has lost something."""
    log = used()
    log._bounds = FULL | {TX: Bounds(start, end)}
    if not refused:
        assert opened(log).positions[TX] == 2
        return
    with pytest.raises(
        RefusedError, match=f"at 2 of transactions, which holds {start} to {end}: .*bring it back"
    ):
        opened(log)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        (PROCESSOR_KEY, b"", "an owner record that does not parse"),
        (PROCESSOR_KEY, b"\xc1garbage", "an owner record that does not parse"),
        (PROCESSOR_KEY, msgpack.encode({"application": "test"}), "an owner record that does not parse"),
        (PROCESSOR_KEY, None, "no owner record"),
        (PARTITION_KEY, b"garbage", "a partition record that does not parse"),
        (b"ca", bytes(14), "state of format 0"),
        (b"ca", b"garbage", "cut off"),
        (b"c\xff", b"", "not UTF-8"),
        (b"?", b"", "of unknown kind"),
    ],
)
def test_garbage_is_refused(key: bytes, value: bytes | None, told: str) -> None:
    log = used()
    log.state[key] = value
    with pytest.raises(StateError, match=told):
        opened(log)


def test_state_of_a_later_release_is_refused() -> None:
    log = used()
    packed = log.state[PARTITION_KEY]
    assert packed is not None
    later = decode_state(packed)
    later.format = 99
    log.state[PARTITION_KEY] = later.encode()
    with pytest.raises(StateError, match="partition state of format 99, this release reads"):
        opened(log)


def test_an_owner_record_of_an_earlier_release_has_no_partitions_and_no_topics() -> None:
    log = used()
    log.state[PROCESSOR_KEY] = processor_record(partitions=0, topics={})
    assert opened(log).positions[TX] == 2


def test_an_owner_record_of_an_earlier_release_has_no_stop() -> None:
    log = used()
    fields = msgpack.decode(processor_record())
    log.state[PROCESSOR_KEY] = msgpack.encode(fields[:6])
    assert opened(log).stopped is None


# Read


def test_side_inputs_are_read_first_and_only_as_far_as_they_went() -> None:
    processor = opened(
        Memory(FULL | {Input.CUSTOMERS: Bounds(0, 2), Input.DISPOSITIONS: NONE, Input.MOVES: NONE})
    )
    assert [source for source in Input if processor.wants(source)] == [Input.CUSTOMERS]
    processor.advance(dict.fromkeys(FACTS, NOW))
    assert processor.partition.watermark < 0
    assert processor.take(Fetched(Input.CUSTOMERS, 0, (), 2))
    assert all(map(processor.wants, Input))
    processor.advance(dict.fromkeys(FACTS, NOW))
    assert processor.partition.watermark == NOW


def test_a_batch_that_starts_elsewhere_changes_nothing() -> None:
    processor = opened(used())
    for before in (1, 3):
        assert processor.take(fetched(TX, before, [purchase("a", NOW)])) is None
    assert processor.positions[TX] == 2
    assert not processor.waiting


def test_a_position_that_moves_without_a_record_is_committed() -> None:
    log = used()
    processor = opened(log)
    assert processor.take(Fetched(TX, 2, (), 5))
    now(processor.commit())
    assert log.written[-1].positions[TX] == 5


def test_the_largest_record_since_the_opening_is_known() -> None:
    log = Memory()
    processor = opened(log)
    assert processor.largest_record == 0
    for at in range(200):
        batch = fetched(TX, at, [purchase("a" if at < 150 else "b", NOW - DAY_MS + at * 1000)])
        assert processor.take(batch)
        now(processor.commit())
    written = [len(value or b"") for one in log.written for _, value in one.state]
    assert processor.largest_record == max(written)
    assert opened(log).largest_record == 0


def test_nothing_is_written_when_nothing_happened() -> None:
    log = used()
    now(opened(log).commit())
    assert len(log.written) == 1


@pytest.mark.parametrize(("refused", "stops"), [(IN_A_ROW - 1, False), (IN_A_ROW, True)])
def test_a_flood_of_refused_records_stops_it(refused: int, stops: bool) -> None:
    """What was taken in can still be written; nothing more is wanted, and time stands."""
    log = used()
    processor = opened(log)
    assert processor.take(fetched(TX, 2, [b"poison"] * refused))
    assert (processor.stopped is not None) is stops
    assert any(map(processor.wants, Input)) is not stops
    processor.advance(dict.fromkeys(FACTS, NOW))
    assert (processor.partition.watermark == NOW) is not stops
    now(processor.commit())
    dead_letters = log.written[-1].dead_letters
    assert [dead_letter.reason for dead_letter in dead_letters] == [Reason.NOT_JSON] * refused
    assert [dead_letter.record.offset for dead_letter in dead_letters] == list(range(2, 2 + refused))


def stopped(bounds: Bounds) -> Memory:
    """Return a log whose processor wrote a dead letter, and stopped at the next 1,000 records."""
    log = Memory(dict.fromkeys(Input, Bounds(0, 0)) | {TX: bounds})
    processor = opened(log)
    assert processor.take(fetched(TX, 0, [b"poison"]))
    now(processor.commit())
    assert processor.take(fetched(TX, 1, [purchase("a", NOW), *[b"poison"] * IN_A_ROW]))
    now(processor.commit())
    assert processor.positions[TX] == IN_A_ROW + 2
    return log


def test_a_stop_is_committed_and_says_what_ends_it() -> None:
    processor = opened(stopped(Bounds(0, 10_000)))
    assert processor.stopped is not None
    assert processor.stopped.startswith("1,000 records in a row were refused; ")
    assert processor.stopped.endswith("`retention-signals worker --resume-partition 0@1`")
    assert not any(map(processor.wants, Input))
    assert not processor.waiting


@pytest.mark.parametrize(("mark", "ends"), [(0, False), (1, False), (2, True), (1_001, True)])
def test_a_mark_behind_the_first_letter_of_a_stop_ends_it(mark: int, ends: bool) -> None:
    """Whether it is known when the partition is opened, or later; and it is ended for good."""
    log = stopped(Bounds(0, 10_000))
    processor = opened(log)
    now(processor.end_stop(mark))
    assert (processor.stopped is None) is processor.waiting is ends
    log = stopped(Bounds(0, 10_000))
    processor = opened(log, replace(IDENTITY, resume_mark=mark))
    assert (processor.stopped is None) is processor.waiting is ends
    now(processor.commit())
    assert (opened(log).stopped is None) is ends


@pytest.mark.parametrize("reopened", [False, True])
@pytest.mark.parametrize(("beyond", "stops"), [(IN_A_ROW - 1, False), (IN_A_ROW, True)])
def test_once_a_stop_is_ended_the_limit_counts_from_where_the_inputs_ended_then(
    beyond: int, stops: bool, reopened: bool
) -> None:
    log = stopped(Bounds(0, 10_000))
    processor = opened(log)
    now(processor.end_stop(2))
    log._bounds = FULL
    assert processor.take(fetched(TX, processor.positions[TX], [b"poison"] * 7_000))
    now(processor.commit())
    processor = opened(log) if reopened else processor
    rest = 10_000 - processor.positions[TX]
    assert rest > IN_A_ROW
    assert processor.take(fetched(TX, processor.positions[TX], [b"poison"] * (rest + beyond)))
    assert (processor.stopped is not None) is stops
    now(processor.commit())
    assert opened(log).stopped == processor.stopped
    assert len([one for written in log.written for one in written.dead_letters]) == 9_999 + beyond


def test_a_mark_ends_no_stop_that_came_later() -> None:
    log = stopped(Bounds(0, IN_A_ROW + 2))
    again = replace(IDENTITY, resume_mark=2)
    processor = opened(log, again)
    log._bounds = FULL
    assert processor.take(fetched(TX, processor.positions[TX], [b"poison"] * IN_A_ROW))
    now(processor.commit())
    processor = opened(log, again)
    assert processor.stopped is not None
    assert processor.stopped.endswith("0@1001`")
    now(processor.end_stop(1_001))
    assert processor.stopped is not None


def test_refused_by_the_decoder_or_by_the_core_each_is_written_in_its_place() -> None:
    log = used()
    processor = opened(log)
    lines = [purchase("a", NOW), b"poison", purchase("b", NOW + DAY_MS), purchase("c", NOW)]
    assert processor.take(fetched(TX, 2, lines))
    now(processor.commit())
    dead_letters = {
        dead_letter.record.offset: dead_letter.reason for dead_letter in log.written[-1].dead_letters
    }
    assert dead_letters == {3: Reason.NOT_JSON, 4: Reason.FUTURE}


# Hold


def alerts_of(log: Memory) -> list[Alert]:
    return [alert for transaction in log.written for alert in transaction.alerts]


def test_an_input_far_ahead_is_held_until_the_other_comes() -> None:
    """Contacts lie 30 days ahead of the transactions, more than may wait: they go on as they are decided."""
    first, customers = NOW - 60 * DAY_MS, 500
    ahead = [
        contact(f"c{at % customers}", first + 30 * DAY_MS + at * 1_000)
        for at in range(MOST_UNDECIDED + 8_000)
    ]
    behind = [purchase(f"c{at % customers}", first + at * DAY_MS // 100) for at in range(40 * 100)]
    lines, read = {CT: ahead, TX: behind}, {CT: 0, TX: 0}
    processor = opened(Memory(dict.fromkeys(Input, Bounds(0, 0)) | dict.fromkeys(FACTS, Bounds(0, 1 << 40))))
    held = most = 0
    while read[TX] < len(behind) or read[CT] < len(ahead):
        source = CT if processor.wants(CT) and read[CT] < len(ahead) else TX
        held += processor.backpressured(CT)
        assert processor.wants(source)
        assert not processor.backpressured(TX)
        assert processor.take(fetched(source, read[source], lines[source][read[source] : read[source] + 500]))
        read[source] += 500
        most = max(most, processor.partition.undecided)
    assert held
    assert MOST_UNDECIDED < most <= MOST_UNDECIDED + 500
    processor.advance(dict.fromkeys(FACTS, NOW))
    assert processor.partition.undecided == 0


@pytest.mark.parametrize("hours", [49, 50, 51])
def test_purchases_far_ahead_are_held_before_their_counts_make_the_state_too_large(
    monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """One count for each hour with a purchase, and for each that came late; until contacts are there."""
    monkeypatch.setattr("streams.runtime.partition.processor.MOST_PANES", 51)
    processor, first = opened(Memory(), replace(IDENTITY, rules=DEFAULT)), NOW - 60 * DAY_MS
    lines = [purchase(f"c{hour}", first + hour * 3_600_000) for hour in range(hours)]
    lines.append(purchase("late", first + (hours - 3) * 3_600_000))
    processor.take(fetched(TX, 0, lines))
    assert processor.backpressured(TX) == (hours > 50)
    assert not processor.backpressured(CT)
    processor.take(fetched(CT, 0, [contact("a", NOW)]))
    assert not processor.backpressured(TX)


@pytest.mark.parametrize("behind", FACTS)
def test_holding_does_not_change_what_comes_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behind: Input
) -> None:
    """One fact input is read only while the other is held."""
    monkeypatch.setattr("streams.runtime.partition.processor.MOST_UNDECIDED", 20)
    held, found, rng = 0, 0, Random(1)
    for seed in (3, 5, 18):
        told = history(tmp_path / str(seed), seed)
        log = Memory(told.bounds({source: len(tape.records) for source, tape in told.tapes.items()}))
        processor = opened(log, Identity("test", RULES, "USD", 0, 1))
        ahead = FACTS[1 - FACTS.index(behind)]
        while any(processor.positions[source] < bounds.end for source, bounds in log._bounds.items()):
            more = [
                one
                for one in (*SIDE_INPUTS, ahead, behind)
                if processor.positions[one] < log._bounds[one].end
            ]
            source = next(one for one in more if processor.wants(one))
            held += processor.backpressured(ahead)
            tape = told.tapes[source]
            batch = tape.batch(source, processor.positions[source], len(tape.records), 7, rng)
            assert batch is not None
            assert processor.take(batch)
        now(processor.commit())
        assert comparable(alerts_of(log)) == told.truth.alerts
        found += len(told.truth.alerts)
    assert held
    assert found


def unread(customer_id: str, time_ms: int) -> bytes:
    """Return a purchase in a currency without a rate."""
    return purchase(customer_id, time_ms).replace(b"USD", b"EUR")


def test_a_refused_purchase_is_applied_in_its_place_with_what_is_committed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The core gets a sign of life instead; the dead letter goes out; uncommitted, it comes again."""
    given: list[Record] = []
    apply = Partition.apply

    def seen(records: Iterable[Batched]) -> Iterator[Batched]:
        for one in records:
            given.extend(map(one.event, range(len(one))) if isinstance(one, Run) else (one,))
            yield one

    def spy(self: Partition, source: Input, records: Iterable[Batched], *how: Any, **other: Any) -> Outcome:
        return apply(self, source, seen(records), *how, **other)

    monkeypatch.setattr(Partition, "apply", spy)
    log = Memory(dict.fromkeys(Input, Bounds(0, 0)) | {TX: Bounds(0, 10)})
    lines = [
        purchase("a", NOW),
        b"poison",
        unread("a", NOW + 1),
        purchase("b", NOW + DAY_MS),
        unread("b", NOW),
    ]
    lines += [purchase("c", NOW - 20 * DAY_MS), contact("c", NOW)]
    for _ in range(2):
        given.clear()
        processor = opened(log)
        taken = processor.take(fetched(TX, 0, lines))
        assert taken is not None
        assert [one for one in given if isinstance(one, SignOfLife)] == [
            SignOfLife("a", NOW + 1),
            SignOfLife("b", NOW),
        ]
        assert [type(one) for one in given] == [Bought, SignOfLife, Bought, SignOfLife, Bought]
        assert taken.outcome.applied == 1
        assert taken.refused == [Reason.NOT_JSON, Reason.CURRENCY, Reason.CURRENCY, Reason.UNKNOWN_TYPE]
    now(processor.commit())
    dead_letters = {
        dead_letter.record.offset: dead_letter.reason for dead_letter in log.written[-1].dead_letters
    }
    assert dead_letters == {
        1: Reason.NOT_JSON,
        2: Reason.CURRENCY,
        3: Reason.FUTURE,
        4: Reason.CURRENCY,
        5: Reason.TOO_LATE,
        6: Reason.UNKNOWN_TYPE,
    }
