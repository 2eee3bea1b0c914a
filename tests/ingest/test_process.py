"""A process that waits for Kafka for ever is ended, so that it can be started again."""

import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streams.ingest import process
from streams.ingest.process import Ingest
from streams.runtime.worker.watchdog import EXIT_CODE
from streams.settings import Settings

PROGRAM = """
import asyncio, threading
from streams.ingest.process import Ingest
from streams.settings import Settings

class Stuck:
    done, commits, why_not_ready = False, 0, None
    def open(self): pass
    def turn(self): threading.Event().wait()  # as send_offsets_to_transaction does after a broker's crash
    def close(self): pass

settings = Settings().model_copy(update={"watchdog_seconds": 1.0, "web_port": 0})
one = Ingest(settings, setup=None)
one._new_session = Stuck
asyncio.run(one.run())
"""


def test_a_call_that_never_comes_back_ends_it() -> None:
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    assert time.monotonic() - began > 1
    assert done.returncode == EXIT_CODE, done.stderr
    assert "what Kafka was asked has not come back for 1 s: the process ends" in done.stderr


def test_how_long_no_broker_has_answered_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(process, "time", SimpleNamespace(monotonic=lambda: now[0]))
    one = Ingest(Settings(), cast(Any, None))
    seen = []

    class Session:
        done, answers = False, True

        def open(self) -> None:
            now[0] += 20

        def turn(self) -> None:
            seen.append(one._metrics.registry.get_sample_value("retention_ingest_last_answer_seconds"))
            now[0] += 7
            self.answers = len(seen) == 1
            self.done = len(seen) == 4

        def finish(self) -> None:
            pass

    one._work_in(cast(Any, Session()))
    assert seen == [20, 0, 7, 14]
