"""The limit of a worker in Python: fetch, decode with the hot decoder, one addition to a dict, nothing kept.

It does no job: of `full` it only reads both topics.
"""

import asyncio
from collections import defaultdict
from typing import Any

import aiokafka
from aiokafka import TopicPartition

from bench.peers.data.topics import settings_for
from bench.peers.programs.shared.contract import Answer, Asked, asked
from bench.shared.topics import PARTITIONS
from schemas.events import Transaction
from schemas.hot import Decoder
from streams.runtime.faust.transport import FETCH_BYTES
from streams.runtime.kafka.clients import close_consumer, make_consumer


async def main(asked: Asked) -> None:
    """Read all there is."""
    answer = Answer(asked)
    settings = settings_for(asked.bootstrap, asked.prefix, asked.name)
    topics = [asked.transactions, *([asked.contacts_topic] if asked.is_full else [])]
    decoder = Decoder(settings.reporting_currency)
    decoders = {topic: decoder.of(topic.removeprefix(asked.prefix)) for topic in topics}
    spent: defaultdict[str, int] = defaultdict(int)
    read = 0
    consumer = make_consumer(settings, max_partition_fetch_bytes=FETCH_BYTES)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)])
        while read < asked.total:
            fetched: dict[TopicPartition, Any] = await consumer.getmany(timeout_ms=250)
            if fetched:
                answer.first_record()
            for tp, batch in fetched.items():
                decode = decoders[tp.topic]
                for record in batch:
                    event: Any = decode(record.value)
                    if event.__class__ is Transaction:
                        spent[event.customer_id] += event.cents
                read += len(batch)
        answer.committed()
    finally:
        await close_consumer(consumer)
    answer.result(
        f"aiokafka {aiokafka.__version__}, hot decoder, nothing committed",
        read,
        customers=len(spent),
        cents=sum(spent.values()),
    )


if __name__ == "__main__":
    asyncio.run(main(asked(__doc__)))
