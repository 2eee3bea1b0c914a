"""That the design holds: each bad contact is one alert, whose disposition ends it, for a year and longer."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from streams.core.ruleset import DEFAULT
from streams.crm.wire import Result
from tests.crm.canary.chain import Chain

ONCE = (("raised", "watch", None), ("resolved", "watch", "closed"))
RETURNED = (("raised", "watch", None), ("resolved", "watch", "returned"))
DAY_SECONDS = 86_400


def stories(chain: Chain) -> list[tuple[tuple[str, str, str | None], ...]]:
    """Return what was written, from each time that the alert was raised until the next."""
    found: list[list[tuple[str, str, str | None]]] = []
    for number, one in enumerate(chain.alerts, 1):
        assert one.revision == number
        if one.state == "raised":
            found.append([])
        found[-1].append((one.state, one.level, one.resolution))
    return [tuple(one) for one in found]


@pytest.mark.parametrize(
    ("hours", "days"),
    [(0.25, 3), (6, 30), *(pytest.param(hours, 365, marks=pytest.mark.slow) for hours in (4, 6, 24))],
)
def test_each_contact_is_one_alert_that_its_disposition_ends(hours: float, days: int) -> None:
    chain = Chain(hours)
    asyncio.run(chain.run(days))
    turns = int(days * 24 / hours)
    assert chain.written == {"contacts": turns, "transactions": 2 * days - 1}
    assert stories(chain) == [ONCE] * turns
    assert chain.rounds_done == turns
    assert chain.round.age_seconds(chain.now) < hours * 3600
    # What is kept, and told, does not grow with the rounds.
    assert len(chain.alerts[-2].reasons) == len(chain.alerts[0].reasons) < 10
    assert {one.counters.contacts_30d for one in chain.alerts} == {1}


def test_a_day_without_bridge_costs_its_turns_and_no_more() -> None:
    chain = Chain(6)

    async def story() -> None:
        await chain.run(10)
        chain.bridge_is_up = False
        await chain.run(1)
        assert (len(stories(chain)), chain.rounds_done) == (41, 40)  # its own contacts raise nothing more
        assert chain.round.age_seconds(chain.now) > DAY_SECONDS
        chain.bridge_is_up = True
        await chain.run(10)

    asyncio.run(story())
    assert chain.written["contacts"] == 84
    assert stories(chain) == [ONCE] * 80
    assert chain.rounds_done == 80


@pytest.mark.parametrize("loses", ["messages", "dispositions"])
def test_cases_that_end_by_themselves_are_no_rounds(loses: str) -> None:
    """For two months nothing gets through: the customer buys, so alerts return, and new ones come."""
    chain = Chain(6)

    async def story() -> None:
        await chain.run(2)
        chain.bridge_is_up = loses != "messages"
        chain.result = Result.RETRY if loses == "dispositions" else Result.DELIVERED
        await chain.run(60)
        assert stories(chain).count(RETURNED) >= 3
        assert chain.rounds_done == 8
        assert round(chain.round.age_seconds(chain.now) / DAY_SECONDS) == 60
        chain.bridge_is_up, chain.result = True, Result.DELIVERED
        await chain.run(2)

    asyncio.run(story())
    assert chain.rounds_done >= 8 + 7
    assert chain.round.age_seconds(chain.now) < DAY_SECONDS / 4


def test_a_restart_repeats_nothing() -> None:
    chain = Chain(6)

    async def story() -> None:
        for _ in range(24):
            await chain.run(5 / 24)
            chain.begin()

    asyncio.run(story())
    assert stories(chain) == [ONCE] * 20
    assert chain.written["contacts"] > 20


def test_another_length_of_turns_goes_on_with_the_next() -> None:
    chain = Chain(24)

    async def story() -> None:
        for hours in (24, 4, 720, 6):
            chain.hours = hours
            chain.begin()
            before = len(stories(chain))
            await chain.run(31)
            assert len(stories(chain)) > before
            assert stories(chain)[-1] == ONCE

    asyncio.run(story())


def test_where_nobody_buys_the_canary_does_not_either() -> None:
    """Else a worker, whom a quiet feed alone tells that it is broken, would take all others for silent."""
    chain = Chain(6)

    async def story() -> None:
        await chain.run(3)
        assert chain.written["transactions"] == 5
        chain.others_buy = False
        await chain.run(10)
        assert chain.written["transactions"] == 5
        chain.others_buy = True
        await chain.run(3)
        assert chain.written["transactions"] == 11

    asyncio.run(story())


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome_unresolved": 0.5, "outcome_worst_score": 0.5, "transfer_further": 0.15, "hung_up_on": 0.2},
        {"settle_hours": 24},
        {"holdout_share": 0.9, "holdout_salt": "a trial"},
        {"silent": True},
    ],
    ids=["small weights", "nightly feed", "trial", "silent rule"],
)
def test_other_rules_make_no_difference(changes: dict[str, Any]) -> None:
    chain = Chain(6, replace(DEFAULT, **changes))
    asyncio.run(chain.run(40))
    assert stories(chain) == [ONCE] * 160
    assert {one.arm for one in chain.alerts} == {"treated"}
