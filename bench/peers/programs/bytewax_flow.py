"""Bytewax with a recovery store in SQLite, epochs of 10 s (its default): state exactly once, alerts not.

A first step, keyed by partition, brings the events of both topics into one order; a second one, keyed by
customer, lets them happen.
"""

import json
import pickle
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from bench.peers.programs.shared.contract import Answer, Asked, asked, sums
from bench.peers.programs.shared.episodes import (
    Alert,
    Event,
    Order,
    State,
    cents_of,
    event_of,
    new_state,
    step,
    time_of,
)

_EPOCH = timedelta(seconds=10)
_RECOVERY_PARTITIONS = 4


def main(asked: Asked) -> None:
    """Run the dataflow up to the end of the topics; its last epoch is then in the recovery store."""
    answer = Answer(asked)
    alerts: list[Alert] = []
    read = Counter[str]()
    store = asked.out.parent / "recovery"
    store.mkdir()
    init_db_dir(store, _RECOVERY_PARTITIONS)
    flow = (_full if asked.is_full else _fold)(asked, read, alerts)
    answer.first_record()
    cli_main(flow, epoch_interval=_EPOCH, recovery_config=RecoveryConfig(str(store)))
    answer.committed()
    answer.result(
        f"Bytewax {version('bytewax')}, one worker, SQLite recovery, epochs of 10 s",
        read.total(),
        **sums(_states(store.glob("*.sqlite3"))),
        alerts=len(alerts),
        checksum=sum(one.checksum for one in alerts),
    )


def _fold(asked: Asked, read: Counter[str], _alerts: list[Alert]) -> Dataflow:
    def decoded(message: Any) -> dict[str, Any]:
        read[message.topic] += 1
        value: dict[str, Any] = json.loads(message.value)
        return value

    def add(state: State | None, value: dict[str, Any]) -> tuple[State, Iterable[None]]:
        cents, purchases, _ = state or new_state()
        return [cents + cents_of(value["amount"]), purchases + 1, 0], ()

    flow = Dataflow("fold")
    source = KafkaSource([asked.bootstrap], [asked.transactions], tail=False)
    values = op.map("decode", op.input("in", flow, source), decoded)
    purchases = op.filter("purchases", values, lambda value: value["type"] == "transaction")
    keyed = op.key_on("by customer", purchases, lambda value: value["customer_id"])
    op.output("out", op.stateful_flat_map("customer", keyed, add), _Nothing())
    return flow


def _full(asked: Asked, read: Counter[str], alerts: list[Alert]) -> Dataflow:
    def partition(message: Any) -> str:
        read[message.topic] += 1
        return str(message.partition)

    def happen(state: State | None, event: Event) -> tuple[State, Iterable[Alert]]:
        changed = list(state or new_state())
        alert = step(changed, event)
        return changed, () if alert is None else (alert,)

    def written(alert: Alert) -> KafkaSinkMessage:
        alerts.append(alert)
        return KafkaSinkMessage(alert.customer_id.encode(), json.dumps(alert._asdict()).encode())

    flow = Dataflow("full")
    source = KafkaSource([asked.bootstrap], [asked.transactions, asked.contacts_topic], tail=False)
    messages = op.key_on("by partition", op.input("in", flow, source), partition)
    ordered = op.stateful_batch(
        "order", messages, lambda waiting: _Ordering(asked.transactions, waiting or {})
    )
    keyed = op.key_on("by customer", op.key_rm("events", ordered), lambda event: event.customer_id)
    found = op.key_rm("found", op.stateful_flat_map("customer", keyed, happen))
    op.output("alerts", op.map("write", found, written), KafkaSink([asked.bootstrap], asked.alerts_topic))
    return flow


class _Ordering(StatefulBatchLogic):
    """Brings the events of a partition of both topics into one order; what waits is its state."""

    def __init__(self, first_topic: str, waiting: dict[str, Any]) -> None:
        self._first_topic = first_topic
        self._waiting = waiting
        self._order = Order(waiting)

    def on_batch(self, values: list[Any]) -> tuple[Iterable[Event], bool]:
        found: list[Event] = []
        for message in values:
            value = json.loads(message.value)
            topic = int(message.topic != self._first_topic)
            found += self._order.take(topic, time_of(value["time"]), event_of(value))
        return found, StatefulBatchLogic.RETAIN

    def snapshot(self) -> dict[str, Any]:
        return dict(self._waiting)


class _Nothing(DynamicSink):
    """A dataflow needs an output; the fold has none but its state."""

    def build(self, _step_id: str, _worker_index: int, _worker_count: int) -> "_NothingPartition":
        return _NothingPartition()


class _NothingPartition(StatelessSinkPartition):
    def write_batch(self, items: list[Any]) -> None:
        pass


def _states(files: Iterable[Any]) -> Iterator[tuple[int, int]]:
    """Yield cents and purchases of each customer, from the last snapshot of each in the recovery store."""
    newest = """
        SELECT ser_change, max(snap_epoch) FROM snaps WHERE step_id LIKE '%.customer.%' GROUP BY state_key
    """  # SQLite takes the other column from the row with the largest
    for file in files:
        with closing(sqlite3.connect(file)) as connection:
            for snapshot, _epoch in connection.execute(newest):
                cents, purchases, _ = pickle.loads(snapshot)  # noqa: S301 - written by ourselves
                if purchases:
                    yield cents, purchases


if __name__ == "__main__":
    main(asked(__doc__))
