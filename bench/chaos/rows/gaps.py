"""R14: inputs with gaps, as transactional producers leave them."""

import random
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from uuid import uuid4

from confluent_kafka import Producer

from bench.chaos.history import history, send_all
from bench.chaos.outcome import Outcome
from bench.chaos.place import Place, Say, Scale
from bench.chaos.rows import Row
from bench.chaos.truth import compare
from bench.chaos.wire import Differs
from streams.core.watermark import FACTS
from streams.ingest.kafka.options import client_options
from streams.settings import Settings
from tests.kafka.deployment import Deployment
from tests.kafka.feeds import Raw

_ABORTED: Final = 0.2
_MOST: Final = 500
_SECONDS: Final = 60.0


def run(place: Place, scale: Scale, say: Say) -> Outcome:
    """Write each input by a transactional producer that aborts a fifth of its transactions."""
    rounds, events = scale.of(small=(1, 2_000), long=(3, 50_000))
    found = Differs()
    aborted = never = alerts = sent = 0
    for number in range(rounds):
        settings = place.settings()
        records = history(place, settings, events, f"history-{number}")
        with Deployment(settings, place.folder) as deployment:
            deployment.start_ready()
            send_all(settings, [one for one in records if one.source not in FACTS])
            with ThreadPoolExecutor(len(FACTS)) as pool:
                inputs = [[one for one in records if one.source is source] for source in FACTS]
                seeds = [random.Random(place.rng.random()) for _ in FACTS]
                counts = list(pool.map(_send, [settings] * len(FACTS), inputs, seeds))
            deployment.when_drained()
        compared = compare(settings, place.folder / f"truth-{number}")
        found = found.plus(compared.differs)
        aborted, never = aborted + sum(a for a, _ in counts), never + sum(n for _, n in counts)
        alerts, sent = alerts + compared.alerts, sent + len(records)
        say(f"round {number + 1} of {rounds}: {aborted} transactions aborted so far")
    return Outcome(
        row="R14",
        what="",
        trials=aborted,
        events=sent,
        faults={"aborted transaction": aborted, "record in them that never was": never},
        **found._asdict(),
        figures={"runs": rounds, "alert records": alerts},
    )


def _send(settings: Settings, records: Sequence[Raw], rng: random.Random) -> tuple[int, int]:
    """Send records in transactions of any size; return how many were aborted, and the records in them."""
    producer = Producer(
        client_options(settings) | {"transactional.id": f"till-{uuid4().hex}", "linger.ms": 5}
    )
    producer.init_transactions(_SECONDS)
    aborted = never = at = 0
    while at < len(records):
        chunk = records[at : at + rng.randrange(1, _MOST)]
        while rng.random() < _ABORTED:
            producer.begin_transaction()
            _write(producer, settings, [*chunk, *map(_never_happened, chunk)])
            producer.flush(_SECONDS)  # else the client forgets most of them, and the log has no gap
            producer.abort_transaction(_SECONDS)
            aborted, never = aborted + 1, never + len(chunk)
        producer.begin_transaction()
        _write(producer, settings, chunk)
        producer.commit_transaction(_SECONDS)
        at += len(chunk)
    return aborted, never


def _write(producer: Producer, settings: Settings, records: Iterable[Raw]) -> None:
    for one in records:
        producer.produce(settings.topic_prefix + one.source.value, one.value, one.key, one.partition)
    producer.poll(0)


def _never_happened(record: Raw) -> Raw:
    return record._replace(value=(record.value or b"").replace(b'"event_id":"', b'"event_id":"not-'))


ROWS: Final = (
    Row(
        "R14",
        "gaps: transactional producers, a fifth of whose transactions are aborted",
        run,
        ("tests/kafka/worker/test_worker_order.py::test_aborted_transactions_of_producers_leave_no_trace",),
    ),
)
