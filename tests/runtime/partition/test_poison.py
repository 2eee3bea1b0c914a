"""The limit on dead letters: how many in a row, and how many of the last."""

from collections.abc import Iterable
from random import Random

import pytest

from schemas.dead_letter import Reason
from schemas.events import Refusal
from streams.core.watermark import Input
from streams.runtime.partition.poison import IN_A_ROW, SHARE, WINDOW, PoisonLimit
from streams.runtime.partition.poison_guard import PoisonGuard
from streams.runtime.ports import Fetched, RawRecord

MOST = round(SHARE * WINDOW)


def after(batches: Iterable[tuple[int, Iterable[int]]]) -> str | None:
    limit = PoisonLimit()
    for records, refused in batches:
        limit.note(records, refused)
    return limit.exceeded


@pytest.mark.parametrize(("refused", "stops"), [(999, False), (1_000, True), (1_001, True)])
def test_so_many_in_a_row_stop_it(refused: int, stops: bool) -> None:
    assert (after([(refused, range(refused))]) == "1,000 records in a row were refused") is stops


def test_a_row_goes_on_over_batches() -> None:
    batches = [(100, range(100))] * 9
    assert after([*batches, (99, range(99))]) is None
    assert after([*batches, (100, range(100))]) is not None


def test_a_row_goes_on_over_batches_without_records() -> None:
    assert after([(500, range(500)), (0, ()), (500, range(500))]) is not None


@pytest.mark.parametrize(
    "batches",
    [
        [(999, range(999)), (2, [1])],
        [(999, range(999)), (1, []), (1, [0])],
        [(1000, range(999)), (1, [0])],
        [(999 + 1 + 1, [*range(999), 1000])],
    ],
)
def test_a_good_record_ends_a_row(batches: list[tuple[int, Iterable[int]]]) -> None:
    assert after(batches) is None


@pytest.mark.parametrize(("refused", "stops"), [(MOST - 1, False), (MOST, False), (MOST + 1, True)])
def test_more_than_a_share_of_the_last_stops_it(refused: int, stops: bool) -> None:
    """Every other record is refused, so none are in a row."""
    found = after([(2 * refused, range(0, 2 * refused, 2))])
    assert (found == "more than 10% of the last 10,000 records were refused") is stops


@pytest.mark.parametrize(("apart", "stops"), [(9_999, True), (10_000, False), (10_001, False)])
def test_only_the_last_count(apart: int, stops: bool) -> None:
    """The first refused record and the last lie `apart`, with as many as are allowed from the first on."""
    first = range(0, 2 * MOST, 2)
    assert (after([(apart + 1, [*first, apart])]) is not None) is stops


def test_it_does_not_matter_how_records_are_split() -> None:
    """However they are cut into batches, it is exceeded with the batch of the same record."""
    rng = Random(5)
    refused = {at for at in range(30_000) if rng.random() < at / 200_000}
    one_by_one, seen = PoisonLimit(), 0
    while one_by_one.exceeded is None:
        one_by_one.note(1, [0] if seen in refused else [])
        seen += 1
    assert MOST < seen < 30_000
    for most in (3, 700, 20_000):
        limit, start, end = PoisonLimit(), 0, 0
        while limit.exceeded is None:
            start, end = end, end + rng.randint(1, most)
            limit.note(end - start, [at - start for at in range(start, end) if at in refused])
        assert start < seen <= end


def test_the_first_reason_stays() -> None:
    batches = [(2 * MOST + 2, range(0, 2 * MOST + 2, 2)), (IN_A_ROW, range(IN_A_ROW))]
    assert after(batches) == "more than 10% of the last 10,000 records were refused"


COUNTS = [
    Reason.NOT_JSON,
    Reason.TOO_LARGE,
    Reason.SCHEMA,
    Reason.UNKNOWN_TYPE,
    Reason.KEY_MISMATCH,
    Reason.WRONG_PARTITION,
    Reason.INTERNAL,
]
EXPECTED = [Reason.CURRENCY, Reason.FUTURE, Reason.TOO_LATE]


def guarded(records: int, refused: dict[int, Reason]) -> PoisonGuard:
    """Return a guard that saw one batch."""
    batch = Fetched(Input.TRANSACTIONS, 0, [RawRecord(at, 0, b"", b"") for at in range(records)], records)
    guard = PoisonGuard(0)
    guard.note(batch, {at: Refusal(reason, "") for at, reason in refused.items()})
    return guard


def test_of_every_reason_it_is_known_whether_it_counts() -> None:
    assert sorted([*COUNTS, *EXPECTED]) == sorted(Reason)


@pytest.mark.parametrize("reason", EXPECTED)
def test_expected_refusals_stop_nothing(reason: Reason) -> None:
    """Neither in a row nor as a share: all of twenty thousand records."""
    assert not guarded(20_000, dict.fromkeys(range(20_000), reason)).exceeded


@pytest.mark.parametrize("reason", COUNTS)
@pytest.mark.parametrize(("refused", "stops"), [(999, False), (1_000, True), (1_001, True)])
def test_other_refusals_stop_it(reason: Reason, refused: int, stops: bool) -> None:
    assert guarded(refused, dict.fromkeys(range(refused), reason)).exceeded is stops


@pytest.mark.parametrize("reason", EXPECTED)
def test_an_expected_refusal_ends_a_row(reason: Reason) -> None:
    row = dict.fromkeys(range(IN_A_ROW), Reason.SCHEMA)
    assert guarded(IN_A_ROW, row).exceeded
    assert not guarded(IN_A_ROW, row | {IN_A_ROW // 2: reason}).exceeded


@pytest.mark.parametrize(("refused", "stops"), [(MOST - 1, False), (MOST, False), (MOST + 1, True)])
def test_expected_refusals_are_among_the_last_records_of_which_the_others_are_a_share(
    refused: int, stops: bool
) -> None:
    """Of the last 10,000 records all but the bad ones are in a currency without a rate."""
    records = dict.fromkeys(range(WINDOW), Reason.CURRENCY)
    bad = dict.fromkeys(range(0, 2 * refused, 2), Reason.NOT_JSON)
    assert guarded(WINDOW, records | bad).exceeded is stops
