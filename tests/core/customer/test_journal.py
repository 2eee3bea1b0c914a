"""The journal: on-time purchases are written as entries, records whole now and then, and nothing is lost."""

from random import Random

import pytest

from schemas.alert import Alert
from schemas.events import Erasure, Tick, Transaction
from streams.core.customer.customer_codec import EMPTY, ENTRY, FLAGS_AT
from streams.core.customer.journal import journal as module
from streams.core.customer.journal.expansion import expand, without_journal
from streams.core.customer.state import (
    GRAVE,
    PARTITION_KEY,
    StateError,
    customer_key,
    journal_key,
    keep_newest,
)
from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import Input
from tests.core.drive import (
    HOME,
    SMALL,
    CompactedLog,
    Crashes,
    Log,
    State,
    bad,
    drive,
    erasure,
    interleaved,
    keep,
    known,
    purchase,
    restored,
    world,
)

RULES = Ruleset(population_minimum=1)
TX, CT, CU = Input.TRANSACTIONS, Input.CONTACTS, Input.CUSTOMERS
PEOPLE = [f"c{at}" for at in range(8)]


def entry(customer_id: str, time: int = HOME, cents: int = 1_000, key: int = 1) -> bytes:
    """Return an entry by the words of the contract: length, id, what is appended."""
    name = customer_id.encode()
    return bytes([len(name) & 0xFF, len(name) >> 8]) + name + ENTRY.pack(time, cents, key)


def at_work() -> Partition:
    """Return a partition that journals, and has written nothing yet."""
    partition = Partition(RULES)
    partition.restore({})
    return partition


def test_what_was_written_is_kept_in_the_order_of_its_last_writes() -> None:
    state = {b"a": b"1", b"b": b"1", b"c": b"1"}
    keep_newest(state, [(b"a", b"2"), (b"b", None), (b"d", b"1"), (b"b", b"3"), (b"e", None)])
    assert list(state.items()) == [(b"c", b"1"), (b"a", b"2"), (b"d", b"1"), (b"b", b"3")]


def buy(partition: Partition, *customers: str, time: int = HOME) -> None:
    """Let customers buy, one after the other."""
    made = [purchase(one, time + at, event_id=f"{one}-{time + at}") for at, one in enumerate(customers)]
    assert partition.apply(TX, made).applied == len(made)


def keys(drained: list[tuple[bytes, bytes | None]]) -> list[bytes]:
    """Return the keys of what was drained, without the partition's own."""
    return [key for key, _ in drained if key != PARTITION_KEY]


def test_a_purchase_in_time_is_an_entry() -> None:
    partition = at_work()
    partition.apply(TX, [purchase("a", HOME, 7), purchase("Zoë", HOME + 1, 8)])
    assert partition.dirty == 1
    (key, value), _ = partition.drain_dirty()
    assert key == journal_key(0, 0) == b"j" + bytes(10)
    ids = partition._contents.ids[TX]
    first, second = (ids.key("pos", event_id) for event_id in (f"a-{HOME}", f"Zoë-{HOME + 1}"))
    assert value == entry("a", HOME, 7, first) + entry("Zoë", HOME + 1, 8, second)


def test_the_first_drain_of_all_writes_whole_records() -> None:
    """Without a restore there is no changelog to add to: in a replay there never is."""
    partition = Partition(RULES)
    buy(partition, "a", "b")
    assert partition.dirty == 2
    assert keys(partition.drain_dirty()) == [b"ca", b"cb"]
    buy(partition, "a", time=HOME + 10)
    assert keys(partition.drain_dirty()) == [journal_key(0, 0)]


def test_whatever_else_changes_a_record_writes_it_whole() -> None:
    """After the journal, which it has in it; and it owes nothing then."""
    partition = at_work()
    buy(partition, "a", "b")
    partition.apply(CT, [bad("a", HOME)])
    assert keys(partition.drain_dirty()) == [journal_key(0, 0), b"ca"]
    state: State = {}
    keep(state, partition)
    found = known(partition)
    assert found.keys() == {"a", "b"}
    log = CompactedLog(Random(1))
    again = at_work()
    buy(again, "a", "b")
    again.apply(CT, [bad("a", HOME)])
    log.keep(again)
    assert known(restored(RULES, log.state)) == found


def test_what_folds_without_pages_is_not_written() -> None:
    """A week apart, so that the ids are old enough; the tail is folded at the 13th."""
    partition = at_work()
    for week in range(20):
        buy(partition, "a", time=HOME + week * 7 * DAY_MS)
    assert len(partition._customers.records["a"]) < len(EMPTY) + 20 * ENTRY.size
    log = CompactedLog(Random(1))
    log.keep(partition)
    assert log.state.keys() == {journal_key(0, 0), PARTITION_KEY}
    assert known(restored(RULES, log.state)) == known(partition)


