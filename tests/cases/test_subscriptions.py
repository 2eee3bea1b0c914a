"""c02, c30: what is paid by subscription, and what ends it, before and after a bad contact."""

from typing import Final

import pytest

from tests.cases.runs import CONTROL, MANY, Run, alert_of, dataset, disagreements, names, replayed, soon_after
from tests.cases.world import (
    ANCHOR,
    DAY,
    FIRST,
    HOUR,
    MINUTE,
    at,
    bad_contact,
    cancelled,
    changed,
    charge,
    charges,
    contact,
    refund,
    shopping,
    stays,
    stops,
    subscriber,
)

LEFT: Final = at("09-03 12:00")
ENDED: Final = cancelled(LEFT)

ENDS_IT: Final = {
    "monthly": (subscriber(ENDED), LEFT),
    "monthly, until the end": ([*charges(until=LEFT), bad_contact(), ENDED], LEFT),
    "on the first of the month": (
        [*(charge(at(f"{month:02}-01 06:00")) for month in range(1, 10)), bad_contact(), ENDED],
        LEFT,
    ),
    "weekly": (subscriber(ENDED, every=7, amount="210.00"), LEFT),
    "quarterly": (subscriber(ENDED, every=90, amount="2700.00"), LEFT),
    "yearly": ([charge(at("01-15"), "10800.00"), bad_contact(), ENDED], LEFT),
    "in two contracts": (
        [*subscriber(ENDED, amount="500.00"), *charges(amount="400.00", since=FIRST + DAY)],
        LEFT,
    ),
    "for a complaint alone": ([*charges(), contact(complaint=True), ENDED], LEFT),
    "84 days old": ([*charges(28, since=ANCHOR - 84 * DAY), bad_contact(), ENDED], LEFT),
    "85 days old": ([*charges(28, since=ANCHOR - 85 * DAY), bad_contact(), ENDED], LEFT),
    "six weeks after": (subscriber(cancelled(at("10-14"))), at("10-14")),
    "with the last month given back": (subscriber(ENDED, refund(LEFT, "900.00", source="billing")), LEFT),
    "of somebody who also buys": ([*stays(), *charges(amount="90.00"), ENDED], LEFT),
    "twice": (subscriber(ENDED, cancelled(LEFT + DAY)), LEFT),
    "for the free plan": (subscriber(changed(LEFT, "0.00", "900.00")), LEFT),
    "in another currency": (
        [
            *(e | {"currency": "EUR", "exchange_rate": "1.1"} for e in charges(amount="820.00")),
            bad_contact(),
            ENDED,
        ],
        LEFT,
    ),
    "in the call": (subscriber(cancelled(ANCHOR - 2 * MINUTE)), ANCHOR),
    "in the call, shopping": ([*stops(), cancelled(ANCHOR - 2 * MINUTE)], ANCHOR),
    "as the call ends": (subscriber(cancelled(ANCHOR)), ANCHOR),
    "two minutes after the call": (subscriber(cancelled(ANCHOR + 2 * MINUTE)), ANCHOR + 2 * MINUTE),
    "days before the call": (subscriber(cancelled(at("08-27"))), ANCHOR),
    "almost seven days before": (subscriber(cancelled(ANCHOR - 7 * DAY + HOUR)), ANCHOR),
    "seven days before": (subscriber(cancelled(ANCHOR - 7 * DAY)), ANCHOR),
    "before the survey": (
        [
            *charges(),
            contact(),
            cancelled(at("09-02")),
            contact(ANCHOR, version=2, event_id="survey", csat=1) | {"time": "2026-09-06T09:00:00Z"},
        ],
        at("09-06 09:00"),
    ),
    "before it is known to be unresolved": (
        [
            *shopping(),
            contact(),
            cancelled(at("09-01 15:00")),
            bad_contact(ANCHOR, version=2, event_id="known") | {"time": "2026-09-03T10:00:00Z"},
        ],
        at("09-03 10:00"),
    ),
    "long before the survey": (
        [
            *charges(),
            contact(),
            cancelled(at("09-01 18:00")),
            contact(ANCHOR, version=2, event_id="survey", csat=1) | {"time": "2026-09-13T09:00:00Z"},
        ],
        at("09-13 09:00"),
    ),
}
"""Who ends a subscription near a bad contact, and when both are known."""

