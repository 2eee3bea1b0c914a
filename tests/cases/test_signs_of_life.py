"""c03, c13: who buys what can't be read, or pays with a gift card, has not stopped."""

import re
from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.cases.runs import (
    CONTROL,
    MANY,
    ONE,
    RULESETS,
    Run,
    dataset,
    disagreements,
    explained,
    later,
    names,
    replayed,
)
from tests.cases.world import (
    DAY,
    END,
    HOUR,
    Event,
    at,
    bad_contact,
    purchase,
    refund,
    shopping,
    stays,
    stops,
)

pytestmark = pytest.mark.slow

NEXT: Final = at("09-03 09:00")
"""When who goes on buying buys next."""
FREE: Final[Event] = {"amount": "0.00"}
EUROS: Final[Event] = {"currency": "EUR"}


def since_then(*changes: Event, until: int = END, every: float = 3.5) -> list[Event]:
    """Return who buys on after the contact, with purchases changed in turn."""
    bought = shopping(until, since=NEXT, every=every)
    return [*stops(), *(one | changes[number % len(changes)] for number, one in enumerate(bought))]


def once(*moments: int, **changes: object) -> list[Event]:
    """Return who stops, but for a few odd purchases."""
    return [*stops(), *(purchase(when) | changes for when in moments)]


UNREADABLE: Final[dict[str, Event]] = {
    "euros without a rate": EUROS,
    "a rate of 0": EUROS | {"exchange_rate": "0"},
    "a comma for thousands": {"amount": "1,210.00"},
    "a number": {"amount": 210},
    "an amount below 0": {"amount": "-210.00"},
    "no amount": {"amount": None},
    "no currency": {"currency": None},
    "a field of their own": {"loyalty_points": 21},
    "no id": {"event_id": None},
    "nothing in euros either": EUROS | FREE,
}
"""What is refused of a purchase while it can be told who bought and when."""

NOT_TOLD: Final[dict[str, list[Event]]] = {
    "who": since_then({"customer_id": 17}),
    "nobody": since_then({"customer_id": ""}),
    "when": since_then({"time": "2026-09-03T09:00:00"}),
    "that it is a purchase": since_then({"kind": "sale"}),
    "that it is no refund": [*stops(), *(refund(NEXT + day * DAY, "20.00", **EUROS) for day in range(9))],
}
"""What of a refused line can't be told, so that it says nothing."""

VISITS: Final[dict[str, Event]] = {
    "a gift card": FREE,
    "less than a cent": {"amount": "0.004"},
    "in another currency": FREE | EUROS | {"exchange_rate": "1.1"},
    "less than a cent converted": {"amount": "5", "currency": "VND", "exchange_rate": "0.00003925"},
}

SEEN: Final[dict[str, list[Event]]] = {
    **{f"refused, {name}": since_then(change) for name, change in UNREADABLE.items()},
    **{f"visit, {name}": since_then(change) for name, change in VISITS.items()},
    "dollars and euros by turns": since_then({}, EUROS),
    "free and refused by turns": since_then(FREE, EUROS),
    "every other order is free, ever": [
        *(one | (FREE if number % 2 else {}) for number, one in enumerate(shopping(END, amount="420.00"))),
        bad_contact(),
    ],
    "refused, a week apart": since_then(EUROS, every=6),
}
"""Who goes on buying, as a person would say."""

GONE: Final[dict[str, tuple[list[Event], int, int]]] = {
    "one free": (once(NEXT, amount="0.00"), 1, 0),
    "one refused": (once(NEXT, **EUROS), 0, 1),
    "one free, one refused": ([*once(NEXT, amount="0.00"), purchase(at("09-06 21:00"), **EUROS)], 1, 1),
    "euros for a week": (since_then(EUROS, until=at("09-08")), 0, 2),
}
"""Who stops later, with the hours of orders of 0.00 and of refused purchases since the contact."""

AS_EVER: Final[dict[str, list[Event]]] = {
    "free before the contact": [*stops(), *(purchase(at(f"08-{day}"), "0.00") for day in (20, 27, 31))],
    "refused before the contact": [*stops(), *(purchase(at(f"08-{day}"), **EUROS) for day in (20, 27))],
    "a refund of 0.00": [*stops(), refund(NEXT, "0.00", at("08-30"))],
    **{f"nobody can tell {name}": events for name, events in NOT_TOLD.items()},
}
"""Who stops, and nothing tells otherwise."""

