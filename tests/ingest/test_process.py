"""A process that waits for Kafka for ever is ended, so that it can be started again."""

import subprocess
import sys
import time

from streams.runtime.worker.watchdog import EXIT_CODE

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
