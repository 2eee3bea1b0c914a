"""Duplicates: the same source and event id within 8 days of the first, wherever the first is remembered."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from xxhash import xxh3_64_intdigest

from streams.core.customer import event_ids
from streams.core.customer.customer_codec import PAGE_BYTES
from streams.core.customer.event_ids import MOST_RECENT, EventIds
from streams.core.customer.id_table import UNIT_BITS
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, GIVEN, Clock, Input
from tests.core.drive import HOME, State, bad, erasure, keep, notice, profile, purchase, restored

WINDOW = 8 * DAY_MS
UNIT = 1 << UNIT_BITS
WRAP = UNIT << 16
THREES = [(WINDOW - 1, True), (WINDOW, True), (WINDOW + 1, False)]
TX, CT, CU = Input.TRANSACTIONS, Input.CONTACTS, Input.CUSTOMERS


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two ids be many."""
    monkeypatch.setattr(event_ids, "MOST_RECENT", 2)


def clock_at(now: int, lateness_ms: int = 0) -> Clock:
    """Return a clock at a time."""
    return Clock(lateness_ms, now, now)


def in_table(*found: tuple[int, int]) -> EventIds:
    """Return ids in the table, with those entries to settle by."""
    ids = EventIds(lambda key, _, oldest: any(one == key and at >= oldest for one, at in found))
    ids.table.open()
    for key, effective_time in found:
        ids.remember(key, effective_time)
    assert len(ids.table) == len(found)
    ids.tidy(clock_at(found[0][1]))
    return ids


@pytest.mark.parametrize(("after", "duplicate"), THREES)
def test_an_id_counts_for_8_days(after: int, duplicate: bool) -> None:
    ids = EventIds()
    key = ids.key("pos", "x")
    ids.remember(key, HOME)
    assert ids.is_duplicate(key, HOME + after) is duplicate


KINDS = ("purchase", "refund", "chargeback", "fee", "subscription_charge", "subscription_cancelled")


@pytest.mark.parametrize("kinds", [KINDS, KINDS[::-1]])
def test_an_id_counts_once_for_each_kind_of_transaction(kinds: tuple[str, ...]) -> None:
    """Whatever comes first, late or not."""
    partition = Partition(Ruleset())
    records = [purchase("a", HOME, event_id="1", kind=kind) for kind in kinds]
    assert partition.apply(TX, records).duplicates == []
    assert partition.apply(TX, records).duplicates == list(range(len(kinds)))


def test_a_notice_may_have_the_id_of_a_contact() -> None:
    partition = Partition(Ruleset())
    records: list[Record] = [notice("a", HOME, "1"), bad("a", HOME, event_id=f"1-{HOME}")]
    assert partition.apply(CT, records).duplicates == []
    assert partition.apply(CT, records).duplicates == [0, 1]


TWO_HOURS = 2 * HOUR_MS


@pytest.mark.parametrize("crowd", [0, 3], ids=["in the dict", "in the table"])
@pytest.mark.parametrize(
    ("again", "counted"),
    [
        ({}, 0),
        ({"cents": 1_001}, 1),
        ({"cents": 999}, 1),
        ({"cents": 0}, 1),
        ({"time": HOME + 1}, 1),
        ({"time": HOME - 1}, 1),
        ({"time": HOME + TWO_HOURS + 1}, 1),
        ({"customer_id": "b"}, 0),
    ],
)
@pytest.mark.usefixtures("few")
def test_a_purchase_sent_again_with_another_time_or_amount_is_counted(
    crowd: int, again: dict[str, Any], counted: int
) -> None:
    """It is dropped all the same, whether it comes late by then or not."""
    partition, first = Partition(Ruleset()), purchase("a", HOME, event_id="x")
    partition.apply(TX, [first, *(purchase("c", HOME + one) for one in range(crowd))])
    partition.apply(TX, [purchase("d", HOME + TWO_HOURS)])
    assert partition.apply(TX, [structs.replace(first, **again)]).duplicates == [0]
    assert partition.tally["duplicates_other_content"] == counted