PEOPLE: Final = {
    **SEEN,
    **{f"gone, {name}": events for name, (events, _, _) in GONE.items()},
    **AS_EVER,
    "control": stops(),
    "stays": stays(),
}


@pytest.fixture(name="there", scope="module")
def there_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write all of them."""
    return dataset(PEOPLE, 300).write(tmp_path_factory.mktemp("life") / "here")


@pytest.fixture(name="seen", scope="module")
def seen_fixture(there: Path) -> Run:
    """Replay all of them at once."""
    return replayed(there, *MANY)


@pytest.mark.parametrize("name", names(SEEN))
def test_who_is_seen_to_buy_is_no_alert_whatever_could_be_read_of_it(seen: Run, name: str) -> None:
    assert seen.of(name) == []


@pytest.mark.parametrize("name", names(AS_EVER))
def test_who_stops_is_an_alert_if_nothing_tells_that_they_bought(seen: Run, name: str) -> None:
    assert seen.levels(name) == CONTROL[None]


@pytest.mark.parametrize("name", names(GONE))
def test_who_stops_later_is_found_later_and_told_what_was_seen(seen: Run, name: str) -> None:
    _, free, refused = GONE[name]
    last = seen.of(f"gone, {name}")[-1]
    assert later(seen.levels(f"gone, {name}"), CONTROL[None])
    assert (last["visits_since"], last["unread_since"], last["spend_since"]) == (free, refused, "0.00")
    assert not free or f"{free} order{'s' * (free > 1)} of 0.00" in last["summary"]
    assert not refused or f"{refused} purchase{'s' * (refused > 1)} that could not be read" in last["summary"]


@pytest.mark.parametrize("name", names(PEOPLE))
def test_the_words_agree_with_the_figures(seen: Run, name: str) -> None:
    assert [said for one in seen.of(name) for said in disagreements(one)] == []


@pytest.mark.parametrize("name", ["refused, euros without a rate", "gone, one refused"])
def test_explain_tells_of_purchases_that_could_not_be_read(there: Path, name: str) -> None:
    assert re.search(r"purchases? since (was|were) (refused|unread)", explained(there, name))


def test_no_level_is_raised_in_the_day_after_a_refused_purchase(tmp_path: Path) -> None:
    """Without it the level would be due one, 23 and 24 hours later."""
    due = (at("09-06 04:00"), at("09-14 16:00"))
    refused = {
        f"c{moment}": moment for one in due for moment in (one - hours * HOUR for hours in (1, 23, 24))
    }
    people = {who: once(moment, **EUROS) for who, moment in refused.items()}
    seen = replayed(dataset(people, 60).write(tmp_path / "here"), *ONE)
    raised = {
        (who, at(f"{one['time'][5:10]} {one['time'][11:16]}")) for who in people for one in seen.of(who)
    }
    assert {who for who, _ in raised} == set(people)
    assert not [who for who, moment in raised if refused[who] < moment < refused[who] + DAY]


@pytest.mark.parametrize("ruleset", RULESETS)
def test_orders_of_nothing_are_never_refused(tmp_path: Path, ruleset: str | None) -> None:
    """The older rulesets make nothing of them, as ever."""
    people = {name: since_then(change) for name, change in VISITS.items()} | {"control": stops()}
    seen = replayed(dataset(people, 120).write(tmp_path / "here"), ruleset=ruleset)
    expected = {} if ruleset is None else CONTROL[ruleset]
    assert seen.letters == []
    assert {name: seen.levels(name) for name in VISITS} == dict.fromkeys(VISITS, expected)
    assert seen.levels("control") == CONTROL[ruleset]


@pytest.mark.parametrize("share", [0.12, 0.5])
def test_many_orders_of_nothing_change_nothing_for_others(tmp_path: Path, share: float) -> None:
    world, random = dataset({"control": stops(), "stays": stays()}, 150), Random(7)
    for number in range(150):
        free = [one for one in shopping(END, every=5, amount="0.00") if random.random() < share]
        world.add(f"crowd-{number}", free)
    seen = replayed(world.write(tmp_path / "here"))
    assert (seen.code, seen.letters) == (0, [])
    assert (seen.levels("control"), seen.levels("stays")) == (CONTROL[None], {})
    assert {one["customer_id"] for one in seen.alerts} == {"control"}
