"""c02b: a plan is changed. Most shops end one subscription for it and begin another within seconds."""

from pathlib import Path
from typing import Final

import pytest

from tests.cases.runs import CONTROL, MANY, Run, alert_of, disagreements, names, replayed, soon_after, town
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
    refund,
    stays,
    stops,
    subscriber,
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
    "another plan, of a subscriber": subscriber(cancelled(LEFT), charge(LEFT + 3 * SECOND, "1200.00")),
    "a dearer plan": subscriber(changed(LEFT, "1200.00", "900.00")),
    "the same price": subscriber(changed(LEFT, "900.00", "900.00")),
    "a little less": subscriber(changed(LEFT, "850.00", "900.00")),
    "a fifth less": subscriber(changed(LEFT, "720.00", "900.00")),
    "another plan, nobody knows the old price": subscriber(changed(LEFT, "400.00")),
    "half, a month before": subscriber(changed(at("08-01"), "450.00", "900.00")),
}

PAYS_LESS: Final[dict[str, tuple[list[Event], str]]] = {
    "a quarter less": (subscriber(changed(LEFT, "675.00", "900.00")), "watch"),
    "half": (subscriber(changed(LEFT, "450.00", "900.00")), "watch"),
    "half, in the call": (subscriber(changed(ANCHOR - MINUTE, "450.00", "900.00")), "watch"),
    "two fifths left": (subscriber(changed(LEFT, "360.00", "900.00")), "watch"),
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
    return replayed(town(PLANS, 300).write(tmp_path_factory.mktemp("plans") / "here"), *MANY)


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
        town({"c": [*stops(), changed(LEFT, "0.00", "900.00")]}, 120).write(tmp_path / "here"),
        ruleset=ruleset,
    )
    assert (seen.levels("c"), seen.letters) == (CONTROL[ruleset], [])
