"""The Faust application: it has the life cycle, the agents and the group, and nothing else."""

from collections.abc import Callable
from typing import Any, Final

import faust
from aiokafka import TopicPartition
from faust.app.base import BootStrategy
from faust.types import TP
from typing_extensions import override

from streams.core.watermark import Input
from streams.runtime.faust.transport import (
    HEARTBEAT_SECONDS,
    SESSION_SECONDS,
    ConsumerHooks,
    HostApp,
    InputPartition,
    Transport,
)
from streams.runtime.kafka.clients import aiokafka_options
from streams.runtime.ports import Fetched
from streams.runtime.seek_numbers import SeekNumbers
from streams.settings import Settings

_QUEUED_BATCHES: Final = 64
"""Room between Faust and the partitions; how much is fetched ahead is decided by who wants it."""


class _ConsumerOnly(BootStrategy):
    """Starts neither Faust's producer nor its web server, which listens on all addresses."""

    enable_kafka_producer = False
    enable_web = False


class _Undecoded(faust.Schema[Any, Any]):
    """Hands batches to the agents as they are."""

    @override
    def loads_key(self, app: Any, message: Any, **named: Any) -> None:
        return None

    @override
    def loads_value(self, app: Any, message: Any, **named: Any) -> Fetched:
        batch: Fetched = message.value
        return batch


class RetentionApp(HostApp, faust.App):
    """The Faust application: four agents, which only forward batches."""

    BootStrategy = _ConsumerOnly

    def __init__(
        self,
        settings: Settings,
        partitions: int,
        hooks: ConsumerHooks,
        seeks: SeekNumbers[TopicPartition],
    ) -> None:
        self.options = aiokafka_options(settings)
        self._prefix = settings.topic_prefix
        self.group = settings.application_id
        self.hooks, self.seeks = hooks, seeks
        self.input_partitions = {
            TP(settings.topic_prefix + source.value, partition): InputPartition(source, partition)
            for source in Input
            for partition in range(partitions)
        }
        super().__init__(
            settings.application_id,
            broker="kafka://" + ";kafka://".join(settings.bootstrap_servers),
            store="memory://",
            topic_partitions=partitions,
            topic_allow_declare=False,
            topic_disable_leader=True,
            # With 0 Faust picks round robin, and an input's partition may live apart from its others.
            table_standby_replicas=1,
            web_enabled=False,
            stream_wait_empty=False,
            stream_buffer_maxsize=_QUEUED_BATCHES,
            broker_session_timeout=SESSION_SECONDS,
            broker_heartbeat_interval=HEARTBEAT_SECONDS,
        )

    @override
    def _create_directories(self) -> None:
        """Create none: no state is kept on disk, and the container's is read-only."""

    @override
    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    def forward(self, source: Input, receive: Callable[[int, Fetched], None]) -> None:
        """Create the agent of an input; it gives each batch to `receive`, with the partition's number."""
        name = self._prefix + source.value
        topic = self.topic(name, schema=_Undecoded(), partitions=self.conf.topic_partitions)

        async def agent(stream: Any) -> None:
            async for event in stream.events():
                receive(event.message.partition, event.value)

        self.agent(topic, name=f"read_{source.value}")(agent)
