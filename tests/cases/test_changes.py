"""c02b, c21: a plan is changed, or an order.

For another plan most shops end one subscription and begin another within seconds.
"""

from pathlib import Path
from typing import Final

import pytest

from tests.cases.runs import (
    CONTROL,
    MANY,
    ONE,
    Levels,
    Run,
    alert_of,
    dataset,
    disagreements,
    names,
    replayed,
    soon_after,
)
from tests.cases.world import (
    ANCHOR,
    DAY,
    MINUTE,
    SECOND,
    Event,
    at,
    cancelled,
    changed,
    charge,
    purchase,
    refund,
    stamp,
    stays,
    stops,
    subscriber,
    transaction,
)

LEFT: Final = at("09-03 12:00")

CHANGES_NOTHING: Final = {
    "charge, two seconds after": [*stays(), cancelled(LEFT), charge(LEFT + 2 * SECOND)],
    "charge, two seconds before": [*stays(), charge(LEFT - 2 * SECOND), cancelled(LEFT)],
    "charge, at once": [*stays(), charge(LEFT), cancelled(LEFT)],
    "charge in five minutes": [*stays(), cancelled(LEFT), charge(LEFT + 300 * SECOND)],
    "charge, within the hour of the call": [
        *stays(),
        cancelled(ANCHOR + 60 * SECOND),
        charge(ANCHOR + 61 * SECOND),
    ],
    "change within seconds": [*stays(), cancelled(LEFT), changed(LEFT + SECOND, "1200.00", "900.00")],
    "change before, within seconds": [*stays(), changed(LEFT - SECOND, "1200.00", "900.00"), cancelled(LEFT)],
    "charge, and the rest of the month back": [
        *stays(),
        cancelled(LEFT),
        refund(LEFT + SECOND, "410.00", source="billing"),
        charge(LEFT + 2 * SECOND, "1200.00"),
    ],
    "charge, in the call": subscriber(cancelled(ANCHOR - 60 * SECOND), charge(ANCHOR - 50 * SECOND)),
    "a dearer plan": subscriber(changed(LEFT, "1200.00", "900.00")),
    "a fifth less": subscriber(changed(LEFT, "720.00", "900.00")),
    "another plan, nobody knows the old price": subscriber(changed(LEFT, "400.00")),
    "half, a month before": subscriber(changed(at("08-01"), "450.00", "900.00")),
}

PAYS_LESS: Final[dict[str, tuple[list[Event], str]]] = {
    "a quarter less": (subscriber(changed(LEFT, "675.00", "900.00")), "watch"),
    "half": (subscriber(changed(LEFT, "450.00", "900.00")), "watch"),
    "half, in the call": (subscriber(changed(ANCHOR - MINUTE, "450.00", "900.00")), "watch"),
    "a third left": (subscriber(changed(LEFT, "300.00", "900.00")), "alert"),
    "a third left, in two steps": (
        subscriber(changed(LEFT, "600.00", "900.00"), changed(LEFT + DAY, "300.00", "600.00")),
        "alert",
    ),
}
"""Who pays less, and what it comes to."""

PLANS: Final = {
    **{f"not, {name}": events for name, events in CHANGES_NOTHING.items()},
    **{f"less, {name}": events for name, (events, _) in PAYS_LESS.items()},
    "301 seconds": [*stays(), cancelled(LEFT), charge(LEFT + 301 * SECOND)],
}


