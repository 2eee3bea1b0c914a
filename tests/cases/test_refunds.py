"""c04, c05, c06: what is given back says nothing of when somebody came first, nor that they stay away."""

from typing import Any, Final

import pytest

from tests.cases.runs import CONTROL, MANY, RULESETS, Levels, Run, dataset, disagreements, names, replayed
from tests.cases.world import (
    ANCHOR,
    DAY,
    HOUR,
    Event,
    at,
    purchase,
    refund,
    shopping,
    stays,
    stops,
    transaction,
)

OPENED: Final = at("05-01 09:00")
"""The first purchase in the feed of those whose history is short."""


def short(*others: Event) -> list[Event]:
    """Return who buys from May on and stops, with what else happened."""
    return [*stops(since=OPENED), *others]


def given_back(original: int | None, amount: str = "15.00", when: str = "05-06 09:00", **as_: Any) -> Event:
    """Return a refund of something, in May."""
    return refund(at(when), amount, original, **as_)


BEFORE_THE_FEED: Final = {
    "ten days": short(given_back(OPENED - 10 * DAY)),
    "forty days": short(given_back(OPENED - 40 * DAY)),
    "a hundred days": short(given_back(OPENED - 100 * DAY)),
    "last year": short(given_back(OPENED - 223 * DAY)),
    "no date in the database": short(given_back(None) | {"original_time": "2000-01-01T00:00:00Z"}),
    "an hour before the first": short(given_back(OPENED - HOUR)),
    "the hour of the first": short(given_back(OPENED)),
    "an hour after the first": short(given_back(OPENED + HOUR)),
    "a chargeback": short(given_back(OPENED - 60 * DAY, kind="chargeback")),
    "more than all that was bought": short(given_back(OPENED - 60 * DAY, "9000.00")),
    "six of them": short(
        *(given_back(OPENED - back * DAY, when=f"0{5 + back % 3}-20") for back in range(1, 7))
    ),
    "given back before the first": short(given_back(OPENED - 30 * DAY, when="04-12")),
    "undated, before the first": short(given_back(None, when="04-12")),
    "undated, just after the first": short(given_back(None)),
    "on the day of the call": short(given_back(OPENED - 40 * DAY, when="09-01 11:00")),
    "during the silence": short(given_back(OPENED - 40 * DAY, when="09-04 11:00")),
    "its line comes a week late": short(given_back(OPENED - 40 * DAY) | {"arrives": at("05-13")}),
    "a free sample before": short(purchase(OPENED - 70 * DAY, "0.00")),
    "a fee before": short(transaction("fee", OPENED - 70 * DAY, "4.00")),
}
"""Of things bought before the first purchase that the feed knows of, unless the name says otherwise."""


def young(days: int) -> list[Event]:
    """Return who bought for so many days before the bad contact, and gave back something older."""
    since = ANCHOR - days * DAY
    return [*stops(since=since), refund(since + DAY, "15.00", since - 60 * DAY)]


BIG: Final = purchase(at("08-29"), "2500.00", order_id="o-big")

GOES_ON_BUYING: Final = {
    "an undated refund": [*stays(), BIG, refund(at("09-02"), "2500.00", order_id="o-big")],
    "an undated refund in the hour after": [*stays(), BIG, refund(at("09-01 13:01"), "2500.00")],
    "an undated refund two weeks on": [*stays(), BIG, refund(at("09-15"), "2500.00")],
    "an undated refund of something older than the feed": [*stays(), refund(at("09-03"), "1800.00")],
    "an undated chargeback": [*stays(), BIG, refund(at("09-02"), "2500.00", kind="chargeback")],
    "undated refunds every week": [
        *stays(),
        *(refund(at(f"09-{day:02}"), "600.00") for day in range(2, 30, 7)),
    ],
    "an undated refund in the month before": [*stays(), BIG, refund(at("08-31"), "2500.00")],
    "a dated refund": [*stays(), BIG, refund(at("09-02"), "2500.00", at("08-29"))],
    "a dated refund of something bought since": [
        *stays(),
        purchase(at("09-03"), "2500.00"),
        refund(at("09-10"), "2500.00", at("09-03")),
    ],
}

STOPS_AND_GIVES_BACK: Final = {
    "undated": [*stops(), refund(at("09-02"), "210.00")],
    "undated, more than ever": [*stops(), refund(at("09-02"), "21000.00")],
    "dated, of a week with much": [*stops(), BIG, refund(at("08-31"), "2500.00", at("08-29"))],
    "all bought since": [
        *stops(),
        purchase(at("09-02"), "80.00"),
        refund(at("09-02 15:00"), "80.00", at("09-02")),
    ],
}

