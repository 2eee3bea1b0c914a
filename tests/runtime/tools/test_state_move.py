"""State moved to another partition count goes on with the alerts of an undisturbed run."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import msgpack
from msgspec.structs import replace

from schemas.alert import Alert
from schemas.events import Erasure, Tick
from schemas.partitioner import partition_of
from schemas.times import parse_ms
from streams.core.customer.state import PARTITION_KEY, PartitionState
from streams.core.feed.feed_guard import GuardState
from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from streams.core.spend.population import Refresh
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, NEVER, TOO_LATE_MS, Input
from streams.runtime.partition.poison_guard import Stop
from streams.runtime.partition.processor import PROCESSOR_KEY, ProcessorState
from streams.runtime.tools.state_file import Entry, Header, StateFileError, writing
from streams.runtime.tools.state_move import Contents, Move, MoveError, Target, contents_of, merged
from tests.core.drive import HOME, Log, in_order, profile, purchase, time_of, unique, world

pytestmark = pytest.mark.slow

# Who is high value depends on who shares a partition; so everybody is, and the guard is off.
NEUTRAL: Final = Ruleset(
    opening_frustration=0.3, protected_tiers=("gold",), population_minimum=10_000, guard_minimum=10_000
)
TOPICS: Final = {source: f"id of {source}" for source in Input}


def dataset(directory: Path, seed: int) -> Log:
    """Return a world in order, in which all are protected."""
    inputs = world(directory, seed)
    inputs = {source: unique(records) for source, records in inputs.items()}
    ids = {one.customer_id for records in inputs.values() for one in records if not isinstance(one, Tick)}
    inputs[Input.CUSTOMERS] = [
        profile(one, HOME - 90 * DAY_MS + number, tier="gold") for number, one in enumerate(sorted(ids))
    ]
    return in_order(inputs)


class Dataset:
    """The partitions of a dataset."""

    def __init__(self, partitions: int) -> None:
        self.partitions = [Partition(NEUTRAL) for _ in range(partitions)]
        self.alerts: list[Alert] = []

    def take(self, log: Log) -> None:
        """Let each partition have what is its own."""
        for source, record in log:
            assert not isinstance(record, Tick | Erasure)
            number = partition_of(record.customer_id, len(self.partitions))
            self.partitions[number].apply(source, [record])

    def reach(self, time: int, apart: int = 0) -> None:
        """Let time run in all, each a little further than the one before."""
        for number, partition in enumerate(self.partitions):
            self.alerts += partition.advance(dict.fromkeys(FACTS, time + number * apart))

    def entries(self) -> list[Entry]:
        """Return the state of all as the topic has it."""
        found = []
        for number, partition in enumerate(self.partitions):
            processor = ProcessorState("shop", NEUTRAL.hash, {}, len(self.partitions), named(TOPICS))
            found.append(Entry(number, PROCESSOR_KEY, msgpack.encode(processor)))
            drained = partition.drain_dirty()
            found += [Entry(number, key, value) for key, value in drained if value is not None]
        return found

    def restore(self, entries: Iterable[Entry]) -> None:
        """Take state back; owners are nobody's business here."""
        states: list[dict[bytes, bytes]] = [{} for _ in self.partitions]
        for number, key, value in entries:
            if key != PROCESSOR_KEY:
                states[number][key] = value
        for partition, state in zip(self.partitions, states, strict=True):
            partition.restore(state)


def named(topics: dict[Input, str]) -> dict[str, str]:
    return {source.value: topic_id for source, topic_id in topics.items()}


