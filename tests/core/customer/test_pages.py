"""Pages: what makes a customer's record long leaves it, and is known all the same."""

from collections.abc import Callable
from random import Random

import pytest
from msgspec import msgpack

from schemas.events import Transaction
from streams.core.customer import customer_store
from streams.core.customer.customer_codec import ENTRY, PAGE_BYTES, entries
from streams.core.customer.state import (
    PARTITION_KEY,
    StateError,
    customer_of,
    is_page_key,
    journal_key,
    page_key,
    page_number_of,
)
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input
from tests.core.drive import HOME, State, bad, erasure, keep, profile, purchase, restored

RULES = Ruleset(population_minimum=1)
TX, CT, CU = Input.TRANSACTIONS, Input.CONTACTS, Input.CUSTOMERS
FULL = PAGE_BYTES // ENTRY.size
WINDOW = 8 * DAY_MS
EDGES = [(-1, 1), (0, 1), (1, 0)]


def spree(count: int, customer_id: str = "a", start: int = HOME) -> list[Record]:
    """Return so many purchases of a cent, a second apart."""
    return [purchase(customer_id, start + 1_000 * at, 1) for at in range(count)]


def fees(count: int) -> list[Record]:
    """Return so many fees, which nothing but their ids is kept of."""
    return [purchase("a", HOME + 1_000 * at, 1, kind="fee") for at in range(count)]


def calls(count: int) -> list[Record]:
    """Return so many contacts."""
    return [bad("a", HOME + 1_000 * at, f"k{at}") for at in range(count)]


def pages_of(state: State) -> list[bytes]:
    """Return the keys of the pages in a changelog."""
    return sorted(key for key in state if is_page_key(key))


@pytest.mark.parametrize("customer_id", ["a", "", "Zoë\0"])
@pytest.mark.parametrize("number", [0, 1, 1 << 20])
def test_a_key_names_the_customer_and_the_page(customer_id: str, number: int) -> None:
    key = page_key(customer_id, number)
    assert (is_page_key(key), customer_of(key), page_number_of(key)) == (True, customer_id, number)


@pytest.mark.parametrize(("source", "many"), [(TX, spree), (TX, fees), (CT, calls)])
@pytest.mark.parametrize(
    ("count", "kept", "pages"), [(FULL - 1, FULL - 1, 0), (FULL, 0, 1), (FULL + 1, 1, 1)]
)
def test_a_long_tail_goes_to_a_page(
    source: Input, many: Callable[[int], list[Record]], count: int, kept: int, pages: int
) -> None:
    """Whatever its events are; and every id is known as before, also after a crash."""
    partition, state = Partition(RULES), State()
    partition.apply(source, many(count))
    keep(state, partition)
    assert len(entries(state[b"ca"])) == kept
    assert pages_of(state) == [page_key("a", number) for number in range(pages)]
    assert partition.oversized == pages
    again = restored(RULES, state, Random(1))
    for one in (partition, again):
        assert one.apply(source, many(count)).duplicate == count
        assert one.oversized == pages


