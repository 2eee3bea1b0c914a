"""Shared ids: how busy is too busy for one customer."""

from dataclasses import replace
from hashlib import sha256

import pytest

from tests.recompute.arrival import Customer, Partition
from tests.recompute.delivery import Deliveries
from tests.recompute.feed import Feed
from tests.recompute.freezing import Surroundings
from tests.recompute.frustration import Contacts
from tests.recompute.ledger import Ledger
from tests.recompute.pace import PopulationClock
from tests.recompute.rules import DAY_MS, HOUR_MS, VERSION_3, VERSION_4, Rules
from tests.recompute.shared import is_shared
from tests.recompute.spending import Refresh, refreshes
from tests.recompute.test_pieces import contact, on_time

HOUR = 8 * 168 + 5
"""The latest refresh is that of hour 1344."""


def shops(trips: int, *, first: int = HOUR - 672) -> Customer:
    """Give somebody who buys in each of so many hours."""
    return Customer(on_time=[(pane, 100) for pane in range(first, first + trips)])


def shared(
    customer: Customer,
    *,
    median: int = 1,
    known: Contacts | None = None,
    instant_ms: int = HOUR * HOUR_MS,
    rules: Rules = VERSION_4,
) -> bool:
    nobody, found = Partition(), {1344: Refresh(None, 8.6, median)}
    around = Surroundings(
        found, Feed(nobody, 0, rules), PopulationClock(nobody, rules), Deliveries(nobody, rules), rules
    )
    return is_shared("c", Ledger(customer, rules), known or Contacts(rules), around, instant_ms)


@pytest.mark.parametrize(
    ("median", "trips", "found"),
    [
        (1, 99, False),
        (1, 100, True),
        (1, 101, True),
        (10, 99, False),
        (10, 100, True),
        (11, 109, False),
        (11, 110, True),
        (11, 111, True),
    ],
)
def test_an_id_is_shared_from_ten_times_the_median_trips_on_but_100_at_least(
    median: int, trips: int, *, found: bool
) -> None:
    assert shared(shops(trips), median=median) is found
    assert not shared(shops(trips), median=median, rules=VERSION_3)


def test_trips_are_those_of_the_28_days_before_the_hour() -> None:
    assert shared(shops(100, first=HOUR - 100))
    assert not shared(shops(100, first=HOUR - 99))
    assert not shared(shops(100, first=HOUR - 673))


@pytest.mark.parametrize(("calls", "found"), [(49, False), (50, True), (51, True)])
def test_an_id_is_shared_from_50_contacts_in_7_days_on(calls: int, *, found: bool) -> None:
    """The first one is later than 7 days before the last by a ms; at just 7 days it is not counted."""
    known = Contacts(VERSION_4)
    for name in range(calls):
        assert known.fold(contact(f"k{name}", 1 if name else 1 / DAY_MS, self_served=True))
    assert shared(Customer(), known=known, instant_ms=7 * DAY_MS) is found
    assert shared(Customer(), known=known, instant_ms=7 * DAY_MS + 1) is (calls > 50)
    assert shared(Customer(), known=known, instant_ms=DAY_MS) is found
    assert not shared(Customer(), known=known, instant_ms=DAY_MS - 1)
    assert not shared(Customer(), known=known, instant_ms=7 * DAY_MS, rules=VERSION_3)


@pytest.mark.parametrize(("name", "found"), [("c", True), ("C", False), ("c ", False), ("", False)])
def test_an_id_is_named_to_the_letter(name: str, *, found: bool) -> None:
    assert shared(Customer(), rules=replace(VERSION_3, shared_ids=frozenset({name}))) is found


@pytest.mark.parametrize(("customers", "median"), [(19, 1), (20, 10), (21, 11), (22, 11)])
def test_the_median_is_that_of_the_customers_with_trips_in_28_days(customers: int, median: int) -> None:
    """Customer i made i trips; three others bought too early, or too late."""
    people = {f"c{i}": shops(i, first=1344 - i) for i in range(1, customers + 1)}
    people |= {f"early{i}": shops(5, first=667) for i in range(2)} | {"late": shops(5, first=1344)}
    found = refreshes([Partition(people, on_time([667]))], [], 1344, VERSION_4)[0]
    assert found[1344].median_trips == median
    assert found[504].median_trips == 1


@pytest.mark.parametrize(("sample", "median"), [(20, 2), (39, 2), (40, 2), (41, 3)])
def test_the_median_is_that_of_the_smallest_hashes(sample: int, median: int) -> None:
    """Twenty of the smallest hashes made two trips, the 21 others three."""
    names = sorted((f"c{i}" for i in range(41)), key=lambda name: sha256(name.encode()).digest())
    people = {name: shops(2 if at < 20 else 3) for at, name in enumerate(names)}
    rules = replace(VERSION_4, median_sample=sample)
    assert refreshes([Partition(people, on_time([700]))], [], 1344, rules)[0][1344].median_trips == median