@pytest.fixture(name="seen", scope="module")
def seen_fixture(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Replay all of them at once."""
    return replayed(dataset(PLANS, 300).write(tmp_path_factory.mktemp("plans") / "here"), *MANY)


@pytest.mark.parametrize("name", names(CHANGES_NOTHING))
def test_a_change_of_plan_is_no_end_of_a_subscription(seen: Run, name: str) -> None:
    assert seen.of(f"not, {name}") == []


def test_a_charge_after_more_than_five_minutes_is_another_subscription(seen: Run) -> None:
    assert soon_after(alert_of(seen, "301 seconds")["time"], LEFT)


@pytest.mark.parametrize("name", names(PAYS_LESS))
def test_who_pays_less_is_the_likelier_to_leave_the_less_they_pay(seen: Run, name: str) -> None:
    found = seen.of(f"less, {name}")
    assert found[-1]["level"] == PAYS_LESS[name][1]
    assert "subscription_reduced" in {reason["signal"] for reason in found[-1]["reasons"]}


@pytest.mark.parametrize("name", names(PLANS))
def test_the_words_agree_with_the_figures(seen: Run, name: str) -> None:
    assert [said for one in seen.of(name) for said in disagreements(one)] == []


@pytest.mark.parametrize("ruleset", ["1", "2"])
def test_older_rulesets_take_a_change_for_nothing(tmp_path: Path, ruleset: str) -> None:
    """The kind is new; they decide as they always did."""
    seen = replayed(
        dataset({"c": [*stops(), changed(LEFT, "0.00", "900.00")]}, 120).write(tmp_path / "here"),
        ruleset=ruleset,
    )
    assert (seen.levels("c"), seen.letters) == (CONTROL[ruleset], [])


def corrected(amount: str, before: str, when: int, bought: int, **fields: object) -> Event:
    """Return the correction of a purchase."""
    dated = {"previous_amount": before, "original_time": stamp(bought)}
    return transaction("correction", when, amount, **{**dated, **fields})


SINCE: Final = at("09-02")
MISTYPED: Final = purchase(at("08-20"), "21000.00", event_id="big")
CORRECTED: Final[dict[str, tuple[list[Event], Levels | None]]] = {
    "a mistyped order": (
        [*stops(), MISTYPED, corrected("0.00", "21000.00", at("08-21"), at("08-20"), corrects="big")],
        CONTROL[None],
    ),
    "under the id of the order": (
        [*stops(), MISTYPED, corrected("0.00", "21000.00", at("08-21"), at("08-20"), event_id="big")],
        CONTROL[None],
    ),
    "sent twice": (
        [*stops(), MISTYPED, *[corrected("0.00", "21000.00", at("08-21"), at("08-20"), event_id="x")] * 2],
        CONTROL[None],
    ),
    "an order called off": (
        [*stops(), purchase(SINCE, "900.00"), corrected("0.00", "900.00", SINCE + DAY // 48, SINCE)],
        CONTROL[None],
    ),
    "of before the feed": (
        [*stops(since=at("05-01")), corrected("5.00", "900.00", at("06-01"), at("03-01"))],
        CONTROL[None],
    ),
    "in another currency": (
        [
            *stops(),
            MISTYPED,
            corrected("0", "10500", at("08-21"), at("08-20"), currency="EUR", exchange_rate="2"),
        ],
        CONTROL[None],
    ),
    "an order that grew": (
        [*stops(), purchase(SINCE, "5.00"), corrected("900.00", "5.00", SINCE + DAY, SINCE)],
        None,
    ),
    "an order that shrank, of who stays": ([*stays(), corrected("1.00", "210.00", SINCE, at("08-30"))], {}),
}
"""What a correction makes of it; None for a watch later than without."""


@pytest.fixture(name="edited", scope="module")
def edited_fixture(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Replay all who had an order corrected."""
    people = {name: events for name, (events, _) in CORRECTED.items()}
    return replayed(dataset(people).write(tmp_path_factory.mktemp("edited") / "here"))


@pytest.mark.parametrize("name", names(CORRECTED))
def test_a_correction_makes_of_an_order_what_it_comes_to_now(edited: Run, name: str) -> None:
    expected = CORRECTED[name][1]
    if expected is None:
        assert edited.levels(name)["watch"] > CONTROL[None]["watch"]
        assert {one["spend_since"] for one in edited.of(name)} == {"900.00"}
    else:
        assert edited.levels(name) == expected
    assert {one["usual_spend_per_day"] for one in edited.of(name)} <= {"60.00"}
    assert [said for one in edited.of(name) for said in disagreements(one)] == []


def test_a_correction_says_what_was_bought_when_for_how_much_before(tmp_path: Path) -> None:
    lacks: list[Event] = [{"previous_amount": None}, {"original_time": None}, {"amount": None}]
    wrong = [*lacks, {"original_time": stamp(SINCE + 1)}]
    people = {
        f"c{n}": [*stops(), corrected("9.00", "5.00", SINCE, SINCE) | one] for n, one in enumerate(wrong)
    }
    seen = replayed(dataset(people, 60).write(tmp_path / "here"), *ONE)
    assert len(seen.letters) == len(wrong)
    assert [seen.levels(who) for who in people] == [CONTROL[None]] * len(wrong)