@pytest.mark.parametrize("first", [{"kind": "refund"}, {"time": HOME - DAY_MS}, {"cents": 1 << 40}])
def test_what_the_customers_entry_does_not_tell_is_not_compared(first: dict[str, Any]) -> None:
    """Other kinds than purchases, late purchases, and amounts beyond what an entry holds."""
    partition = Partition(Ruleset())
    sent = structs.replace(purchase("a", HOME, event_id="x"), **first)
    partition.apply(TX, [purchase("b", HOME), sent])
    assert partition.apply(TX, [structs.replace(sent, cents=5)]).duplicates == [0]
    assert partition.tally["duplicates_other_content"] == 0


def test_an_edited_purchase_is_told_after_a_restore_but_not_once_its_entry_is_in_a_page() -> None:
    partition = Partition(Ruleset())
    partition.apply(TX, [purchase("a", HOME, event_id="x")])
    state: State = {}
    keep(state, partition)
    partition = restored(Ruleset(), state)
    edited = purchase("a", HOME, 5, event_id="x")
    assert partition.apply(TX, [edited]).duplicates == [0]
    assert partition.tally["duplicates_other_content"] == 1
    partition.apply(TX, [purchase("a", HOME + one) for one in range(1, 1_100)])
    assert partition.apply(TX, [edited]).duplicates == [0]
    assert partition.tally["duplicates_other_content"] == 1


