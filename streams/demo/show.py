"""The show: history is published, two workers read it, one is killed on the way, a CRM reads along."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.alert import Alert
from schemas.topics import ALERTS
from streams.core.watermark import GIVEN
from streams.demo.processes import DemoError
from streams.demo.scene import Scene, WorkerSeen
from streams.demo.workers import WorkerProcess
from streams.runtime.faust.transport import SESSION_SECONDS
from streams.runtime.http.server import Readiness
from streams.runtime.kafka.clients import close_consumer, make_consumer
from streams.runtime.kafka.errors import muted_aiokafka, unavailable
from streams.runtime.tools.prescan import Prescan
from streams.runtime.tools.publish import FixedRate, Publisher
from streams.settings import Settings

_LOOK_SECONDS: Final = 0.1
_WORKERS_SECONDS: Final = 0.5
_FIGURES_SECONDS: Final = 1.0
_DRAW_SECONDS: Final = 0.25
_ANSWER_SECONDS: Final = 2.0
_PATIENCE_SECONDS: Final = 120.0
"""What has to be done besides publishing takes seconds; after this something is wrong."""


class Show:
    """Publishes what was surveyed in about so many seconds, and keeps the scene up to date."""

    def __init__(
        self,
        settings: Settings,
        prescanned: Prescan,
        workers: Sequence[WorkerProcess],
        scene: Scene,
        seconds: float,
    ) -> None:
        self._settings, self._prescanned = settings, prescanned
        self._workers, self._scene = workers, scene
        self._patience = seconds + _PATIENCE_SECONDS
        schedule = FixedRate(max(1.0, scene.lines / seconds))
        self._publisher = Publisher(settings, settings.partitions, schedule=schedule)
        scene.published = self._publisher.published

    async def run(self, draw: Callable[[], None]) -> None:
        """Return when all is published and read, `draw` being called all the time.

        Raises DemoError, KafkaUnavailableError, KafkaRefusedError, SettingsError.
        """

        async def draw_again() -> None:
            while True:
                draw()
                await asyncio.sleep(_DRAW_SECONDS)

        beside = (self._watch_workers(), self._watch_figures(), self._read_alerts(), draw_again())
        try:
            with muted_aiokafka():
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(one) for one in beside]
                    await self._play(group)
                    for task in tasks:
                        task.cancel()
        except ExceptionGroup as several:
            raise several.exceptions[0] from None
        draw()

    async def _play(self, group: asyncio.TaskGroup) -> None:
        scene, (one, two) = self._scene, self._scene.workers
        everything = set(range(self._settings.partitions))

        def shared() -> bool:
            return bool(one.ready and two.ready) and one.ready | two.ready == everything

        await self._until(shared, "starting")
        scene.note(f"two workers are ready; {scene.lines:,} lines are published to them")
        publishing = group.create_task(self._publisher.publish_directory(self._prescanned))
        await self._until(lambda: scene.published.lines.total() >= scene.lines / 2, "publishing")
        self._workers[1].kill()
        two.killed, two.partitions = True, {}
        scene.note(
            "worker 2 was killed (SIGKILL): its partitions go to worker 1, "
            f"once the group has missed it for {SESSION_SECONDS:.0f} s"
        )
        await self._until(lambda: one.ready == everything, "taking over")
        scene.note("worker 1 has taken over, from where the last transaction ended")
        self._workers[1].start()
        two.killed = False
        await self._until(shared, "sharing again")
        scene.note("worker 2 is back and has its share")
        await publishing
        await self._until(lambda: scene.lag == 0, "reading the rest")
        scene.note("all is published, read and committed")

    async def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + self._patience
        while not holds():
            if time.monotonic() > deadline:
                raise DemoError(f"{what} takes too long; worker-1.log and worker-2.log may say why")
            await asyncio.sleep(_LOOK_SECONDS)

    # Beside it

    async def _watch_workers(self) -> None:
        timeout = aiohttp.ClientTimeout(_ANSWER_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                for process, seen in zip(self._workers, self._scene.workers, strict=True):
                    await _update(session, process, seen)
                await asyncio.sleep(_WORKERS_SECONDS)

    async def _watch_figures(self) -> None:
        scene, before, at = self._scene, 0, time.monotonic()
        async with self._consumer(group_id=self._settings.application_id) as group:
            while True:
                scene.committed = await self._committed(group)
                now, arrived = time.monotonic(), scene.published.arrived
                scene.records_per_second = (arrived - before) / (now - at)
                before, at = arrived, now
                await asyncio.sleep(_FIGURES_SECONDS)

    async def _committed(self, group: AIOKafkaConsumer) -> int:
        """Return how many records the workers have read for good: offsets begin at 0 and have no gaps."""
        tps = [
            TopicPartition(self._settings.topic_prefix + source.value, number)
            for source in GIVEN
            for number in range(self._settings.partitions)
        ]
        return sum([await group.committed(tp) or 0 for tp in tps])

    async def _read_alerts(self) -> None:
        """Read as a CRM would: only what was committed."""
        async with self._consumer() as crm:
            crm.subscribe([self._settings.topic_prefix + ALERTS.name])
            while True:
                found = await crm.getmany(timeout_ms=500)
                records = [record for some in found.values() for record in some]
                self._scene.take([Alert.model_validate_json(record.value) for record in records])

    @asynccontextmanager
    async def _consumer(self, **options: str) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = make_consumer(self._settings, **options)
        try:
            await consumer.start()
            yield consumer
        except KafkaError as error:
            raise unavailable(self._settings.bootstrap_servers, type(error).__name__) from error
        finally:
            await close_consumer(consumer)


async def _update(session: aiohttp.ClientSession, process: WorkerProcess, seen: WorkerSeen) -> None:
    """Ask a worker for the states of its partitions. Raises DemoError if it ended, or stopped one of them."""
    if not process.running:
        return
    try:
        async with session.get(f"http://{process.host}/ready") as answer:
            readiness = msgspec.json.decode(await answer.read(), type=Readiness)
    except (aiohttp.ClientError, TimeoutError):
        return
    if seen.killed:  # it was killed while we waited
        return
    for one in readiness.partitions:
        if one.state == "stopped":
            raise DemoError(f"worker {seen.number} stopped partition {one.number}: {one.why}")
    seen.partitions = {one.number: one.state for one in readiness.partitions}
