"""Quix Streams with exactly-once, its state in RocksDB and in a changelog, commits every 5 s (its default).

The two topics are read in the order of event time, as `concat` does it. It has no timers in event time, so
whoever is due is kept in the store by day, and seen to at the tick of the day.
"""

import json
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from quixstreams import Application, State, message_context
from quixstreams.dataframe import StreamingDataFrame

from bench.peers.programs.shared.contract import Answer, Asked, asked, sums
from bench.peers.programs.shared.episodes import (
    ALARM,
    CONTACT,
    WAIT_MS,
    Alert,
    Event,
    cents_of,
    event_of,
    new_state,
    step,
    time_of,
)

_TOTALS = "totals"
_DUE = "due"
_DAY_MS = 24 * 3_600_000


def main(asked: Asked) -> None:
    """Run the application until all records are processed; it then commits, and ends."""
    answer = Answer(asked)
    read = 0

    def processed(_topic: str, _partition: int, _offset: int) -> None:
        nonlocal read
        if read == 0:
            answer.first_record()
        read += 1
        if read == asked.total:
            app.stop()

    app = Application(
        asked.bootstrap,
        consumer_group=asked.name,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        state_dir=asked.out.parent / "state",
        on_message_processed=processed,
        loglevel="WARNING",
    )
    transactions = app.dataframe(app.topic(asked.transactions, key_deserializer="str"))
    alerts: list[Alert] = []
    if asked.is_full:
        contacts = app.dataframe(app.topic(asked.contacts_topic, key_deserializer="str"))
        sdf = transactions.concat(contacts)
        _full(app, sdf, asked, alerts)
    else:
        sdf = transactions[transactions["type"] == "transaction"]
        sdf.update(_add, stateful=True)
    app.run()
    answer.committed()
    answer.result(
        f"Quix Streams {version('quixstreams')}, exactly-once, commit 5 s, RocksDB",
        read,
        **sums(_states(app, sdf)),
        alerts=len(alerts),
        checksum=sum(one.checksum for one in alerts),
    )


def _add(value: dict[str, Any], state: State) -> None:
    cents, purchases, _ = state.get(_TOTALS, default=new_state())
    state.set(_TOTALS, [cents + cents_of(value["amount"]), purchases + 1, 0])


def _full(app: Application, sdf: StreamingDataFrame, asked: Asked, alerts: list[Alert]) -> None:
    """Let all events happen, with the alarms of a day at its tick."""
    sdf.register_store()

    def happen(event: Event) -> Iterator[Alert]:
        state = _store(sdf).as_state(prefix=event.customer_id)
        totals = state.get(_TOTALS, default=new_state())
        alert = step(totals, event)
        state.set(_TOTALS, totals)
        if alert is not None:
            alerts.append(alert)
            yield alert

    def take(value: dict[str, Any]) -> list[dict[str, Any]]:
        due = _store(sdf).as_state(prefix=_DUE)
        if value["type"] == "tick":
            day = str(time_of(value["time"]) // _DAY_MS)
            events = [Event(time, ALARM, customer) for time, customer in due.get(day, default=[])]
            if events:
                due.delete(day)
        else:
            found = event_of(value)
            events = [] if found is None else [found]
            if found is not None and found.kind == CONTACT:
                alarm = found.time + WAIT_MS
                day = str(alarm // _DAY_MS + 1)
                due.set(day, [*due.get(day, default=[]), [alarm, found.customer_id]])
        return [alert._asdict() for event in events for alert in happen(event)]

    topic = app.topic(asked.alerts_topic, key_serializer="str")
    sdf.apply(take, expand=True).to_topic(topic, key=lambda value: value["customer_id"])


def _store(sdf: StreamingDataFrame) -> Any:
    """Return the open transaction of the store of the current partition."""
    checkpoint = sdf.processing_context.checkpoint
    return checkpoint.get_store_transaction(sdf.stream_id, message_context().partition)


def _states(app: Application, sdf: StreamingDataFrame) -> Iterator[tuple[int, int]]:
    """Yield cents and purchases of each customer, from the store on disk."""
    store = app._state_manager.get_store(sdf.stream_id)  # noqa: SLF001 - it is closed, there is no other way
    for number in range(4):
        partition = store.create_new_partition(number)
        for key, value in partition.iter_items(b""):
            if key.endswith(f'|"{_TOTALS}"'.encode()):
                cents, purchases, _ = json.loads(value)
                if purchases:
                    yield cents, purchases
        partition.close()


if __name__ == "__main__":
    main(asked(__doc__))
