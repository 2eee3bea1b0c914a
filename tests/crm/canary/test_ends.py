"""Its two ends, one by one: who they are, when they buy, what the desk answers, what is measured."""

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest
from aiohttp import web
from prometheus_client import generate_latest

from schemas.contact import Contact
from schemas.partitioner import partition_of
from schemas.times import format_ms
from schemas.topics import Topic
from schemas.transaction import Transaction
from streams.core.alerts.arm import arm
from streams.core.ruleset import DEFAULT
from streams.core.time import DAY_MS, HOUR_MS
from streams.crm.canary.customers import Canary, canaries, history, unfit
from streams.crm.canary.desk import Desk
from streams.crm.canary.rounds import rounds
from streams.crm.canary.shop import act
from streams.crm.payload.examples import alert, case
from streams.crm.wire import Kind, Result
from streams.runtime.telemetry.bridge_metrics import CanaryMetrics
from tests.crm.canary.chain import PREFIX, SECRETS, START, FakeBridge, FakeRequest, one_round, told

# Who they are


def test_there_is_one_in_each_partition_always_the_same() -> None:
    found = canaries(PREFIX, 12, "murmur2", DEFAULT)
    assert [one.partition for one in found] == list(range(12))
    assert [partition_of(one.customer_id, 12, "murmur2") for one in found] == list(range(12))
    assert {one.customer_id.removeprefix(PREFIX).isdecimal() for one in found} == {True}
    assert found == canaries(PREFIX, 12, "murmur2", DEFAULT)


def test_none_is_held_out_and_a_trial_that_grows_changes_none() -> None:
    shares = [replace(DEFAULT, holdout_share=share, holdout_salt="spring") for share in (0.0, 0.1, 0.5)]
    chosen = [canaries(PREFIX, 50, "murmur2", rules) for rules in shares]
    assert chosen[0] == chosen[1] == chosen[2]
    most = replace(shares[0], holdout_share=0.95)
    assert {arm(one.customer_id, most) for one in canaries(PREFIX, 5, "murmur2", most)} == {"treated"}


def test_rules_under_which_nothing_would_come_are_refused() -> None:
    assert unfit(DEFAULT) is None
    assert "frustration_cap" in (unfit(replace(DEFAULT, frustration_cap=2.9)) or "")
    assert "frustration_cap" in (unfit(replace(DEFAULT, prior_probability=0.04)) or "")
    assert "holdout_share" in (unfit(replace(DEFAULT, holdout_share=1.0)) or "")


def test_what_they_do_is_by_the_contract_and_the_same_however_often() -> None:
    one = Canary(f"{PREFIX}0", 0)
    bought = [one.purchase(START + at, "1000.00", "EUR") for at in (0, 5 * HOUR_MS)]
    called = [one.contact(START + at, START) for at in (0, 5 * HOUR_MS)]
    for event in bought:
        Transaction.model_validate_json(json.dumps(event))
    for event in called:
        Contact.model_validate_json(json.dumps(event))
    later = one.contact(START + DAY_MS, START + DAY_MS)
    tomorrow = one.purchase(START + DAY_MS, "1000.00", "EUR")
    assert bought[0]["event_id"] == bought[1]["event_id"] != tomorrow["event_id"]
    assert called[0]["event_id"] == called[1]["event_id"] != later["event_id"]
    assert called[0]["contact_id"] == later["contact_id"]
    assert called[0]["version"] < later["version"]


def test_the_history_is_two_purchases_a_day_oldest_first() -> None:
    both = [Canary("a", 0), Canary("b", 1)]
    events = list(history(both, START, 100, "7.00", "USD"))
    assert len({event["event_id"] for event in events}) == len(events) == 400
    assert {event["amount"] for event in events} == {"3.50"}
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    today = both[0].purchase(START, "7.00", "USD")
    assert today["event_id"] not in {event["event_id"] for event in events}


# When they act


