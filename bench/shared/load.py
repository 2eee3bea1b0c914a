"""Events streamed into the topics: purchases of so many customers, contacts among them, ticks at the end.

Nothing is kept but a share of each customer, so millions of customers and of events fit. Names are those of
`customer_name`, and all of it is synthetic.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any, Final
from uuid import uuid4

import msgspec
import numpy as np
import numpy.typing as npt
from confluent_kafka import Producer

from bench.shared.histories import PURCHASE_HOURS, SEED, SLOT_MS, START_MS
from schemas.times import format_ms
from streams.core.time import DAY_MS
from streams.core.watermark import FACTS, Input
from streams.ingest.kafka.options import client_options
from streams.lab.generate import Weights
from streams.lab.generate.populations import ZIPF_EXPONENT
from streams.settings import Settings

LOAD_START_MS: Final = START_MS + PURCHASE_HOURS * SLOT_MS
"""When the year of purchases ends that `shared/state.py` writes."""
_CHUNK: Final = 50_000
_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Load:
    """What is streamed: events over days of event time, one in `contact_every` a contact (0: none)."""

    customers: int
    events: int
    weights: Weights
    contact_every: int = 100
    days: int = 28


def customer_name(number: int) -> str:
    """Return the id of a customer."""
    return f"c{number:07}"


@contextmanager
def stream(settings: Settings, load: Load) -> Iterator[Callable[[], None]]:
    """Write a load in order of time, with a tick of its end for every partition, in one transaction.

    Give what makes it visible: readers of committed records see nothing before.
    """
    producer = Producer(
        client_options(settings)
        | {
            "transactional.id": f"load-{uuid4().hex}",
            "transaction.timeout.ms": 900_000,
            "partitioner": "murmur2",
            "linger.ms": 20,
            "batch.size": 512 << 10,
            "queue.buffering.max.messages": 500_000,
        }
    )
    producer.init_transactions(_SECONDS)
    producer.begin_transaction()
    for source, customer_id, value in lines(load):
        _produce(producer, settings.topic_prefix + source.value, value, customer_id)
    end = {"type": "tick", "time": format_ms(LOAD_START_MS + load.days * DAY_MS), "source": "bench"}
    tick = msgspec.json.encode(end)
    for source, number in product(FACTS, range(settings.partitions)):
        _produce(producer, settings.topic_prefix + source.value, tick, partition=number)
    assert producer.flush(_SECONDS) == 0, "the broker does not take the load"
    yield lambda: producer.commit_transaction(_SECONDS)


def lines(load: Load) -> Iterator[tuple[Input, str, bytes]]:
    """Yield the input, the customer and the JSON of each event, in order of time."""
    draw = _drawn(load)
    step = load.days * DAY_MS / load.events
    for at in range(0, load.events, _CHUNK):
        for number, customer in enumerate(draw(min(_CHUNK, load.events - at)).tolist(), at):
            name, time_ms = customer_name(customer), LOAD_START_MS + int(number * step)
            if load.contact_every and number % load.contact_every == 0:
                yield Input.CONTACTS, name, _contact(number, name, time_ms)
            else:
                yield Input.TRANSACTIONS, name, purchase(f"p{number:07}", name, time_ms)


def purchase(event_id: str, customer_id: str, time_ms: int) -> bytes:
    """Return the JSON of a purchase of 11 to 108 dollars."""
    return (
        f'{{"type":"transaction","event_id":"{event_id}","customer_id":"{customer_id}",'
        f'"time":"{format_ms(time_ms)}","source":"shop","kind":"purchase",'
        f'"amount":"{11 + time_ms % 97}.{time_ms % 90 + 10}","currency":"USD"}}'
    ).encode()


def _contact(number: int, customer_id: str, time_ms: int) -> bytes:
    """Return the JSON of a contact; every fourth is bad enough for a watch alert by itself."""
    severe = number // 100 % 4 == 0
    body: dict[str, Any] = {
        "type": "contact",
        "event_id": f"k{number}",
        "customer_id": customer_id,
        "time": format_ms(time_ms),
        "source": "desk",
        "contact_id": f"k{number}",
        "version": 1,
        "channel": "voice",
        "ended_at": format_ms(time_ms),
        "resolution": "unresolved" if severe else "resolved",
        "ended_by": "agent",
        "ended_stage": "agent",
    }
    return msgspec.json.encode(body | ({"transfers_cold": 1} if severe else {}))


def _drawn(load: Load) -> Any:
    """Return what draws so many customers: each alike, or by Zipf's law in no order of their names."""
    rng = np.random.default_rng(SEED)
    if load.weights is Weights.UNIFORM:
        return lambda count: rng.integers(0, load.customers, count)
    shares = np.arange(1, load.customers + 1, dtype=np.float64) ** -ZIPF_EXPONENT
    bounds = np.cumsum(rng.permutation(shares))

    def draw(count: int) -> npt.NDArray[np.int64]:
        found: npt.NDArray[np.int64] = np.searchsorted(bounds, rng.random(count) * bounds[-1], side="right")
        return found

    return draw


def _produce(
    producer: Producer, topic: str, value: bytes, key: str | None = None, partition: int = -1
) -> None:
    while True:
        try:
            producer.produce(topic, value, key, partition)
        except BufferError:
            producer.poll(0.1)
        else:
            producer.poll(0)
            return