def test_ids_of_purchases_and_contacts_are_hashed_as_in_state_of_before() -> None:
    """Else all that came in the last 8 days could come again once a release is changed."""
    ids = EventIds()
    salt = xxh3_64_intdigest(b"pos")
    assert ids.key_of(purchase("a", HOME, event_id="1")) == xxh3_64_intdigest(b"1", salt)
    assert ids.key_of(bad("a", HOME, event_id="1", source="pos")) == xxh3_64_intdigest(b"1", salt)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("effective_time", [HOME, HOME // UNIT * UNIT, HOME // UNIT * UNIT - 1, -5])
@pytest.mark.parametrize(
    ("after", "duplicate"), [*THREES, (WINDOW - UNIT, True), (WINDOW + UNIT, False), (0, True), (-5, True)]
)
def test_so_does_one_in_the_table(effective_time: int, after: int, duplicate: bool) -> None:
    """The table knows 17 minutes; the entries of the customers know the rest."""
    assert in_table((7, effective_time)).is_duplicate(7, effective_time + after) is duplicate


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    ("after", "asked"),
    [(WINDOW - UNIT, 0), (WINDOW - 1, 1), (WINDOW, 1), (WINDOW + 1, 1), (WINDOW + UNIT, 0)],
)
def test_the_entries_are_asked_only_where_the_table_leaves_it_open(after: int, asked: int) -> None:
    ids = in_table((7, HOME))
    questions: list[tuple[int, str, int]] = []

    def settle(key: int, customer_id: str, oldest: int) -> bool:
        questions.append((key, customer_id, oldest))
        return True

    ids._settle = settle
    ids.is_duplicate(7, HOME + after, "a")
    assert questions == [(7, "a", HOME + after - WINDOW)] * asked


@pytest.mark.usefixtures("few")
def test_bytes_that_match_across_two_entries_are_no_id() -> None:
    first = 0xABCD_1234_5678_0003
    ids = in_table((first, HOME))
    entry = bytes(ids.table.bucket(first))
    across = int.from_bytes(entry[2:8], "little") << 16 | 3
    assert ids.table.bucket(across) is ids.table.bucket(first)
    assert not ids.is_duplicate(across, HOME)
    assert ids.is_duplicate(first, HOME)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("other", [1 << one for one in range(64)])
def test_all_64_bits_are_compared(other: int) -> None:
    ids = in_table((7, HOME))
    assert ids.is_duplicate(7, HOME)
    assert not ids.is_duplicate(7 ^ other, HOME)


@pytest.mark.parametrize(("count", "is_open"), [(-1, False), (0, True), (1, True)])
def test_many_ids_move_into_the_table_a_few_at_a_time(count: int, is_open: bool) -> None:
    """Wherever they are, each is known. Nothing moves where there are no entries to settle by."""
    ids, alone = EventIds(lambda *_: False), EventIds()
    for key in range(MOST_RECENT + count):
        ids.remember(key, HOME)
        alone.remember(key, HOME)
    for one in (ids, alone):
        one.tidy(clock_at(HOME))
        assert bool(one.table.buckets) is (is_open and one is ids)
        one.remember(1 << 63, HOME)
        assert len(one.recent) + len(one.table) == MOST_RECENT + count + 1
        assert all(one.is_duplicate(key, HOME) for key in (0, 1, 1023, 1024, MOST_RECENT - 2, 1 << 63))
        assert not one.is_duplicate(MOST_RECENT + 5, HOME)
    assert len(ids.recent) == (MOST_RECENT + count - 1024 if is_open else MOST_RECENT)


@pytest.mark.parametrize(("beyond", "known"), [(-1, 2), (0, 2), (1, 1)])
def test_ids_in_the_dict_are_let_go_of_when_time_has_gone_on(beyond: int, known: int) -> None:
    """Every four days; one that can make a duplicate stays."""
    ids = EventIds()
    ids.remember(1, HOME)
    ids.tidy(clock_at(HOME))
    ids.remember(2, HOME + WINDOW)
    ids.tidy(clock_at(HOME + WINDOW + beyond))
    assert len(ids.recent) == known


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(("sparse", "days"), [(0, 1), (16, 4)])
def test_ids_in_the_table_are_let_go_of_within_days_of_event_time(
    monkeypatch: pytest.MonkeyPatch, sparse: int, days: int
) -> None:
    """A hundred ids an hour for 16 days: none of 8 days is missed, and little more is kept."""
    monkeypatch.setattr("streams.core.customer.id_table._FEW", sparse)
    ids, rng = EventIds(lambda *_: False), Random(1)
    keys = [rng.getrandbits(64) for _ in range(16 * 24 * 100)]
    for at, key in enumerate(keys):
        ids.remember(key, HOME + at * DAY_MS // 2400)
        if at % 50 == 0:
            ids.tidy(clock_at(HOME + at * DAY_MS // 2400))
    assert 8 * 2400 <= len(ids.table) <= (8 + days) * 2400 + 200
    now = HOME + 16 * DAY_MS
    assert all(ids.is_duplicate(key, now) for key in keys[8 * 2400 + 30 :])


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(("beyond", "left"), [(-UNIT, True), (0, True), (2 * UNIT, False)])
def test_a_table_that_is_too_old_as_a_whole_goes_at_once(beyond: int, left: bool) -> None:
    ids = in_table((7, HOME))
    ids.tidy(clock_at(HOME + WINDOW + beyond))
    assert bool(ids.table.buckets) is left


@pytest.mark.usefixtures("few")
def test_restored_in_any_order_ids_are_let_go_of_as_ever() -> None:
    ids, rng = EventIds(lambda *_: False), Random(1)
    found = [(rng.getrandbits(64) & ~0xFF00, HOME + at * DAY_MS // 1000) for at in range(8000)]
    rng.shuffle(found)
    for key, effective_time in found:
        ids.restore([(key, effective_time)], clock_at(HOME))
    for day in range(8, 14):
        ids.remember(day, HOME + day * DAY_MS)
        ids.tidy(clock_at(HOME + day * DAY_MS))
    kept = 3000  # from day 5 on, when the clock stands at 13
    assert kept <= len(ids.table) <= kept + 1000 + 8
    assert all(
        ids.is_duplicate(key, HOME + 13 * DAY_MS) for key, at in found if at > HOME + 5 * DAY_MS + UNIT
    )


@pytest.mark.usefixtures("few")
def test_an_effective_time_that_comes_round_again_after_795_days_is_another() -> None:
    """In the bucket of one that is remembered, too."""
    ids = in_table((7, HOME))
    for day in range(7, WRAP // DAY_MS, 7):
        ids.remember(7 | day << 16, HOME + day * DAY_MS)
        ids.tidy(clock_at(HOME + day * DAY_MS))
    assert len(ids.table) == 2
    assert not ids.is_duplicate(7, HOME + WRAP)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("days", [8, 397, 398, 405, 406, 500, 795, 796, 804, 1000, 1591])
@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("source", [TX, CU])
def test_after_a_pause_of_any_length_an_id_is_another(source: Input, at_once: bool, days: int) -> None:
    """As where a whole base of profiles comes again after a year or two; or it is there twice, and counts."""

    def event(customer_id: str, time: int) -> Record:
        made = profile if source is CU else purchase
        return made(customer_id, time, event_id=f"x-{customer_id}")

    partition = doubtful([(source, event(one, HOME)) for one in "abc"], crash=False)
    again = [event(one, HOME + days * DAY_MS + 1 + at) for at, one in enumerate("newabcbad")]
    found = [partition.apply(source, one) for one in ([again] if at_once else [[one] for one in again])]
    assert [sum(one.applied for one in found), sum(one.duplicate for one in found)] == [7, 2]
    partition.apply(source, [])
    assert len(partition._contents.ids[source].recent) + len(
        partition._contents.ids[source].table
    ) <= 7 + 3 * (days == 8)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("days", [405, 406, 500, 800])
def test_ids_of_long_ago_are_none_of_today_once_they_are_restored(days: int) -> None:
    """The record of a customer who has not come since keeps the entry."""
    partition, state, time = Partition(Ruleset()), State(), HOME + days * DAY_MS
    partition.apply(TX, [purchase(one, HOME, event_id=f"x-{one}") for one in "abc"])
    for at in range(0, days * DAY_MS, 100 * DAY_MS):
        partition.apply(TX, [purchase("busy", HOME + at + 1)])
    partition.apply(TX, [purchase("busy", time)])
    keep(state, partition)
    again = restored(Ruleset(), state)
    outcome = again.apply(TX, [purchase(one, time, event_id=f"x-{one}") for one in "abcb"])
    assert outcome.duplicates == [3]


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("seconds", [1, 2, 2.6, 3, 20])
def test_a_table_is_swept_once_in_four_days_however_small_the_steps(seconds: float) -> None:
    """And no quicker; a step is seldom a whole number of buckets."""
    ids, swept, last = in_table((7, HOME)), 0, 0
    steps = round(DAY_MS / 8 / (1000 * seconds))
    for at in range(steps + 1):
        ids.tidy(clock_at(HOME + round(at * 1000 * seconds)))
        swept, last = swept + (ids.table._swept - last) % (1 << 16), ids.table._swept
    assert swept / (1 << 16) == pytest.approx(1 / 8 / 4, rel=0.01)


def test_a_table_grows_by_a_bucket_at_a_time_and_finds_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through more than one doubling: each hash is in the bucket where it is looked for."""
    monkeypatch.setattr(event_ids, "MOST_RECENT", 0)
    monkeypatch.setattr("streams.core.customer.id_table._LOAD", 0.1)
    ids, rng = EventIds(lambda *_: False), Random(1)
    ids.tidy(clock_at(HOME))
    keys = [rng.getrandbits(64) for _ in range(14_000)]
    for start in range(0, len(keys), 100):
        for key in keys[start : start + 100]:
            ids.remember(key, HOME)
        ids.tidy(clock_at(HOME))
    assert len(ids.table.buckets) == 140_000
    assert sum(len(bucket) for bucket in ids.table.buckets) == 8 * len(keys)
    assert all(ids.is_duplicate(key, HOME) for key in keys)
    assert not any(ids.is_duplicate(key ^ 1 << 17, HOME) for key in keys)


def test_the_same_id_of_another_source_is_another() -> None:
    ids = EventIds()
    assert ids.key("pos", "x") != ids.key("web", "x")
    assert ids.key("pos", "x") != ids.key("posx", "")


def test_the_hash_of_an_id_does_not_depend_on_how_many_sources_there_were() -> None:
    ids = EventIds()
    key = ids.key("pos", "x")
    for number in range(10_001):
        ids.seed(f"source-{number}")
    assert ids.key("pos", "x") == key
    assert len(ids._seeds) <= 10_000


@pytest.mark.parametrize("order", [(HOME, HOME + 1), (HOME + 1, HOME)])
def test_restored_twice_the_later_effective_time_counts(order: tuple[int, int]) -> None:
    ids = EventIds()
    for effective_time in order:
        ids.restore([(1, effective_time)], clock_at(HOME))
    assert ids.recent == {1: HOME + 1}


@pytest.mark.usefixtures("few")
def test_while_the_clock_is_not_known_restored_ids_are_in_no_table() -> None:
    """They may be of any age."""
    ids = EventIds()
    ids.restore([(at, HOME + at * DAY_MS) for at in range(100)], Clock(5_000))
    assert ids.recent == {at: HOME + at * DAY_MS for at in range(100)}
    assert not ids.table.buckets


@pytest.mark.parametrize(("effective_time", "left"), [(HOME - 1, True), (HOME, False), (HOME + 1, True)])
def test_an_id_is_forgotten_with_its_own_event_only(effective_time: int, left: bool) -> None:
    ids = EventIds()
    ids.recent = {1: HOME}
    ids.discard(1, effective_time)
    ids.discard(2, effective_time)
    assert (1 in ids.recent) == left


@pytest.mark.usefixtures("few")
def test_so_is_one_in_the_table() -> None:
    """An event that used the id later is at least 8 days away."""
    ids = in_table((7, HOME), (8, HOME), (7, HOME + WINDOW + 1))
    ids.discard(9, HOME)
    ids.discard(7, HOME + UNIT)
    assert len(ids.table) == 3
    ids.discard(7, HOME)
    assert [ids.is_duplicate(key, HOME + 1) for key in (7, 8)] == [True, True]
    assert len(ids.table) == 2
    ids.discard(7, HOME + WINDOW + 1)
    assert [ids.is_duplicate(key, HOME + 1) for key in (7, 8)] == [False, True]


PAUSES = [397 * DAY_MS, 406 * DAY_MS, WRAP, WRAP + WINDOW]
KEYS = [low | rest << 16 for low in (0, 1) for rest in (0, 1, 0xFF, 1 << 47)]
steps = st.lists(
    st.tuples(
        st.sampled_from(["event", "event", "event", "tidy", "erase"]),
        st.sampled_from(KEYS),
        st.sampled_from([0, 1, 1000, UNIT, DAY_MS, 7 * DAY_MS, WINDOW, WINDOW + 1, WINDOW + UNIT, *PAUSES]),
    ),
    max_size=50,
)


@pytest.mark.usefixtures("few")
@settings(max_examples=150, derandomize=True, deadline=None, database=None)
@given(steps)
def test_any_steps_are_those_of_a_plain_map(taken: list[tuple[str, int, int]]) -> None:
    """The clock goes on by so much with each event, and stays 5 s behind; ids come again at random."""
    plain: dict[int, int] = {}
    ids = EventIds(lambda key, _, oldest: plain.get(key, -(1 << 62)) >= oldest)
    clock, time = Clock(5_000), HOME
    for what, key, ahead in taken:
        if what == "event":
            time += ahead
            effective_time = clock.effective_time(time - time % 7_000)
            duplicate = key in plain and effective_time - plain[key] <= WINDOW
            assert ids.is_duplicate(key, effective_time) is duplicate
            if not duplicate:
                ids.remember(key, effective_time)
                plain[key] = effective_time
            clock.accept(effective_time)
        elif what == "tidy":
            ids.tidy(clock)
        elif key in plain:
            ids.discard(key, plain.pop(key))


# Settled by what customers keep


def doubtful(first: list[tuple[Input, Record]], *, crash: bool) -> Partition:
    """Return a partition whose ids are in the table; needs `few`."""
    partition = Partition(Ruleset())
    for source, record in first:
        partition.apply(source, [record])
    for source in GIVEN:
        partition.apply(source, [])
    if crash:
        state: State = {}
        keep(state, partition)
        partition = restored(Ruleset(), state, Random(1))
    assert all(partition._contents.ids[source].table.buckets for source, _ in first)
    return partition


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(("after", "duplicate"), [(-1, 1), (0, 1), (1, 0)])
@pytest.mark.parametrize("customer_id", ["a", "b", "c", "stranger"])
@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize("source", [TX, CT, CU])
def test_an_id_about_8_days_old_is_settled_exactly(
    source: Input, crash: bool, customer_id: str, after: int, duplicate: bool
) -> None:
    """By the entries of whoever has it now, or of whoever had it then."""

    def event(customer_id: str, time: int, event_id: str) -> Record:
        if source is CU:
            return profile(customer_id, time, event_id=event_id)
        return (purchase if source is TX else bad)(customer_id, time, event_id=event_id)

    first = [(source, event(one, HOME + at, f"x{at}")) for at, one in enumerate("abc")]
    partition = doubtful(first, crash=crash)
    outcome = partition.apply(source, [event(customer_id, HOME + 1 + WINDOW + after, "x1")])
    assert (outcome.duplicate, outcome.applied) == (duplicate, 1 - duplicate)
    assert partition.tally["doubtful_ids"] == 1


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(("after", "duplicate"), [(-1, 1), (0, 1), (1, 0)])
@pytest.mark.parametrize("customer_id", ["a", "b"])
def test_also_by_a_page(customer_id: str, after: int, duplicate: int) -> None:
    count = PAGE_BYTES // 20
    many: list[tuple[Input, Record]] = [
        (TX, purchase("a", HOME + at, event_id=f"x{at}")) for at in range(count)
    ]
    partition = doubtful(many, crash=False)
    assert partition.oversized == 1
    again = purchase(customer_id, HOME + 5 + WINDOW + after, event_id="x5")
    assert partition.apply(TX, [again]).duplicate == duplicate


@pytest.mark.usefixtures("few")
def test_an_older_use_of_the_id_by_the_same_customer_tells_nothing() -> None:
    """`a` had it 17 days ago, and still has the entry; `b` has had it since, about 8 days ago."""
    partition = Partition(Ruleset())
    partition.apply(TX, [purchase("a", HOME, event_id="x"), purchase("a", HOME + 1), purchase("b", HOME + 2)])
    partition.apply(TX, [purchase("b", HOME + 9 * DAY_MS, event_id="x")])
    time = HOME + 9 * DAY_MS + WINDOW
    assert partition.apply(TX, [purchase("a", time, event_id="x")]).duplicate == 1
    assert partition.apply(TX, [purchase("a", time + 1, event_id="x")]).duplicate == 0


@pytest.mark.usefixtures("few")
def test_an_erased_customer_has_no_entries_left_to_settle_by() -> None:
    first: list[tuple[Input, Record]] = [(TX, purchase(one, HOME, event_id=f"x-{one}")) for one in "abc"]
    partition = doubtful(first, crash=False)
    partition.apply(CU, [erasure("a")])
    outcome = partition.apply(TX, [purchase("b", HOME + WINDOW, event_id=f"x-{one}") for one in "ab"])
    assert outcome.duplicates == [1]


def hashes(partition: Partition) -> Iterator[int]:
    """Yield how many ids of purchases are remembered where."""
    ids = partition._contents.ids[TX]
    yield from (len(ids.recent), len(ids.table))


@pytest.mark.usefixtures("few")
def test_purchases_go_straight_into_the_table_once_it_is_open() -> None:
    """On time, late, and beyond what an entry of a record holds."""
    partition = Partition(Ruleset())
    partition.apply(TX, [purchase("a", HOME + at) for at in range(3)])
    assert list(hashes(partition)) == [3, 0]
    for at in (DAY_MS, 0, DAY_MS + 1):
        cents = 1 << 40 if at > DAY_MS else 5
        assert partition.apply(TX, [purchase("b", HOME + at, cents)]).applied == 1
    assert list(hashes(partition)) == [0, 6]
    again = [purchase("b", HOME + at) for at in (DAY_MS, 0, DAY_MS + 1)]
    assert partition.apply(TX, again).duplicate == 3


@pytest.mark.usefixtures("few")
def test_nobody_has_what_is_older_than_8_days() -> None:
    """The entry is gone from `a`'s record by then, whose contact was decided; the table still has it."""
    partition, time = Partition(Ruleset()), HOME + WINDOW + 10_000
    partition.apply(TX, [purchase("a", HOME, event_id="x"), purchase("b", HOME + 1), purchase("b", HOME + 2)])
    partition.apply(TX, [purchase("b", time)])
    partition.apply(CT, [bad("a", time - DAY_MS)])
    partition.advance(dict.fromkeys(FACTS, time))
    assert not list(partition._customers.entries_with(partition._contents.ids[TX].key("pos", "x"), "a"))
    assert partition.apply(TX, [purchase("b", time + 5_000, event_id="x")]).applied == 1
    assert partition.tally["doubtful_ids"] == 1
