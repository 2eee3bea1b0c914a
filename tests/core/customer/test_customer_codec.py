"""Packed records: there and back, tails folded without a trace, amounts beyond what an entry holds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import Profile
from streams.core.customer.customer import unpack
from streams.core.customer.customer_codec import (
    EMPTY,
    ENTRY,
    FORMAT,
    INPUTS,
    LONG_RECORD,
    NO_HOUR,
    OPEN,
    OWED,
    QUIET,
    Body,
    Entry,
    Horizon,
    Parts,
    entries,
    fold_tail,
    input_of,
    is_foldable,
    is_settling,
    join,
    mark_of,
    matching,
    packed,
    settle,
    split,
    timer_of,
)
from streams.core.customer.pending import pending_event
from streams.core.customer.state import StateError
from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from streams.core.spend.panes import Panes
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, GIVEN, Input
from tests.core.drive import HOME, bad, daily, purchase, restored

HOUR = HOME // HOUR_MS
FIXED = settings(max_examples=150, derandomize=True, deadline=None, database=None)

hours = st.integers(HOUR, HOUR + 24 * 600)
entry = st.tuples(
    st.integers(HOME, HOME + 600 * DAY_MS),
    st.one_of(st.integers(0, (1 << 31) - 1), st.integers(-4, -1)),
    st.integers(0, (1 << 64) - 1),
)
tails = st.lists(entry, max_size=30)
spending = st.dictionaries(hours, st.integers(-(10**12), 10**12), max_size=30)


def body_of(spend: dict[int, int]) -> Body:
    """Return a body of panes, with one of everything else."""
    body = Body(
        frustration=1.25, revisions={"id": 3}, profile=Profile("a", "crm", "p", HOME, None, "x", True)
    )
    body.pending.append(pending_event(bad("a", HOME), HOME))
    body.keep(Panes(sorted(spend), [spend[hour] for hour in sorted(spend)]))
    return body


@FIXED
@given(hours, st.one_of(hours, st.just(NO_HOUR)), st.integers(0, 255), spending, tails)
def test_a_record_goes_there_and_back(
    timer: int, first: int, flags: int, spend: dict[int, int], tail: list[Entry]
) -> None:
    parts = Parts(timer, first, flags, body_of(spend), packed(tail))
    record = join(parts)
    assert split(record) == parts
    assert split(bytes(record)).body.panes().hours == sorted(spend)
    assert (timer_of(record), entries(record)) == (timer, tail)


def test_the_empty_record_is_a_customer_of_whom_nothing_is_known() -> None:
    customer = unpack("a", EMPTY)
    assert (customer.first_pane, list(customer.panes), customer.recent) == (None, [], [])
    assert customer.timers_at is None


@FIXED
@given(spending, tails, st.integers(-1, 601), st.integers(-1, 601), st.integers(HOUR, HOUR + 24 * 600))
def test_folding_the_tail_changes_nothing_that_is_not_forgotten(
    spend: dict[int, int], tail: list[Entry], tx_day: int, other_day: int, oldest_pane: int
) -> None:
    """Unpacked, the panes from the horizon on, the first pane, wake, flags and younger ids are the same."""
    oldest = (HOME + tx_day * DAY_MS, *[HOME + other_day * DAY_MS] * 3)
    horizon = Horizon(oldest, oldest_pane)
    record = join(Parts(HOUR, min(spend, default=NO_HOUR), OPEN | QUIET, body_of(spend), packed(tail)))
    folded, paged = fold_tail(record, horizon)
    assert paged == b""
    before, after = unpack("a", record), unpack("a", folded)
    tail_hours = [effective_time // HOUR_MS for effective_time, cents, _ in tail if cents >= 0]
    assert after.first_pane == before.first_pane == min([*spend, *tail_hours], default=None)
    seen = [pane for pane in before.panes if pane[0] >= oldest_pane]
    assert [pane for pane in after.panes if pane[0] >= oldest_pane] == seen
    assert after.recent == [
        one for one in tail if one[0] >= oldest[0 if one[1] >= 0 else INPUTS.index(input_of(one[1]))]
    ]
    assert (after.body.pending, after.body.profile) == (before.body.pending, before.body.profile)
    assert (timer_of(folded), split(folded).flags) == (HOUR, OPEN | QUIET)


@pytest.mark.parametrize("source", GIVEN)
def test_a_mark_stands_for_its_input(source: Input) -> None:
    assert mark_of(source) < 0
    assert input_of(mark_of(source)) is source


@pytest.mark.parametrize("cents", [0, 1, (1 << 31) - 1])
def test_cents_stand_for_a_purchase(cents: int) -> None:
    assert input_of(cents) is Input.TRANSACTIONS


@pytest.mark.parametrize(("effective_time", "settled"), [(HOME - 1, True), (HOME, False), (HOME + 1, False)])
def test_what_is_before_the_horizon_is_settled(effective_time: int, settled: bool) -> None:
    horizon = Horizon((HOME, HOME, HOME, HOME), 0)
    tail: list[Entry] = [(effective_time, 5, 1), (effective_time, mark_of(Input.CONTACTS), 2)]
    body = Body()
    assert is_settling(packed(tail), horizon) is settled
    assert settle(body, tail, horizon) == ([] if settled else tail)
    assert list(body.panes()) == ([(effective_time // HOUR_MS, 5)] if settled else [])


@FIXED
@given(spending, st.lists(st.tuples(hours, st.integers(0, 500)), max_size=9), hours)
def test_spend_is_folded_into_packed_panes_as_into_others(
    spend: dict[int, int], more: list[tuple[int, int]], oldest: int
) -> None:
    body, panes = body_of(spend), body_of(spend).panes()
    body.fold(more, oldest)
    for hour, cents in more:
        panes.add(hour, cents)
    panes.drop_before(oldest)
    assert list(body.panes()) == list(panes)


def test_a_purchase_of_an_hour_that_is_folded_joins_it() -> None:
    body = body_of({HOUR: 5})
    body.fold([(HOUR, 2), (HOUR + 1, 3)], HOUR)
    assert list(body.panes()) == [(HOUR, 7), (HOUR + 1, 3)]


@pytest.mark.parametrize(("count", "days", "folded"), [(12, 9, False), (13, 9, True), (13, 8, False)])
def test_a_long_tail_is_folded_once_half_of_it_can_go(count: int, days: int, folded: bool) -> None:
    """More than 12 entries, the middle one more than 8 days old; an empty body is shorter than that."""
    tail: list[Entry] = [(HOME, 5, key) for key in range(count)]
    record = bytearray(EMPTY) + b"".join(ENTRY.pack(*one) for one in tail)
    assert (len(record) > LONG_RECORD) is (count > 12)
    horizon = Horizon((HOME + (days - 8) * DAY_MS,) * 4, 0)
    assert is_foldable(record, horizon) is folded


@pytest.mark.parametrize(("panes", "folded"), [(10, True), (2_000, False)])
def test_a_tail_much_shorter_than_the_body_waits(panes: int, folded: bool) -> None:
    spend = {HOUR + 5 * one: 1_000_000 for one in range(panes)}
    record = join(Parts(NO_HOUR, HOUR, 0, body_of(spend), packed((HOME, 5, key) for key in range(13))))
    assert is_foldable(record, Horizon((HOME + DAY_MS,) * 4, 0)) is folded


LIMIT = 1 << 31


@pytest.mark.parametrize("cents", [LIMIT - 1, LIMIT, LIMIT + 1, 10**14])
@pytest.mark.parametrize("known", [False, True])
def test_huge_purchases_count_like_others(cents: int, known: bool) -> None:
    """In the panes, as an id, in the sample, and after a crash."""
    rules = Ruleset(population_minimum=1)
    partition = Partition(rules)
    spent = cents
    if known:
        partition.apply(Input.TRANSACTIONS, [purchase("a", HOME - 1, 7)])
        spent += 7
    outcome = partition.apply(Input.TRANSACTIONS, [purchase("a", HOME, cents), purchase("a", HOME, cents)])
    assert (outcome.applied, outcome.duplicate) == (1, 1)
    drained = {key: value for key, value in partition.drain_dirty() if value is not None}
    for one in (partition, restored(rules, drained)):
        view = one.lookup("a")
        assert view is not None
        assert view.panes.spend(HOUR, HOUR + 1) == cents
        assert view.first_pane == HOUR - known
        assert one.apply(Input.TRANSACTIONS, [purchase("a", HOME, cents)]).duplicate == 1
        one.advance(dict.fromkeys(FACTS, HOME + 7 * DAY_MS))
        assert one._judge.refresh is not None
        assert one._judge.refresh.cutoff == spent


def test_a_huge_purchase_of_a_sampled_customer_moves_the_cut_off() -> None:
    partition = Partition(Ruleset(population_minimum=1))
    partition.apply(Input.TRANSACTIONS, daily("a", HOME, 7))
    partition.advance(dict.fromkeys(FACTS, HOME + 7 * DAY_MS))
    partition.apply(Input.TRANSACTIONS, [purchase("a", HOME + 8 * DAY_MS, LIMIT)])
    partition.advance(dict.fromkeys(FACTS, HOME + 14 * DAY_MS))
    assert partition._judge.refresh is not None
    assert partition._judge.refresh.cutoff == LIMIT + 7_000


@pytest.mark.parametrize("form", [FORMAT - 1, FORMAT + 1, 255])
def test_another_format_is_refused_and_named(form: int) -> None:
    record = bytearray(EMPTY)
    record[0] = form
    for read in (split, entries, timer_of):
        with pytest.raises(StateError, match=f"format {form}, this release reads {FORMAT}"):
            read(record)


@pytest.mark.parametrize("cut", [1, len(EMPTY)])
def test_a_head_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(StateError, match="cut off"):
        split(EMPTY[:-cut])


@pytest.mark.parametrize("cut", [1, ENTRY.size - 1])
def test_a_tail_that_is_cut_off_is_refused(cut: int) -> None:
    record = join(Parts(NO_HOUR, HOUR, OWED, Body(), packed([(HOME, 5, 1)])))
    with pytest.raises(StateError, match="cut off"):
        split(record[:-cut])


def test_a_body_that_is_missing_is_refused() -> None:
    record = join(Parts(NO_HOUR, HOUR, 0, body_of({HOUR: 5}), b""))
    with pytest.raises(StateError, match="does not parse"):
        split(record[: len(EMPTY)])


def test_a_body_that_is_none_is_refused() -> None:
    record = join(Parts(NO_HOUR, HOUR, 0, body_of({HOUR: 5}), b""))
    record[len(EMPTY)] = 0xC0
    with pytest.raises(StateError, match="does not parse"):
        split(record)


def test_a_hash_is_sought_where_hashes_stand() -> None:
    """Not in the bytes of an effective time, nor across two entries."""
    key = 0x0102_0304_0506_0708
    packed = key.to_bytes(8, "little")
    among: list[Entry] = [(key, 5, 7), (HOME, 5, key), (HOME + 1, 6, 8)]
    data = b"x" + b"".join(ENTRY.pack(*one) for one in among)
    assert packed in data[1:9]
    assert list(matching(data, 1, packed)) == among[1:2]