def test_entries_beyond_the_size_of_a_record_go_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART_BYTES", 50)
    partition, state = at_work(), State()
    buy(partition, *PEOPLE)
    assert partition.dirty == 4
    keep(state, partition)
    assert [key for key in state if key[:1] == b"j"] == [journal_key(0, part) for part in range(4)]
    assert known(restored(RULES, state)) == known(partition)


@pytest.mark.parametrize("share", [1, 3, 8])
def test_whole_records_keep_pace_with_the_journal(monkeypatch: pytest.MonkeyPatch, share: int) -> None:
    """So many bytes of them for one of the journal, which stays within that part; also over crashes."""
    monkeypatch.setattr(module, "WHOLE_SHARE", share)
    partition, state = at_work(), State()
    rng, journaled, whole = Random(3), 0, 0
    for at in range(600):
        buy(partition, *rng.sample(PEOPLE, 3), time=HOME + at * HOUR_MS)
        drained = partition.drain_dirty()
        journaled += sum(len(value or b"") for key, value in drained if key[:1] == b"j")
        whole += sum(len(value or b"") for key, value in drained if key[:1] == b"c")
        keep_newest(state, drained)
        live = sum(len(value) for key, value in state.items() if key[:1] == b"j")
        records = sum(len(value) for key, value in without_journal(state).items() if key[:1] == b"c")
        assert live <= records / share + 500
        if at % 50 == 17:
            partition = restored(RULES, state)
    crashes = 12 * max(len(record) for record in partition._customers.records.values())
    assert journaled * share < whole < journaled * share + crashes


def test_who_is_owed_longest_is_served_first() -> None:
    partition, served = at_work(), list[str]()
    for at, one in enumerate("abcdefgh"):
        buy(partition, one, time=HOME + at * HOUR_MS)
        served += [key[1:].decode() for key in keys(partition.drain_dirty()) if key[:1] == b"c"]
    assert served
    assert served == list("abcdefgh")[: len(served)]


