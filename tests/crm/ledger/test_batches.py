"""However the topic is cut into batches, and whatever of it is read again, the cases are the same."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from schemas.alert import Alert
from streams.crm.ledger.rows import AlertRead, Listed
from tests.crm.ledger.records import MINUTE, NOON, TOPIC, Desk, alert

Open = Callable[..., Desk]


def _topic(draw: Random) -> list[Alert]:
    newest: dict[str, Alert] = {}
    topic = []
    for _ in range(300):
        name = f"a{draw.randrange(40)}"
        before = newest.get(name)
        opens = before is None or before.state == "resolved"
        newest[name] = alert(
            name,
            before.revision + 1 if before else 1,
            "raised" if opens else draw.choice(["updated", "resolved"]),
            value=draw.randrange(1_000),
            level=draw.choice(["watch", "alert"]),
            backfill=draw.random() < 0.1,
        )
        topic.append(newest[name])
    return topic


def _run(here: Desk, topic: list[Alert], windows: list[int], draw: Random, most: int) -> list[Any]:
    """Read each window's share in batches of up to `most`, admit and deliver at its end."""
    here.ledger.caught_up(NOON)
    seen: list[Any] = []
    start = 0
    for at, end in enumerate(windows):
        window = NOON + at * 10 * MINUTE
        while start < end:
            size = min(draw.randint(1, most), end - start)
            first = max(0, start - draw.choice([0, 0, 3]))
            batch = [AlertRead(TOPIC, 0, place, topic[place]) for place in range(first, start + size)]
            here.ledger.take(batch, window + draw.randrange(10 * MINUTE))
            start += size
        seen.append(here.ledger.admit(window + 10 * MINUTE))
        seen.append(sorted(here.deliver(window + 10 * MINUTE)))
        seen.append([_timeless(one) for one in here.ledger.listing(limit=1_000)])
    return seen


def _timeless(one: Listed) -> Listed:
    return replace(one, first_ms=0)


@pytest.mark.parametrize("seed", range(5))
def test_any_batches_give_the_same_cases(desk: Open, seed: int) -> None:
    draw = Random(seed)
    topic = _topic(draw)
    windows = [*sorted(draw.sample(range(1, 300), 5)), 300]
    policy: dict[str, Any] = {"budgets": {"alert": 4, "watch": draw.choice([2, None])}}
    whole = _run(desk(**policy), topic, windows, draw, 1_000)
    pieces = _run(desk(**policy), topic, windows, draw, 7)
    assert whole == pieces