COMES_BACK: Final = {
    "with undated refunds": [
        *stops(),
        *shopping(at("10-30"), since=at("10-01 09:00")),
        refund(at("09-25"), "2500.00"),
        refund(at("10-05"), "900.00"),
    ],
    "without": [*stops(), *shopping(at("10-30"), since=at("10-01 09:00"))],
}

WORLD: Final = {
    "control": short(),
    **BEFORE_THE_FEED,
    **{f"young {days}": young(days) for days in (83, 84, 85)},
    **GOES_ON_BUYING,
    **{f"stops, {name}": events for name, events in STOPS_AND_GIVES_BACK.items()},
    **{f"back, {name}": events for name, events in COMES_BACK.items()},
}


@pytest.fixture(name="seen", scope="module")
def seen_fixture(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Replay all of them at once."""
    return replayed(dataset(WORLD, 300).write(tmp_path_factory.mktemp("refunds") / "here"), *MANY)


@pytest.mark.parametrize("name", names(BEFORE_THE_FEED))
def test_what_is_given_back_never_lengthens_a_history(seen: Run, name: str) -> None:
    control, found = seen.of("control"), seen.of(name)
    assert seen.levels(name) == seen.levels("control") == CONTROL[None]
    assert [one["usual_spend_per_day"] for one in found] == [one["usual_spend_per_day"] for one in control]


@pytest.mark.parametrize(("days", "judged"), [(83, False), (84, True), (85, True)])
def test_what_is_given_back_makes_no_baseline(seen: Run, days: int, *, judged: bool) -> None:
    assert bool(seen.of(f"young {days}")) == judged


@pytest.mark.parametrize("name", names(GOES_ON_BUYING))
def test_who_goes_on_buying_is_never_an_alert_for_what_they_give_back(seen: Run, name: str) -> None:
    assert seen.of(name) == []


@pytest.mark.parametrize("name", names(STOPS_AND_GIVES_BACK))
def test_who_stops_is_an_alert_also_if_they_give_something_back(seen: Run, name: str) -> None:
    found = seen.of(f"stops, {name}")
    assert seen.levels(f"stops, {name}") == CONTROL[None]
    assert {(one["spend_since"], one["usual_spend_per_day"]) for one in found} == {("0.00", "60.00")}


@pytest.mark.parametrize("name", names(COMES_BACK))
def test_who_comes_back_is_said_to_with_what_they_bought(seen: Run, name: str) -> None:
    last = seen.of(f"back, {name}")[-1]
    assert (last["state"], last["resolution"]) == ("resolved", "returned")
    assert last["summary"].startswith("The customer came back: ")
    assert float(last["spend_since"]) >= 840


@pytest.mark.parametrize("name", names(WORLD))
def test_the_words_agree_with_the_figures(seen: Run, name: str) -> None:
    assert [said for one in seen.of(name) for said in disagreements(one)] == []


BOUGHT: Final = at("08-20")
MISDATED: Final[dict[str, tuple[int, bool]]] = {
    "a day before": (BOUGHT - DAY, True),
    "a ms before": (BOUGHT - 1, True),
    "at the same time": (BOUGHT, True),
    "a ms after": (BOUGHT + 1, False),
    "twelve days after": (BOUGHT + 12 * DAY, False),
}
"""When what is given back on 20 August was bought, and whether that can be."""


def misdated(kind: str) -> dict[str, list[Event]]:
    """Return who stops, and gave back something that was bought at odd times."""
    return {
        name: [*stops(), refund(BOUGHT, "10.00", original, kind=kind)]
        for name, (original, _) in MISDATED.items()
    }


@pytest.mark.parametrize("ruleset", RULESETS)
@pytest.mark.parametrize("kind", ["refund", "chargeback"])
def test_nothing_is_given_back_before_it_was_bought(tmp_path: Any, kind: str, ruleset: str | None) -> None:
    seen = replayed(dataset(misdated(kind), 120).write(tmp_path / "here"), ruleset=ruleset)
    refused = [name for name, (_, can_be) in MISDATED.items() if not can_be]
    assert len(seen.letters) == len(refused)
    assert all(said.startswith("schema: ") and "original_time" in said for said in seen.refused())
    expected: Levels = CONTROL[ruleset]
    assert {name: seen.levels(name) for name in MISDATED} == dict.fromkeys(MISDATED, expected)