# Erasure


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let graves be hurried on by one customer a drain."""
    monkeypatch.setattr(module, "HURRY_BYTES", 1)


@pytest.mark.usefixtures("slow")
def test_the_erased_leave_a_grave_while_the_journal_may_have_something_of_them() -> None:
    """Then a tombstone; and the entries of before count for nothing whatever was compacted."""
    partition, log = at_work(), CompactedLog(Random(1))
    buy(partition, *PEOPLE)
    log.entries += partition.drain_dirty()
    buy(partition, "c1", "c2", time=HOME + HOUR_MS)
    partition.apply(CU, [erasure("c1")])
    drained = partition.drain_dirty()
    assert (b"cc1", GRAVE) in drained
    assert not any(b"c1" in (value or b"") for _, value in drained)
    log.entries += drained
    assert partition.erasing
    again = restored(RULES, log.state)
    assert again.erasing
    for one in (partition, again):
        assert one.lookup("c1") is None
        assert one.customers == 7
        assert one.apply(TX, [purchase("c9", HOME, event_id=f"c1-{HOME + 1}")]).duplicate == 0
    while partition.erasing:
        log.entries += partition.drain_dirty()
    last = dict(log.entries)
    assert last[b"cc1"] is None
    assert last[journal_key(0, 0)] is None


@pytest.mark.usefixtures("slow")
def test_a_grave_is_kept_even_of_who_was_written_whole_after_the_journal() -> None:
    """The tombstone, and the whole record before it, may be compacted away before the journal is."""
    partition, log = at_work(), CompactedLog(Random(1))
    buy(partition, "a", "b")
    partition.apply(CT, [bad("a", HOME)])
    log.entries += partition.drain_dirty()
    partition.apply(CU, [erasure("a")])
    log.entries += partition.drain_dirty()
    log.compact(len(log.entries))
    assert customer_key("a") in log.state
    assert journal_key(0, 0) in log.state
    assert expand(log.state).records.keys() == {"b"}


def test_without_a_journal_the_erased_leave_a_tombstone() -> None:
    partition = Partition(RULES)
    buy(partition, "a")
    partition.drain_dirty()
    partition.apply(CU, [erasure("a")])
    assert (b"ca", None) in partition.drain_dirty()
    assert not partition.erasing


@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize("drained", [False, True])
def test_who_comes_back_after_an_erasure_is_known_from_then_on(drained: bool, crash: bool) -> None:
    partition, log = at_work(), CompactedLog(Random(1))
    buy(partition, *PEOPLE)
    log.keep(partition)
    buy(partition, "c1", time=HOME + HOUR_MS)
    partition.apply(CU, [erasure("c1")])
    if drained:
        log.keep(partition)
    buy(partition, "c1", time=HOME + 2 * HOUR_MS)
    log.keep(partition)
    if crash:
        partition = restored(RULES, log.state)
    for _ in range(10):
        view = restored(RULES, log.state).lookup("c1")
        assert view is not None
        assert view.panes.hours == [HOME // HOUR_MS + 2]
        log.keep(partition)
    assert not partition.erasing


@pytest.mark.parametrize(("size", "drains"), [(1, 7), (len(EMPTY) + ENTRY.size + 1, 4), (1_000, 1)])
def test_graves_are_hurried_on(monkeypatch: pytest.MonkeyPatch, size: int, drains: int) -> None:
    """Without a purchase more, by so many bytes each time; nobody is written twice."""
    monkeypatch.setattr(module, "HURRY_BYTES", size)
    partition = at_work()
    buy(partition, *PEOPLE)
    partition.drain_dirty()
    partition.apply(CU, [erasure("c1")])
    served: list[bytes] = []
    for at in range(drains):
        assert partition.erasing is (at > 0)
        drained = [key for key, value in partition.drain_dirty() if value not in {None, GRAVE}]
        served += [key for key in drained if key[:1] == b"c"]
    assert sorted(served) == sorted(customer_key(one) for one in PEOPLE if one != "c1")
    assert not partition.erasing


# What is read


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (entry("a")[:-1], "cut off"),
        (entry("a") + b"\x01", "cut off"),
        (entry("a") + b"\x01\x00b" + bytes(ENTRY.size - 1), "cut off"),
        (b"\x01\x00\xff" + bytes(ENTRY.size), "not UTF-8"),
    ],
)
def test_a_damaged_journal_is_refused(value: bytes, message: str) -> None:
    with pytest.raises(StateError, match=message):
        Partition(RULES).restore({journal_key(0, 0): value})


def test_a_part_that_is_missing_is_refused() -> None:
    whole = entry("a") + entry("b")
    with pytest.raises(StateError, match="cut off"):
        Partition(RULES).restore({journal_key(0, 0): whole[:30], journal_key(1, 0): entry("c")})
    state = {journal_key(0, 0): whole[:30], journal_key(0, 1): whole[30:], journal_key(1, 0): entry("c")}
    assert expand(state).records.keys() == {"a", "b", "c"}


@pytest.mark.parametrize("key", [b"j", b"j" + bytes(9), b"j" + bytes(11), b"x"])
def test_a_key_that_is_none_is_refused(key: bytes) -> None:
    with pytest.raises(StateError, match="unknown kind"):
        Partition(RULES).restore({key: b""})


def test_state_without_its_journal_is_what_it_comes_to() -> None:
    """Flags that the changelog does not keep are in no record."""
    partition, state = at_work(), State()
    buy(partition, *PEOPLE)
    keep(state, partition)
    partition.apply(CU, [erasure("c1")])
    keep(state, partition)
    whole = without_journal(state)
    assert whole.keys() == {PARTITION_KEY, *(customer_key(one) for one in PEOPLE if one != "c1")}
    assert all(value[FLAGS_AT] == 0 for key, value in whole.items() if key != PARTITION_KEY)
    assert known(restored(RULES, whole)) == known(restored(RULES, state))
    assert without_journal(whole) == whole


# Worlds


def with_erasures(rng: Random, log: Log) -> Log:
    """Return a log in which customers are erased, of whom most come back; at its end a few are again."""
    made: Log = []
    for source, record in log:
        made.append((source, record))
        if rng.random() < 0.01 and not isinstance(record, Tick | Erasure):
            made.append((CU, erasure(record.customer_id)))
    last = [one.customer_id for _, one in made[-5:] if isinstance(one, Transaction)]
    return made + [(CU, erasure(one)) for one in last]


def run(log: Log, die: int, crashes: Crashes | None = None) -> tuple[list[Alert], Partition]:
    between = crashes if crashes is not None else (lambda partition: partition)
    return drive(Partition(Ruleset(**SMALL)), log, rng=Random(die), between=between)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_compacted_changelog_with_erasures_goes_on_as_if_nothing_had_happened(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """The same alerts, the same customers with the same ids and panes; nobody who was erased is anywhere."""
    monkeypatch.setattr(module, "PART_BYTES", 100)
    monkeypatch.setattr(module, "HURRY_BYTES", 300)
    inputs = world(tmp_path_factory.mktemp("world"), seed, customers=20, days=200)
    log = with_erasures(Random(seed), interleaved(Random(seed), inputs))
    expected, undisturbed = run(log, seed)
    crashes = Crashes(Random(seed), Ruleset(**SMALL), often=0.5)
    found, partition = run(log, seed, crashes)
    assert found == expected
    assert known(partition) == known(undisturbed)
    for _ in range(100):
        crashes.log.keep(partition)
    assert not partition.erasing
    assert known(restored(Ruleset(**SMALL), crashes.state)) == known(partition)
    erased = {one.customer_id for _, one in log if isinstance(one, Erasure)}
    gone = erased - partition._customers.records.keys()
    assert gone
    assert not any(
        one.encode() in value for one in gone for key, value in crashes.state.items() if key[:1] == b"j"
    )
    assert not any(customer_key(one) in crashes.state for one in gone)