def test_cents_in_pages_are_in_the_panes() -> None:
    partition, state = Partition(RULES), State()
    partition.apply(TX, spree(3 * FULL + 5))
    keep(state, partition)
    for one in (partition, restored(RULES, state)):
        view = one.lookup("a")
        assert view is not None
        assert (sum(view.panes.cents), view.first_pane) == (3 * FULL + 5, HOME // HOUR_MS)


def test_a_page_is_written_once() -> None:
    """What comes after it is journaled; it writes the record only with a page of its own."""
    partition, state = Partition(RULES), State()
    partition.apply(TX, spree(FULL))
    keep(state, partition)
    partition.apply(TX, [purchase("a", HOME + HOUR_MS)])
    assert partition.dirty == 1
    assert [key for key, _ in partition.drain_dirty()] == [journal_key(0, 0), PARTITION_KEY]
    partition.apply(TX, spree(FULL, start=HOME + 2 * HOUR_MS))
    assert partition.dirty == 3
    written = [journal_key(1, 0), b"ca", page_key("a", 1)]
    gone = [journal_key(0, 0), journal_key(1, 0)]
    assert [key for key, _ in partition.drain_dirty()] == [*written, *gone, PARTITION_KEY]


@pytest.mark.parametrize(("after", "duplicate"), EDGES)
@pytest.mark.parametrize("crash", [False, True])
def test_an_id_in_a_page_counts_for_8_days(after: int, duplicate: int, crash: bool) -> None:
    partition = Partition(RULES)
    partition.apply(TX, spree(FULL))
    time = HOME + 1_000 * (FULL - 1) + WINDOW + after
    partition.apply(TX, [purchase("b", time)])
    if crash:
        state: State = {}
        keep(state, partition)
        partition = restored(RULES, state)
    newest = f"a-{HOME + 1_000 * (FULL - 1)}"
    assert partition.apply(TX, [purchase("c", time, event_id=newest)]).duplicate == duplicate


LAST = HOME + 1_000 * (FULL - 2)


def forgotten_at(time: int) -> State:
    """Return the changelog of a page with something of two inputs, when the clocks have come to a time."""
    partition, state = Partition(RULES), State()
    partition.apply(CT, [bad("a", HOME)])
    partition.apply(TX, spree(FULL - 1))
    keep(state, partition)
    assert len(pages_of(state)) == 1
    partition.move(dict.fromkeys(FACTS, time))
    keep(state, partition)
    return state


@pytest.mark.parametrize(("beyond", "left"), EDGES)
def test_a_page_is_forgotten_when_none_of_its_ids_counts(beyond: int, left: int) -> None:
    """With the first commit of a later hour; the hours here are those of the last id's."""
    state = forgotten_at(LAST + WINDOW + beyond)
    assert len(pages_of(state)) == left


@pytest.mark.parametrize(("days", "left"), [(7, 6), (8, 5), (9, 4)])
def test_who_is_never_written_keeps_the_pages_that_count(days: int, left: int) -> None:
    """Two pages at once, three times some days apart, as in a replay. A new page lets go of old ones.

    By the clocks as they were before the batch.
    """
    partition = Partition(RULES)
    for at in range(3):
        partition.apply(TX, spree(2 * FULL, start=HOME + at * days * DAY_MS))
    assert len(list(partition._customers.pages.values("a"))) == left


def test_an_input_that_stands_still_keeps_the_pages_with_its_ids() -> None:
    partition, state = Partition(RULES), State()
    partition.apply(CU, [profile("a", HOME)])
    partition.apply(TX, spree(FULL))
    partition.move(dict.fromkeys(FACTS, HOME + 20 * DAY_MS))
    keep(state, partition)
    assert len(pages_of(state)) == 1
    partition.move({CU: HOME + 20 * DAY_MS})
    keep(state, partition)
    assert pages_of(state) == []


@pytest.mark.parametrize("crash", [False, True])
def test_erasure_reaches_pages(crash: bool) -> None:
    """No page is left, and no id is known; who comes back begins with the first page."""
    partition, state = Partition(RULES), State()
    partition.apply(TX, spree(2 * FULL))
    keep(state, partition)
    if crash:
        partition = restored(RULES, state)
    partition.apply(CU, [erasure("a")])
    keep(state, partition)
    assert state.keys() == {PARTITION_KEY}
    assert partition.oversized == 0
    assert partition.apply(TX, spree(FULL, start=HOME + 1_000 * FULL)).duplicate == 0
    keep(state, partition)
    assert pages_of(state) == [page_key("a", 0)]


def test_a_record_of_an_earlier_release_is_relieved_with_the_next_event() -> None:
    """Its tail may have any length; it becomes pages of the usual size."""
    partition, state = Partition(RULES), State()
    partition.apply(TX, spree(1))
    keep(state, partition)
    tail = b"".join(ENTRY.pack(HOME + at, 1, at) for at in range(1, 3 * FULL + 1))
    again = restored(RULES, state | {b"ca": state[b"ca"] + tail})
    again.apply(TX, [purchase("a", HOME + HOUR_MS)])
    keep(state, again)
    sizes = [len(state[key]) - 1 for key in pages_of(state)]
    assert sizes == [PAGE_BYTES, PAGE_BYTES, PAGE_BYTES, 2 * ENTRY.size]
    assert entries(state[b"ca"]) == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"", "does not read"),
        (b"\x00", "does not read"),
        (b"\x02", "does not read"),
        (b"\x01" + bytes(ENTRY.size - 1), "cut off"),
        (b"\x01" + bytes(ENTRY.size + 1), "cut off"),
        (b"\x01" + ENTRY.pack(HOME, 0, 1), "does not parse"),
        (b"\x01" + ENTRY.pack(HOME, -5, 1), "does not parse"),
    ],
)
def test_a_page_that_is_none_is_refused(value: bytes, message: str) -> None:
    with pytest.raises(StateError, match=message):
        Partition(RULES).restore({page_key("a", 0): value})