def in_time(alerts: Iterable[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda alert: (alert.time, alert.customer_id, alert.revision))


def in_trouble(log: Log, partitions: int) -> int:
    """Return a time (ms) at which an alert was raised not long ago, if ever one is."""
    undisturbed = Dataset(partitions)
    undisturbed.take(log)
    undisturbed.reach(max(time_of(record) for _, record in log))
    raised = [parse_ms(one.time) for one in in_time(undisturbed.alerts) if one.state == "raised"]
    return raised[len(raised) // 2] + HOUR_MS if raised else time_of(log[len(log) // 2][1])


def written(path: Path, entries: Iterable[Entry], partitions: int) -> Contents:
    with writing(path, Header("shop", "retention.state", partitions, "")) as writer:
        for entry in entries:
            writer.write(entry)
    return contents_of(path)


def target(partitions: int, positions: dict[Input, int] | None, **other: Any) -> Target:
    everywhere = None if positions is None else [positions] * partitions
    fields: dict[str, Any] = {
        "application": "shop",
        "partitions": partitions,
        "topics": TOPICS,
        "positions": everywhere,
    }
    return Target(**(fields | other))


@pytest.mark.parametrize(("before", "after", "apart"), [(4, 6, 0), (4, 6, 1_000), (4, 1, 1_000), (1, 3, 0)])
def test_a_move_changes_no_alert(tmp_path: Path, before: int, after: int, apart: int) -> None:
    sent = open_then = again = 0
    for seed in (0, 2, 5):
        log = dataset(tmp_path / f"world {seed}", seed)
        facts = [time_of(record) for source, record in log if source in FACTS]
        cut = in_trouble(log, before)
        while any(cut <= time <= cut + before * apart for time in facts):
            cut += 1_000
        first: Log = [
            (source, record) for source, record in log if source not in FACTS or time_of(record) < cut
        ]
        rest: Log = [(source, record) for source, record in log if source in FACTS and time_of(record) >= cut]

        here, there = Dataset(before), Dataset(after)
        here.take(first)
        here.reach(cut, apart)
        old = here.entries()
        contents = written(tmp_path / "state.gz", old, before)
        there.restore(Move(contents, target(after, dict.fromkeys(Input, 0))).entries(old))
        assert there.alerts == []
        for source, record in first:
            if source in FACTS and time_of(record) >= cut - TOO_LATE_MS + before * apart:
                assert not isinstance(record, Tick | Erasure)
                partition = there.partitions[partition_of(record.customer_id, after)]
                assert partition.apply(source, [record]).duplicate == 1
                again += 1

        open_then += sum(len(one.open_customers) for one in here.partitions)
        done = len(here.alerts)
        for either in (here, there):
            either.take(rest)
            either.reach(max(facts) + 1)
        assert in_time(there.alerts) == in_time(here.alerts[done:])
        sent += len(there.alerts)
    assert sent > 20
    assert open_then > 5
    assert again > 100


def moved_of(
    contents: Contents, aim: Target, entries: Sequence[Entry] = ()
) -> dict[tuple[int, bytes], bytes]:
    return {(number, key): value for number, key, value in Move(contents, aim).entries(entries)}


def contents(partitions: int = 2, **processor: Any) -> Contents:
    fields: dict[str, Any] = {
        "application": "shop",
        "ruleset": "r",
        "positions": {},
        "partitions": 2,
        "topics": named(TOPICS),
    }
    made = ProcessorState(**(fields | processor))
    numbers = range(partitions)
    header = Header("shop", "retention.state", partitions, "")
    return Contents(header, 0, dict.fromkeys(numbers, made), {one: state() for one in numbers})


def state(**other: Any) -> PartitionState:
    clocks = {source.value: (HOME, HOME) for source in Input}
    fields: dict[str, Any] = {
        "clocks": clocks,
        "guard": GuardState(None, {}, []),
        "refresh": None,
        "next_refresh": None,
        "decided": HOME,
        "rulesets": {},
    }
    return PartitionState(**(fields | other))


@pytest.mark.parametrize("after", [1, 3])
def test_pages_of_ids_go_with_their_customers(tmp_path: Path, after: int) -> None:
    """Two customers with so many purchases that their ids have records of their own; all come again."""
    log: Log = [
        (Input.TRANSACTIONS, purchase(customer_id, HOME + at))
        for at in range(1_100)
        for customer_id in ("a", "b")
    ]
    here, there = Dataset(1), Dataset(after)
    here.take(log)
    entries = here.entries()
    contents = written(tmp_path / "state", entries, 1)
    assert (contents.customers, len(entries)) == (2, 6)
    move = Move(contents, target(after, dict.fromkeys(Input, 0)))
    there.restore(move.entries(entries))
    assert sum(one.oversized for one in there.partitions) == 2
    for source, record in log:
        assert not isinstance(record, Tick | Erasure)
        number = partition_of(record.customer_id, after)
        assert there.partitions[number].apply(source, [record]).duplicate == 1


def test_a_backup_goes_back_as_it_is() -> None:
    given = [
        Entry(0, PARTITION_KEY, b"as it is"),
        Entry(1, b"ca", b"as it was"),
        Entry(0, PROCESSOR_KEY, b"old"),
    ]
    found = moved_of(contents(positions={"contacts": 7}), target(2, None, application="shop 2"), given)
    assert found.pop((0, PARTITION_KEY)) == b"as it is"
    assert found.pop((1, b"ca")) == b"as it was"
    processors = {place: msgpack.decode(value, type=ProcessorState) for place, value in found.items()}
    assert processors.keys() == {(0, PROCESSOR_KEY), (1, PROCESSOR_KEY)}
    for processor in processors.values():
        assert processor == ProcessorState("shop 2", "r", {"contacts": 7}, 2, named(TOPICS))


def test_new_positions_are_written_for_every_partition() -> None:
    there = {source: f"new {source}" for source in Input}
    found = moved_of(contents(), target(3, {Input.CONTACTS: 9}, topics=there))
    for number in range(3):
        processor = msgpack.decode(found[number, PROCESSOR_KEY], type=ProcessorState)
        assert processor == ProcessorState("shop", "r", {"contacts": 9}, 3, named(there))
        assert found[number, PARTITION_KEY] == merged({0: state()}, 3).encode()


@pytest.mark.parametrize(("aim", "stop"), [(target(2, None), Stop("flood", 7)), (target(2, {}), None)])
def test_a_stop_stays_as_long_as_the_positions_do(aim: Target, stop: Stop | None) -> None:
    found = moved_of(contents(stop=Stop("flood", 7)), aim)
    processor = msgpack.decode(found[1, PROCESSOR_KEY], type=ProcessorState)
    assert processor.stop == stop


@pytest.mark.parametrize(
    ("aim", "said"),
    [
        (target(3, None), "2 partitions, the topics have 3: say with --positions"),
        (target(2, None, topics=TOPICS | {Input.CONTACTS: "other"}), "of other topics"),
        (
            target(2, None, partitioner="crc32"),
            "placed by another partitioner than crc32: say with",
        ),
        (target(3, {}, partitioner="unchecked"), "nobody can tell which of 3 partitions"),
    ],
)
def test_positions_are_kept_for_the_same_topics_alone(aim: Target, said: str) -> None:
    with pytest.raises(MoveError, match=said):
        Move(contents(), aim)


def test_another_partitioner_places_the_customers_anew_and_unchecked_ones_stay() -> None:
    entries = [Entry(0, f"c{name}".encode(), b"") for name in ("a", "b", "c", "d", "e", "f")]
    found = moved_of(contents(), target(2, {}, partitioner="crc32"), entries)
    for entry in entries:
        home = partition_of(entry.key[1:].decode(), 2, "crc32")
        assert found[home, entry.key] == b""
    assert msgpack.decode(found[1, PROCESSOR_KEY], type=ProcessorState).partitioner == "crc32"
    unchecked = contents(partitioner="unchecked")
    every: list[dict[Input, int] | None] = [None, {}]
    for positions in every:
        kept = moved_of(unchecked, target(2, positions, partitioner="crc32"), entries)
        assert all((0, entry.key) in kept for entry in entries)
        assert msgpack.decode(kept[0, PROCESSOR_KEY], type=ProcessorState).partitioner == "crc32"


def test_state_under_several_rulesets_and_no_state_are_refused() -> None:
    mixed = contents()
    mixed.processors[1] = replace(mixed.processors[1], ruleset="other")
    with pytest.raises(MoveError, match="different rulesets"):
        Move(mixed, target(2, {}))
    with pytest.raises(MoveError, match="holds no state"):
        Move(Contents(mixed.header), target(2, None))


def at(now: int, source: Input = Input.CONTACTS) -> PartitionState:
    made = state()
    return replace(made, clocks=made.clocks | {source.value: (now, now)})


def test_partitions_more_than_an_hour_apart_are_refused() -> None:
    merged({0: at(HOME), 1: at(HOME + HOUR_MS)}, 3)
    for behind in (at(HOME + HOUR_MS + 1), state(decided=HOME - HOUR_MS - 1)):
        with pytest.raises(MoveError, match="more than an hour behind"):
            merged({0: state(), 1: behind}, 3)
    with pytest.raises(MoveError, match="the clock of contacts in partition 1 is"):
        merged({0: at(HOME), 1: at(NEVER)}, 3)


def test_facts_go_on_from_the_hindmost_and_side_inputs_from_the_foremost() -> None:
    ahead = HOME + 1_000
    clocks = merged({0: at(HOME), 1: at(ahead)}, 3).clocks
    assert clocks["contacts"] == (HOME, HOME)
    far = HOME + 90 * DAY_MS
    assert merged({0: at(HOME), 1: at(far, Input.CUSTOMERS)}, 3).clocks["customers"] == (far, far)
    assert merged({0: state(decided=HOME), 1: state(decided=HOME - 1)}, 3).decided == HOME - 1


@pytest.mark.parametrize(("of_second", "wanted"), [({"transactions": HOME - 1}, HOME - 1), ({}, NEVER)])
def test_a_feed_lives_since_it_did_in_every_partition(of_second: dict[str, int], wanted: int) -> None:
    """One whose state is older does not know."""
    alive = merged({0: state(alive={"transactions": HOME}), 1: state(alive=of_second)}, 3).alive
    assert alive == {"transactions": wanted, "contacts": NEVER}


def test_the_guard_has_an_even_share_and_all_broken_hours() -> None:
    one = GuardState(10, {8: 30, 9: 1}, [3, 5])
    other = GuardState(11, {8: 30, 9: 0}, [5, 7, 10])
    unborn = GuardState(None, {}, [])
    found = merged({number: state(guard=guard) for number, guard in enumerate((one, other, unborn))}, 3).guard
    assert found == GuardState(10, {8: 20}, [3, 5, 7])
    assert merged({0: state(guard=unborn)}, 3).guard == unborn


def test_what_is_lost_by_rounding_goes_on_to_the_next_count_of_a_group() -> None:
    """One purchase in every hour and group, of the whole, is six a day in one of four partitions."""
    hours = range(100, 172)
    guard = GuardState(
        172,
        dict.fromkeys(hours, 1),
        [],
        groups={group: dict.fromkeys(hours, 1) for group in (1, 7)},
        late=[(180 + at, group, 170, 1) for group in (1, 7) for at in range(12)],
    )
    found = merged({0: state(guard=guard), 1: state(guard=GuardState(172, {}, []))}, 4).guard
    for counts in (found.counts, *(found.groups[group] for group in (1, 7))):
        for day in (100, 124, 148):
            assert sum(counts.get(hour, 0) for hour in range(day, day + 24)) == 6
    assert [group for _, group, _, count in found.late for _ in range(count)].count(7) == 3
    assert sum(count for *_, count in found.late) == 6


def test_the_largest_upstream_delay_is_held_back_everywhere() -> None:
    given = contents(upstream_delay_ms=8_000)
    found = moved_of(given, target(3, {Input.CONTACTS: 9}))
    processors = [msgpack.decode(found[number, PROCESSOR_KEY], type=ProcessorState) for number in range(3)]
    assert [processor.upstream_delay_ms for processor in processors] == [8_000] * 3


def test_of_each_source_the_newest_record_is_known_everywhere() -> None:
    given = contents()
    given.processors[0] = replace(
        given.processors[0], sources={"contacts": {"phone": (7, 1), "chat": (3, 2)}}
    )
    given.processors[1] = replace(given.processors[1], sources={"contacts": {"phone": (9, 0)}})
    found = moved_of(given, target(3, {Input.CONTACTS: 9}))
    processors = [msgpack.decode(found[number, PROCESSOR_KEY], type=ProcessorState) for number in range(3)]
    assert [one.sources for one in processors] == [{"contacts": {"phone": (9, 0), "chat": (3, 2)}}] * 3


def test_the_middle_refresh_counts_until_the_next() -> None:
    def found(*refreshes: Refresh | None, nexts: Sequence[int | None]) -> Refresh | None:
        states = zip(refreshes, nexts, strict=True)
        made = {number: state(refresh=one, next_refresh=hour) for number, (one, hour) in enumerate(states)}
        return merged(made, 2).refresh

    low, middle, high = (Refresh(168, cutoff, 1.0) for cutoff in (1, 2, 9))
    nobody = Refresh(168, None, 8.6)
    assert found(high, low, middle, nexts=[336] * 3) == middle
    assert found(high, low, nexts=[336] * 2) == low
    assert found(nobody, high, nobody, nexts=[336] * 3) == high
    assert found(nobody, None, nexts=[336, None]) == nobody
    assert found(None, nexts=[None]) is None
    ahead = Refresh(336, 1, 1.0)
    assert found(ahead, high, nexts=[504, 336]) == high


@pytest.mark.parametrize(
    "entry",
    [
        Entry(0, b"x", b""),
        Entry(0, PROCESSOR_KEY, b"\xff"),
        Entry(0, PARTITION_KEY, b"\xff"),
        Entry(1, b"ca", b"an orphan"),
        Entry(2, PROCESSOR_KEY, msgpack.encode(ProcessorState("shop", "r"))),
    ],
)
def test_a_file_that_no_worker_wrote_is_refused(tmp_path: Path, entry: Entry) -> None:
    sound = Dataset(1)
    sound.reach(HOME)
    written(tmp_path / "sound.gz", sound.entries(), 2)
    with pytest.raises(StateFileError):
        written(tmp_path / "state.gz", [*sound.entries(), entry], 2)
