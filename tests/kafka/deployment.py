"""Workers as processes, for tests that start, hurt and end them."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import urlopen

from kafka.errors import KafkaError
from typing_extensions import override

from streams.core.watermark import Input
from streams.runtime.tools.publish import FixedRate, Publisher, prescan_for
from streams.settings import Settings
from tests.kafka.commands import environment
from tests.kafka.held import lag, places, progress, reader

MOST_SECONDS = 120.0
_STACKS_SECONDS = 0.5
"""A worker that runs has written its stacks by then."""


class WorkerProcess:
    """`retention-signals worker`, or another command that goes on; its output in a file."""

    command = "worker"
    program: Sequence[str] = (sys.executable, "-m", "streams")
    """What it is started by."""

    def __init__(
        self,
        settings: Settings,
        log: Path,
        *arguments: str,
        told: Mapping[str, str] | None = None,
        **changes: Any,
    ) -> None:
        """Start it under settings, changes of them, and what else its environment tells."""
        self._log = log
        changes = {"web_port": 0} | changes
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [*self.program, self.command, *arguments],
                env={**os.environ, **environment(settings, **changes), **(told or {})},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        """Return all it has said."""
        return self._log.read_text(encoding="utf-8")

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Return whether it runs."""
        return self._process.poll() is None

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body; status 0 while it does not listen."""
        found = re.search(r"http://127\.0\.0\.1:\d+", self.log)
        if found is None:
            return 0, ""
        try:
            with urlopen(found[0] + path, timeout=5) as answer:  # noqa: S310 - http on loopback
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def partitions(self) -> dict[int, tuple[str, str | None]]:
        """Return what it tells of its partitions: state, and why if it isn't ready."""
        _, body = self.get("/ready")
        told: list[dict[str, Any]] = json.loads(body)["partitions"] if body else []
        return {one["number"]: (one["state"], one["why"]) for one in told}

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric over the samples that have these labels."""
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        samples = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        return sum(float(value) for told, value in samples if wanted <= set(told.split(",")))

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait(self, seconds: float = MOST_SECONDS) -> int:
        """Return its exit code once it ended."""
        return self._process.wait(seconds)

    def kill(self) -> None:
        """End it as a crash does."""
        self._process.kill()
        self._process.wait()


class Deployment:
    """The workers of one application; those that still run at the end are killed."""

    def __init__(self, settings: Settings, folder: Path, **changes: Any) -> None:
        self.settings = settings
        self.workers: list[WorkerProcess] = []
        """Those that are meant to run."""
        self._folder, self._changes = folder, changes
        self._started: list[WorkerProcess] = []

    def start(self, *arguments: str, **changes: Any) -> WorkerProcess:
        """Start another worker."""
        log = self._folder / f"{self.settings.application_id}-{len(self._started)}.log"
        one = WorkerProcess(self.settings, log, *arguments, **(self._changes | changes))
        self.workers.append(one)
        self._started.append(one)
        return one

    def start_ready(self, *arguments: str, **changes: Any) -> WorkerProcess:
        """Start another worker, and wait until all partitions are ready."""
        one = self.start(*arguments, **changes)
        self.when(lambda: bool(one.partitions()))
        self.when_ready()
        return one

    def kill(self, one: WorkerProcess) -> None:
        """Kill a worker."""
        self.workers.remove(one)
        one.kill()

    def stop(self, one: WorkerProcess) -> float:
        """Ask a worker to end, and return after how many seconds it did; fails unless it ends well."""
        self.workers.remove(one)
        started = time.monotonic()
        one.signal(signal.SIGTERM)
        code = one.wait(20)
        assert code == 0, one.log[-3000:]
        return time.monotonic() - started

    def owned(self) -> list[int]:
        """Return the partitions that are ready, of all workers."""
        return sorted(
            number
            for one in self.workers
            for number, (phase, _) in one.partitions().items()
            if phase == "ready"
        )

    def when(self, holds: Callable[[], bool], seconds: float = MOST_SECONDS) -> float:
        """Return after how many seconds something held; fails when it takes too long or a worker ends."""
        started = time.monotonic()
        while not holds():
            ended = [one.log for one in self.workers if not one.runs]
            assert not ended, ended[0][-3000:]
            assert time.monotonic() - started < seconds, self._logs()
            time.sleep(0.1)
        return time.monotonic() - started

    def when_ready(self) -> float:
        """Return after how many seconds each partition was ready at exactly one worker."""
        return self.when(lambda: self.owned() == list(range(self.settings.partitions)))

    def when_it_comes_on(
        self, records: int = 1, seconds: float = MOST_SECONDS, since: int | None = None
    ) -> float:
        """Return after how many seconds so many more records were committed than now, or than `since`."""
        # What was sent before may all be committed by now: whoever sends and then waits says since when.
        before = progress(self.settings) if since is None else since
        return self.when(lambda: progress(self.settings) >= before + records, seconds)

    def when_drained(self, seconds: float = MOST_SECONDS) -> float:
        """Return after how many seconds all that the inputs hold was committed."""
        return self.when(lambda: lag(self.settings) == 0, seconds)

    def _logs(self) -> str:
        return "\n---\n".join(one.log[-2000:] for one in self.workers)

    def __enter__(self) -> Self:
        return self

    def _standing(self) -> str:
        """Return all that tells why nothing goes on: who has what, how far it is, where each task stands."""
        told = []
        for one in self.workers:
            if one.runs:
                ready, metrics = one.get("/ready")[1], one.get("/metrics")[1]
                before = len(one.log)
                one.signal(signal.SIGUSR1)
                time.sleep(_STACKS_SECONDS)
                samples = [line for line in metrics.splitlines() if not line.startswith("#")]
                told += [f"worker {one.pid}", ready, *samples, one.log[before:]]
        return "\n".join([*told, *_behind(self.settings)])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, AssertionError):
            error.add_note(self._standing())
        for one in self._started:
            one.kill()


def _behind(settings: Settings) -> list[str]:
    """Return for each partition what the group has committed, and where the topic ends."""
    wanted = places(settings, *Input)
    try:
        with reader(settings, "read_uncommitted", settings.application_id) as consumer:
            ends = consumer.end_offsets(wanted)
            return [
                f"{one.topic}-{one.partition}: {consumer.committed(one)} of {ends[one]}" for one in wanted
            ]
    except KafkaError as error:
        return [f"the broker does not tell how far the group is: {type(error).__name__}"]


@contextmanager
def publishing(settings: Settings, directory: Path, *arguments: object) -> Iterator[Callable[[], bool]]:
    """Run `publish` while the context lasts, which tells whether it is still at it; fails if it fails."""
    command = [sys.executable, "-m", "streams", "publish", str(directory), *map(str, arguments)]
    process = subprocess.Popen(  # noqa: S603 - ourselves
        command,
        env=dict(os.environ) | environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield lambda: process.poll() is None
        output, _ = process.communicate(timeout=MOST_SECONDS)
        assert process.returncode == 0, output
    finally:
        process.kill()
        process.communicate()


class _Unhurried(FixedRate):
    """So many records a second until there is no more need to wait."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self.hurry = threading.Event()

    @override
    def due(self, entries: int, reached: int) -> float:
        return 0.0 if self.hurry.is_set() else super().due(entries, reached)


@contextmanager
def publishing_slowly(settings: Settings, directory: Path, rate: float) -> Iterator[Callable[[], bool]]:
    """Publish at a rate while the context lasts, then the rest at once; tells whether it is still at it.

    So what a test does meanwhile may take as long as this machine needs for it.
    """
    schedule = _Unhurried(rate)
    publisher = Publisher(settings, settings.partitions, schedule=schedule)
    prescanned = prescan_for(settings, directory, settings.partitions)
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(lambda: asyncio.run(publisher.publish_directory(prescanned)))
        try:
            yield done.running
        finally:
            schedule.hurry.set()
        done.result(MOST_SECONDS)


def publish(settings: Settings, directory: Path) -> None:
    """Publish a directory as fast as it goes."""
    with publishing(settings, directory):
        pass
