"""What the peers must find, and that the programs in Python count so: however the topics interleave."""

import random
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from bench.peers.data.history import DAY_MS, START_MS, History, Record, Shape, contacts, draw, transactions
from bench.peers.data.truth import WAIT_MS, Alert, alerts, checksum, truth
from bench.peers.programs.shared.episodes import Order, event_of, new_state, step, time_of
from schemas.events import Contact, Tick, Transaction
from schemas.hot import Decoder
from schemas.times import parse_ms

BAD, GOOD = 1, 0
"""Indices of the resolutions."""


def made(purchases: list[tuple[int, int]], contacted: list[tuple[int, int]], days: int = 60) -> History:
    """Return a history of one customer: purchases (ms after the start, cents), contacts (ms, resolution)."""
    bought = np.array(purchases, dtype=np.int64).reshape(-1, 2)
    seen = np.array(contacted, dtype=np.int64).reshape(-1, 2)
    return History(
        Shape(len(bought), customers=1, days=days),
        START_MS + bought[:, 0],
        np.zeros(len(bought), dtype=np.int64),
        bought[:, 1],
        START_MS + seen[:, 0],
        np.zeros(len(seen), dtype=np.int64),
        seen[:, 1],
    )


@pytest.mark.parametrize(
    ("purchases", "contacted", "wanted"),
    [
        ([(0, 500)], [(1, BAD)], [(1, 500)]),
        ([(0, 500)], [(1, GOOD)], []),
        ([(2, 500)], [(1, BAD)], []),  # had not bought before
        ([(0, 500), (WAIT_MS, 7)], [(1, BAD)], []),  # came back on the last day
        ([(0, 500), (WAIT_MS + 2, 7)], [(1, BAD)], [(1, 500)]),  # 1 ms too late
        ([(0, 500)], [(1, BAD), (3, BAD)], [(1, 500)]),  # the second finds an episode open
        ([(0, 500)], [(1, BAD), (WAIT_MS + 1, BAD)], [(1, 500)]),  # still
        ([(0, 500)], [(1, BAD), (WAIT_MS + 3, BAD)], [(1, 500), (WAIT_MS + 3, 500)]),
        ([(0, 500), (4, 7)], [(1, BAD), (5, BAD)], [(5, 507)]),  # closed by the purchase between
        ([(0, 500)], [(60 * DAY_MS - WAIT_MS - 1, BAD)], [(60 * DAY_MS - WAIT_MS - 1, 500)]),
        ([(0, 500)], [(60 * DAY_MS - WAIT_MS + 1, BAD)], []),  # open at the end
    ],
)
def test_an_alert_is_a_bad_contact_after_which_nothing_is_bought(
    purchases: list[tuple[int, int]], contacted: list[tuple[int, int]], wanted: list[tuple[int, int]]
) -> None:
    history = made(purchases, contacted)
    expected = [Alert("s0000000", START_MS + time, cents) for time, cents in wanted]
    assert list(alerts(history)) == expected
    assert sorted(counted(history, random.Random(1))[1]) == expected


@pytest.mark.parametrize("seed", range(12))
def test_programs_count_so_however_the_topics_interleave(seed: int) -> None:
    shape = Shape(1_000, customers=300, days=60, seed=seed)
    many = draw(replace(shape, purchases=40_000))  # so many have more contacts
    history = replace(
        draw(shape),
        contact_times=many.contact_times,
        contact_customers=many.contact_customers,
        resolutions=many.resolutions,
    )
    wanted = truth(history)
    states, found = counted(history, random.Random(seed))
    assert (len(found), checksum(found)) == (wanted.alerts, wanted.checksum)
    assert wanted.alerts > 10
    assert sum(cents for cents, _, _ in states.values()) == wanted.cents
    assert sum(bought for _, bought, _ in states.values()) == wanted.purchases
    assert len(states) == wanted.customers


def counted(history: History, rng: random.Random) -> tuple[dict[str, list[int]], list[Alert]]:
    """Do as the programs in Python do: states of those who bought, and alerts."""
    kept: dict[str, object] = {}
    order, states, found = Order(kept), dict[str, list[int]](), list[Alert]()
    topics = [list(transactions(history)), list(contacts(history))]
    at = [0, 0]
    while any(at[topic] < len(topics[topic]) for topic in (0, 1)):
        topic = rng.randrange(2)
        for record in topics[topic][at[topic] : at[topic] + rng.choice([1, 5, 200])]:
            at[topic] += 1
            value = msgspec.json.decode(record.value)
            if rng.random() < 0.01:
                order = again(order, kept)
            for event in order.take(topic, time_of(value["time"]), event_of(value)):
                alert = step(states.setdefault(event.customer_id, new_state()), event)
                if alert is not None:
                    found.append(Alert(*alert))
    assert not any(event[0] < history.shape.end_ms for event in kept.values())  # type: ignore[index]
    return {customer: state for customer, state in states.items() if state[1]}, found


def again(order: Order, kept: dict[str, object]) -> Order:
    """Return an order that has taken up what another kept; clocks come back with the next records."""
    other = Order(kept)
    other._clocks = order._clocks
    return other


def records(history: History) -> Iterator[tuple[str, Record]]:
    for name, source in (("transactions", transactions), ("contacts", contacts)):
        for record in source(history):
            yield name, record


def test_records_are_those_of_the_contract_in_order_and_end_with_a_tick() -> None:
    shape = Shape(2_000, customers=50, days=30)
    decoder = Decoder("USD")
    kinds = {"transactions": Transaction, "contacts": Contact}
    last: dict[str, int] = {}
    ticks = dict.fromkeys(kinds, 0)
    for name, record in records(draw(shape)):
        event = decoder.of(name)(record.value)
        assert isinstance(event, Tick if record.key is None else kinds[name]), event
        assert event.time == record.time == parse_ms(msgspec.json.decode(record.value)["time"])
        assert record.key is None or event.customer_id == record.key
        assert record.time >= last.get(name, 0)
        last[name] = record.time
        ticks[name] += record.key is None
    assert set(last.values()) == {shape.end_ms}
    assert set(ticks.values()) == {shape.days}


def test_a_history_without_contacts_has_none() -> None:
    history = draw(Shape(500, customers=50, contacts=False))
    assert all(record.key is None for record in contacts(history))
    assert truth(history).alerts == truth(history).checksum == 0