@pytest.mark.parametrize("key", [b"i", b"i\x00\x00\x00"])
def test_a_key_of_a_page_that_is_cut_off_is_refused(key: bytes) -> None:
    with pytest.raises(StateError, match="unknown kind"):
        Partition(RULES).restore({key: msgpack.encode(None)})


def crowd(most: int) -> Partition:
    """Return a partition with two contacts of `a`, under rules that remember so many."""
    partition = Partition(Ruleset(most_contacts=most))
    partition.apply(CT, calls(2))
    partition.advance(dict.fromkeys(FACTS, HOME + DAY_MS))
    return partition


@pytest.mark.parametrize(("most", "oversized", "too_many"), [(0, 0, 0), (1, 1, 1), (2, 1, 0), (3, 0, 0)])
def test_who_has_as_many_contacts_as_are_remembered_is_oversized(
    most: int, oversized: int, too_many: int
) -> None:
    """Until contacts are forgotten for their age; also after a crash. Those beyond the bound are counted."""
    partition, state = crowd(most), State()
    keep(state, partition)
    for one in (partition, restored(Ruleset(most_contacts=most), state)):
        assert one.oversized == oversized
        one.apply(CT, [bad("a", HOME + 300 * DAY_MS, "late")])
        one.advance(dict.fromkeys(FACTS, HOME + 301 * DAY_MS))
        assert one.oversized == (most == 1)
    assert partition.tally["too_many_contacts"] == too_many
    partition.apply(CU, [erasure("a")])
    assert partition.oversized == 0


def test_what_makes_a_page_is_any_event() -> None:
    """A purchase, a fee, a contact and a profile, each known by its id alone."""
    partition = Partition(RULES)
    many: list[tuple[Input, Record]] = []
    for at in range(FULL):
        time = HOME + 1_000 * at
        many += [
            (TX, purchase("a", time)),
            (TX, purchase("a", time, kind="fee", event_id=f"f{at}")),
            (CT, bad("a", time, f"k{at}")),
            (CU, profile("a", time)),
        ]
    for source, one in many:
        assert partition.apply(source, [one]).applied == 1
    state: State = {}
    keep(state, partition)
    assert len(pages_of(state)) == 4
    again = restored(RULES, state)
    assert sum(again.apply(source, [one]).duplicate for source, one in many) == len(many)


def test_a_refund_with_pages_takes_back_what_is_in_the_panes() -> None:
    partition = Partition(RULES)
    partition.apply(TX, spree(FULL))
    refund: Transaction = purchase("a", HOME + HOUR_MS, 24, kind="refund", original_time=HOME)
    partition.apply(TX, [refund])
    partition.advance(dict.fromkeys(FACTS, HOME + 2 * HOUR_MS))
    view = partition.lookup("a")
    assert view is not None
    assert sum(view.panes.cents) == FULL - 24


def test_who_is_kept_unpacked_loses_nothing_to_a_page() -> None:
    """A purchase beyond what an entry holds has the record packed, and is the one too many for its tail."""
    partition = Partition(RULES)
    partition.apply(CT, calls(40))
    partition.advance(dict.fromkeys(FACTS, HOME + DAY_MS))
    start = HOME + 2 * DAY_MS
    partition.apply(TX, spree(FULL - 41, start=start))
    partition.apply(TX, [purchase("a", start + HOUR_MS, 1 << 40)])
    assert partition.oversized == 1
    partition.apply(CT, [bad("a", start + HOUR_MS, "later")])
    partition.advance(dict.fromkeys(FACTS, start + 2 * HOUR_MS))
    view = partition.lookup("a")
    assert view is not None
    assert sum(view.panes.cents) == FULL - 41 + (1 << 40)


def test_of_those_kept_unpacked_the_first_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was put out is unpacked again, with all contacts; as many are kept as before."""
    monkeypatch.setattr(customer_store, "MOST_CACHED", 1)
    partition = Partition(RULES)
    for customer_id in ("a", "b"):
        partition.apply(CT, [bad(customer_id, HOME + at, f"{customer_id}{at}") for at in range(40)])
        partition.advance(dict.fromkeys(FACTS, HOME + DAY_MS))
    partition.apply(CT, [bad("a", HOME + 2 * DAY_MS, "later")])
    partition.advance(dict.fromkeys(FACTS, HOME + 3 * DAY_MS))
    views = partition.lookup("a"), partition.lookup("b")
    assert [view and len(view.contacts) for view in views] == [41, 40]
