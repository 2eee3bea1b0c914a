"""Faust as its users write it: agents and tables with its defaults, tables in memory, changelogs in Kafka.

At least once, says Faust. What it has read and changed is committed once more at the end, instead of some
seconds later. In the job `full` an event that is ahead of the other topic waits in a table.
"""

import asyncio
from typing import Any

import faust

from bench.peers.programs.shared.contract import Answer, Asked, asked, sums
from bench.peers.programs.shared.episodes import (
    Alert,
    Event,
    Order,
    cents_of,
    event_of,
    new_state,
    step,
    time_of,
)
from bench.shared.topics import PARTITIONS

_LOOK_SECONDS = 0.1


async def main(asked: Asked) -> None:
    """Run the application until all is read and committed."""
    answer = Answer(asked)
    app = faust.App(asked.name, broker=f"kafka://{asked.bootstrap}", store="memory://", web_enabled=False)
    customers = app.Table("customers", default=new_state, partitions=PARTITIONS)
    alerts: list[Alert] = []
    if asked.is_full:
        _full(app, asked, answer, customers, alerts)
    else:
        _fold(app, asked, answer, customers)
    await app.start()
    try:
        while sum(app.monitor.tp_committed_offsets.values()) < asked.total:
            await asyncio.sleep(_LOOK_SECONDS)
            if app.monitor.events_total >= asked.total:
                await app.producer.flush()
                await app.consumer.commit()
        answer.committed()
    finally:
        await app.stop()
    answer.result(
        f"Faust {faust.__version__}, its defaults, table in memory, at least once",
        app.monitor.events_total,
        **sums(state for state in customers.values() if state[1]),
        alerts=len(alerts),
        checksum=sum(one.checksum for one in alerts),
    )


def _fold(app: faust.App, asked: Asked, answer: Answer, customers: Any) -> None:
    @app.agent(app.topic(asked.transactions))
    async def purchases(stream: Any) -> None:
        async for value in stream:
            answer.first_record()
            if value["type"] == "transaction":
                customer = value["customer_id"]
                cents, bought, _ = customers[customer]
                customers[customer] = [cents + cents_of(value["amount"]), bought + 1, 0]


def _full(app: faust.App, asked: Asked, answer: Answer, customers: Any, alerts: list[Alert]) -> None:
    waiting = app.Table("waiting", partitions=PARTITIONS)
    written = app.topic(asked.alerts_topic, value_serializer="json")
    orders: dict[int, Order] = {}

    async def take(topic: int, event: Any) -> None:
        answer.first_record()
        value, partition = event.value, event.message.partition
        order = orders.get(partition)
        if order is None:
            order = orders[partition] = Order(waiting, f"{partition}/")
        for one in order.take(topic, time_of(value["time"]), event_of(value)):
            await happen(one)

    async def happen(event: Event) -> None:
        state = list(customers[event.customer_id])
        alert = step(state, event)
        customers[event.customer_id] = state
        if alert is not None:
            alerts.append(alert)
            _ = await written.send(key=alert.customer_id, value=alert._asdict())

    @app.agent(app.topic(asked.transactions))
    async def purchases(stream: Any) -> None:
        async for event in stream.events():
            await take(0, event)

    @app.agent(app.topic(asked.contacts_topic))
    async def contacts(stream: Any) -> None:
        async for event in stream.events():
            await take(1, event)


if __name__ == "__main__":
    asyncio.run(main(asked(__doc__)))