class FakeFeed:
    """Where events go; `end` is where each partition's purchases end, a write raises where `fails`."""

    def __init__(self) -> None:
        self.end, self.fails = 100, False
        self.events: list[tuple[str, dict[str, Any]]] = []

    async def ends(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Return where the purchases end."""
        return dict.fromkeys(partitions, self.end)

    async def write(self, topic: Topic, canary: Canary, event: Mapping[str, Any]) -> int:
        """Keep an event."""
        if self.fails:
            raise TimeoutError
        assert event["customer_id"] == canary.customer_id
        self.events.append((topic.name, dict(event)))
        self.end += topic.name == "transactions"
        return self.end - 1


def test_they_take_turns_evenly_and_each_has_one_contact_a_turn() -> None:
    customers = canaries(PREFIX, 4, "murmur2", DEFAULT)
    several, feed = rounds(customers, START, 8 * HOUR_MS), FakeFeed()
    times: dict[str, list[int]] = {one.customer_id: [] for one in customers}

    async def story() -> None:
        for minute in range(24 * 60):
            feed.events.clear()
            now = START + minute * 60_000
            await act(several.values(), feed, lambda now=now: now, spend="1.00", currency="USD")  # type: ignore[misc]
            for _, event in feed.events:
                times[event["customer_id"]].append(minute)

    asyncio.run(story())
    # The first at once; then every 8 hours, the next customer 2 hours before.
    assert list(times.values()) == [
        [0, 480, 960],
        [0, 360, 840, 1320],
        [0, 240, 720, 1200],
        [0, 120, 600, 1080],
    ]


def test_what_was_not_written_is_done_again_with_the_same_id() -> None:
    [one], feed = one_round().values(), FakeFeed()

    async def acts(at: int) -> None:
        await act([one], feed, lambda: at, spend="1.00", currency="USD")

    async def story() -> None:
        feed.fails = True
        for at in (0, 1):
            with pytest.raises(TimeoutError):
                await acts(START + at)
        feed.fails = False
        await acts(START + 2)
        await acts(START + 3)
        feed.end += 1  # somebody bought
        feed.fails = True
        with pytest.raises(TimeoutError):
            await acts(START + DAY_MS)
        feed.fails = False
        await acts(START + DAY_MS + 1)

    asyncio.run(story())
    assert [topic for topic, _ in feed.events] == ["contacts", "transactions", "contacts"]


def test_nobody_buys_in_the_first_half_day_or_where_nobody_else_did() -> None:
    """An earlier canary may have bought in it; a feed that is broken has to look like one."""
    [one], feed = one_round(720).values(), FakeFeed()
    bought = []

    async def story() -> None:
        for hours, others in enumerate([5, 0, 3, 0, 0, 2, 1, 0, 9]):
            feed.events.clear()
            feed.end += others
            at = START + hours * 6 * HOUR_MS
            await act([one], feed, lambda at=at: at, spend="1.00", currency="USD")  # type: ignore[misc]
            bought.append([topic for topic, _ in feed.events].count("transactions"))

    asyncio.run(story())
    assert bought == [0, 0, 1, 0, 0, 1, 1, 0, 1]


# What the desk answers


class Setting:
    """A desk with the round of one customer, and a bridge."""

    def __init__(self) -> None:
        self.now = START
        self.several = one_round()
        [self.round] = self.several.values()
        self.metrics, self.bridge = CanaryMetrics(), FakeBridge()
        self.metrics.age(0, lambda: self.round.age_seconds(self.now))
        self.desk = Desk(
            self.several,
            self.metrics,
            lambda headers, body: SECRETS.verify(headers, body, self.now / 1000),
            self.bridge,
            lambda: self.now,
        )

    def tell(self, kind: Kind, message_id: str = "a/1", **changes: Any) -> int:
        """Deliver a case, and return the status of the answer."""
        record = alert(customer_id=self.round.canary.customer_id, **changes)
        body = case(record, kind, None, account_id=None, others_of_account=0, canary=True).model_dump_json()
        return asyncio.run(told(self.desk, body.encode(), message_id, self.now))

    def shown(self, name: str) -> float:
        """Return a metric."""
        [line] = [
            one
            for one in generate_latest(self.metrics.registry).decode().splitlines()
            if one.startswith(name)
        ]
        return float(line.split()[-1])


CLOSED = {"state": "resolved", "resolution": "closed", "revision": 2, "event_id": "a/2"}


@pytest.mark.parametrize("kind", [Kind.CREATE, Kind.UPDATE, Kind.REFRESH])
def test_every_message_of_an_open_case_is_answered_with_its_disposition(kind: Kind) -> None:
    here = Setting()
    assert here.tell(kind, "a/1/now/3") == 204
    [(message_id, body)] = here.bridge.taken
    assert message_id == "canary-a/1/now/3"
    said = json.loads(body)
    assert said == {"alert_id": alert().alert_id, "status": "closed", "action": "canary"}  # no outcome
    assert here.shown("retention_canary_rounds_total") == 0


@pytest.mark.parametrize("result", [Result.RETRY, Result.REFUSED])
def test_a_message_is_not_delivered_until_the_bridge_has_the_disposition(result: Result) -> None:
    here = Setting()
    here.bridge.result = result
    assert here.tell(Kind.CREATE) == 503
    assert here.shown("retention_canary_alert_seconds_count") == 0
    here.bridge.result = Result.DELIVERED
    assert here.tell(Kind.CREATE) == 204
    assert len(here.bridge.taken) == here.shown("retention_canary_alert_seconds_count") == 1


def test_the_close_ends_the_round_once() -> None:
    here = Setting()
    here.now += 60_000
    assert here.shown("retention_canary_age_seconds") == 60
    here.tell(Kind.CREATE)
    here.now += 7_000
    for _ in range(2):
        assert here.tell(Kind.CLOSE, "a/2", **CLOSED) == 204
    here.now += 3_000
    assert here.shown("retention_canary_age_seconds") == 3
    assert here.shown("retention_canary_rounds_total") == 1
    assert here.shown("retention_canary_close_seconds_count") == 1
    assert here.shown("retention_canary_close_seconds_sum") == 7
    assert here.tell(Kind.CLOSE, "a/4", **CLOSED) == 204  # that of an earlier process's disposition
    assert here.shown("retention_canary_rounds_total") == 2
    assert here.shown("retention_canary_close_seconds_count") == 1


@pytest.mark.parametrize("resolution", ["returned", "expired", "erased"])
def test_a_case_that_ended_by_itself_is_no_round(resolution: str) -> None:
    here = Setting()
    here.tell(Kind.CREATE)
    here.now += 1_000
    assert here.tell(Kind.CLOSE, "a/2", **CLOSED | {"resolution": resolution}) == 204
    assert here.shown("retention_canary_rounds_total") == 0
    assert here.shown("retention_canary_age_seconds") == 1
    assert here.round.answered_ms is None


def test_the_delay_of_an_alert_is_from_its_contact_also_after_a_restart() -> None:
    here, anchor = Setting(), alert().anchor
    assert anchor is not None
    here.tell(Kind.CREATE, anchor=anchor.model_copy(update={"ended_at": format_ms(START - 10_000)}))
    here.tell(Kind.REFRESH, "a/1/now/1")
    assert here.shown("retention_canary_alert_seconds_count") == 1
    assert here.shown("retention_canary_alert_seconds_sum") == 10


def test_what_is_not_signed_or_not_ours_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    here = Setting()
    caplog.set_level("DEBUG")

    def sent(body: bytes) -> int:
        return asyncio.run(told(here.desk, body, "a/1", here.now))

    with pytest.raises(web.HTTPUnauthorized):
        asyncio.run(here.desk.receive(cast(web.Request, FakeRequest({}, b"{}"))))
    assert [sent(body) for body in (b"", b"[]", b'{"text":"a chat message"}')] == [422, 422, 422]
    other = case(alert(customer_id="c-1042"), Kind.CREATE, None)
    assert sent(other.model_dump_json().encode()) == 422
    assert here.bridge.taken == []
    assert "c-1042" not in caplog.text


def test_before_the_first_round_every_metric_is_a_number() -> None:
    here = Setting()
    text = generate_latest(here.metrics.registry).decode()
    own = [one for one in text.splitlines() if one.startswith("retention_canary_")]
    assert 'retention_canary_rounds_total{partition="0"} 0.0' in own
    assert 'retention_canary_age_seconds{partition="0"} 0.0' in own
    assert "nan" not in "".join(own).lower()
    here.now -= 5_000  # a clock that is set back
    assert here.shown("retention_canary_age_seconds") == 0