ENDS_NOTHING: Final = {
    "goes on paying": subscriber(),
    "paid little": [*charges(amount="9.99"), bad_contact(), ENDED],
    "without a bad contact": [*charges(), ENDED],
    "after a good contact": [*charges(), contact(resolution="resolved", csat=5), ENDED],
    "an hour more than seven days before": subscriber(cancelled(ANCHOR - 7 * DAY - HOUR)),
    "a month before": subscriber(cancelled(at("08-01"))),
    "83 days old": [*charges(28, since=ANCHOR - 83 * DAY), bad_contact(), ENDED],
}

SUBSCRIBERS: Final = {
    **{f"ends it, {name}": events for name, (events, _) in ENDS_IT.items()},
    **{f"not, {name}": events for name, events in ENDS_NOTHING.items()},
    "late line": subscriber(cancelled(ANCHOR - 2 * MINUTE, arrives=ANCHOR + HOUR)),
    "buys no more": [*stops(), *charges()],
}


@pytest.fixture(name="seen", scope="module")
def seen_fixture(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Replay all of them at once."""
    return replayed(dataset(SUBSCRIBERS, 300).write(tmp_path_factory.mktemp("subscriptions") / "here"), *MANY)


@pytest.mark.parametrize("name", names(ENDS_IT))
def test_who_ends_a_subscription_near_a_bad_contact_is_an_alert_at_once(seen: Run, name: str) -> None:
    found = alert_of(seen, f"ends it, {name}")
    assert soon_after(found["time"], ENDS_IT[name][1]), found["time"]
    assert float(found["value_at_risk"]) > 0


@pytest.mark.parametrize("name", names(set(ENDS_IT) - {"for the free plan"}))
def test_the_reasons_name_the_end_of_the_subscription(seen: Run, name: str) -> None:
    found = alert_of(seen, f"ends it, {name}")
    assert "subscription_cancelled" in {reason["signal"] for reason in found["reasons"]}


@pytest.mark.parametrize(
    "name", ["monthly", "on the first of the month", "weekly", "quarterly", "yearly", "in two contracts"]
)
def test_what_a_subscription_is_worth_is_told_and_at_risk(seen: Run, name: str) -> None:
    found = alert_of(seen, f"ends it, {name}")
    assert 24 <= float(found["recurring_per_day"]) <= 37
    assert float(found["value_at_risk"]) > 0.3 * 90 * 24
    assert f"and {found['recurring_per_day']} USD a day by subscription" in found["summary"]


@pytest.mark.parametrize("name", names(ENDS_NOTHING))
def test_what_ends_no_subscription_or_none_of_value_is_no_alert(seen: Run, name: str) -> None:
    assert seen.of(f"not, {name}") == []


def test_the_end_of_a_subscription_counts_also_if_its_line_comes_late(seen: Run) -> None:
    assert soon_after(alert_of(seen, "late line")["time"], ANCHOR, 70)


def test_autopay_is_no_sign_of_life(seen: Run) -> None:
    """Who buys no more is found when they would be without a subscription; both are at risk."""
    assert seen.levels("buys no more") == CONTROL[None]
    assert float(seen.of("buys no more")[-1]["value_at_risk"]) > 0.8 * 90 * (60 + 25)


@pytest.mark.parametrize("name", names(SUBSCRIBERS))
def test_the_words_agree_with_the_figures(seen: Run, name: str) -> None:
    assert [said for one in seen.of(name) for said in disagreements(one)] == []
