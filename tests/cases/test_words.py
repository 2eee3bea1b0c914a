"""The words of every alert agree with its figures, whatever a customer did."""

from random import Random
from typing import Any

import pytest

from tests.cases.runs import MANY, dataset, disagreements, replayed
from tests.cases.world import (
    ANCHOR,
    DAY,
    END,
    FIRST,
    Event,
    bad_contact,
    cancelled,
    changed,
    charge,
    purchase,
    refund,
    shopping,
)


def odd_customer(random: Random) -> list[Event]:
    """Return who buys until some time after the contact, and does a few odd things."""
    until = ANCHOR + int(random.choice([0, 0, 0, 5, 20]) * DAY)
    odd = [_odd(random) for _ in range(random.randint(0, 5))]
    back = shopping(END, since=ANCHOR + 30 * DAY) if random.random() < 0.3 else []
    return [*shopping(until, every=random.choice([1.5, 3.5, 6])), bad_contact(), *back, *odd]


def _odd(random: Random) -> Event:
    when = random.randrange(ANCHOR - 20 * DAY, END - DAY)
    amount = f"{random.randint(1, 200_000) / 100:.2f}"
    kinds: list[Event] = [
        refund(when, amount),
        refund(when, amount, random.randrange(FIRST, when)),
        purchase(when, "0.00"),
        purchase(when, amount, currency="EUR"),
        charge(when, amount),
        changed(when, "45.00", "90.00"),
        cancelled(when),
    ]
    return random.choice(kinds)


@pytest.mark.parametrize("seed", [1, 3])
def test_the_words_agree_with_the_figures(tmp_path: Any, seed: int) -> None:
    random = Random(seed)
    people = {f"odd {number}": odd_customer(random) for number in range(40)}
    seen = replayed(dataset(people, 300).write(tmp_path / "here"), *MANY)
    assert len(seen.alerts) > 20
    assert [said for one in seen.alerts for said in disagreements(one)] == []


GOOD: Event = {
    "summary": "The customer was left unresolved; since then 12.00 USD in 5 days, usually 60.00 USD a day.",
    "state": "raised",
    "level": "watch",
    "resolution": None,
    "reasons": [],
    "probability": 0.5,
    "log_odds": {"prior": -2.9444, "frustration": 2.075, "silence": 0.8694},
    "spend_since": "12.00",
    "days_since": 5.2,
    "days_usual_spend_since": 0.2,
    "usual_spend_per_day": "60.00",
    "value_at_risk": "2500.00",
}


def test_an_alert_that_agrees_is_found_to() -> None:
    assert disagreements(GOOD) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"spend_since": "0.00", "days_usual_spend_since": 0.0},
        {"days_since": 5.6},
        {"usual_spend_per_day": "61.00"},
        {"probability": 0.6},
        {"level": "alert"},
        {"days_usual_spend_since": 0.4},
        {"value_at_risk": "2800.00"},
        {"recurring_per_day": "1.00"},
        {"state": "resolved", "resolution": "returned", "probability": 0.9},
        {"summary": "Something happened."},
    ],
)
def test_an_alert_that_contradicts_itself_is_found_to(wrong: Event) -> None:
    assert disagreements(GOOD | wrong) != []
