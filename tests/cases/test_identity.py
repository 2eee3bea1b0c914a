"""c07, c12, c21: ids that many share, and ids that two events share.

c10, a customer who is merged into another, is not here yet: there is no event for it.
"""

from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from tests.cases.runs import CONTROL, RULESETS, Run, dataset, names, replayed
from tests.cases.world import (
    ANCHOR,
    DAY,
    FIRST,
    Event,
    at,
    bad_contact,
    charge,
    purchase,
    refund,
    shopping,
    stamp,
    stops,
    transaction,
)

pytestmark = pytest.mark.slow


def shared(bought: int, calls: int, seed: int = 1) -> list[Event]:
    """Return what stands under an id of a till or a guest: anybody's purchases until September, and calls."""
    random = Random(seed)
    moments = (FIRST + random.random() * (ANCHOR - FIRST) for _ in range(bought))
    return [
        *(purchase(int(moment), f"{random.randint(900, 7000) / 100:.2f}") for moment in moments),
        *(bad_contact(ANCHOR + round(number * 4 * DAY / calls), f"g{number}") for number in range(calls)),
    ]


@pytest.fixture(name="guests", scope="module")
def guests_fixture(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Replay a dataset with ids that many share, and with somebody who really buys that often."""
    people = {
        "guest": shared(1800, 4),
        "0000": shared(3000, 2),
        "walk-in": shared(6000, 30),
        "many": [*shopping(ANCHOR, every=0.5, amount="60.00"), bad_contact()],
        "control": stops(),
    }
    return replayed(dataset(people).write(tmp_path_factory.mktemp("guests") / "here"))


@pytest.mark.parametrize("who", ["guest", "0000", "walk-in"])
def test_an_id_that_many_share_is_set_apart_and_listed(guests: Run, who: str) -> None:
    assert guests.of(who) == []
    assert who in guests.said


@pytest.mark.parametrize("who", ["many", "control"])
def test_customers_of_their_own_are_judged_beside_it(guests: Run, who: str) -> None:
    assert guests.levels(who)["alert"][:10] <= CONTROL[None]["alert"][:10]


@pytest.mark.parametrize("named", ["till 7", "till 7,nobody", "other,till 7"])
def test_a_shared_id_can_be_named(tmp_path: Path, named: str) -> None:
    there = dataset({"till 7": stops(), "till 70": stops()}, 120).write(tmp_path / "here")
    seen = replayed(there, "--shared-ids", named)
    assert seen.of("till 7") == []
    assert seen.levels("till 70") == CONTROL[None]


BOUGHT: Final = at("08-28")
BIG: Final = purchase(BOUGHT, "2500.00", event_id="1001")


def given_back(kind: str = "refund", **fields: Any) -> Event:
    """Return the taking back of the big order two days under the same id."""
    return refund(BOUGHT + 2 * DAY, "2500.00", BOUGHT, event_id="1001", **{"kind": kind, **fields})


SAME_ID: Final = {
    "a refund": [*stops(), BIG, given_back()],
    "a chargeback": [*stops(), BIG, given_back("chargeback")],
    "also a fee and a charge": [
        *stops(),
        BIG,
        given_back(),
        transaction("fee", BOUGHT + DAY, "3.00", event_id="1001"),
        charge(BOUGHT + DAY, "0.01", event_id="1001", source="shop"),
    ],
    "the refund's line first": [*stops(), BIG | {"arrives": BOUGHT + 3 * DAY}, given_back()],
}
"""Whose big order was taken back under its own id."""


@pytest.mark.parametrize("ruleset", RULESETS)
def test_another_kind_may_have_the_id_of_a_purchase(tmp_path: Path, ruleset: str | None) -> None:
    seen = replayed(dataset(SAME_ID, 120).write(tmp_path / "here"), ruleset=ruleset)
    usual = {name: {one["usual_spend_per_day"] for one in seen.of(name)} for name in SAME_ID}
    assert usual == {name: {"60.00"} for name in SAME_ID}
    assert {name: seen.levels(name) for name in SAME_ID} == dict.fromkeys(SAME_ID, CONTROL[ruleset])
    assert " duplicate" not in seen.said
    assert "other content" not in seen.said


@pytest.mark.parametrize("ruleset", RULESETS)
def test_a_notice_may_have_the_id_of_a_contact(tmp_path: Path, ruleset: str | None) -> None:
    notice = {
        "type": "notice",
        "time": stamp(at("08-31")),
        "source": "phone",
        "contact_id": "n1",
        "change": "price",
        "notified": True,
        "event_id": "7",
    }
    people = {"c": [*shopping(), notice, bad_contact(event_id="7")]}
    seen = replayed(dataset(people, 120).write(tmp_path / "here"), ruleset=ruleset)
    assert seen.levels("c") == CONTROL[ruleset]
    assert " duplicate" not in seen.said


ORDER: Final = purchase(at("09-02"), "5.00", event_id="order-9")
AGAIN: Final[dict[str, tuple[list[Event], int, int]]] = {
    "sent twice alike": ([ORDER, ORDER], 1, 0),
    "another amount": ([ORDER, ORDER | {"amount": "900.00"}], 0, 1),
    "another time": ([ORDER, ORDER | {"time": stamp(at("09-02 13:00"))}], 0, 1),
    "edited, and sent twice": ([ORDER, ORDER | {"amount": "900.00"}, ORDER], 1, 1),
    "edited three times": ([ORDER, *(ORDER | {"amount": f"{n}.00"} for n in (7, 8, 9))], 0, 3),
    "two refunds under one id": (
        [ORDER, *(refund(at("09-03"), amount, at("09-02"), event_id="r-1") for amount in ("1.00", "2.00"))],
        0,
        1,
    ),
    "a refund twice": ([ORDER, *[refund(at("09-03"), "1.00", at("09-02"), event_id="r-1")] * 2], 1, 0),
}
"""Events of one id, with how many are duplicates, and how many of these have other content."""


@pytest.mark.parametrize("ruleset", RULESETS)
@pytest.mark.parametrize("name", names(AGAIN))
def test_the_same_id_with_other_content_is_counted_and_shown(
    tmp_path: Path, name: str, ruleset: str | None
) -> None:
    events, alike, other = AGAIN[name]
    seen = replayed(dataset({"c": [*stops(), *events]}, 12).write(tmp_path / "here"), ruleset=ruleset)
    assert (f"{alike} duplicate" in seen.said) == (alike > 0)
    assert (f"{other} same id, other content" in seen.said) == (other > 0)
    assert ("(line" in seen.said and "send a correction" in seen.said) == (other > 0)
