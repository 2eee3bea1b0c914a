"""The watchdog ends a process that hangs, in time, and leaves alone one that doesn't."""

import subprocess
import sys
import time

import pytest

from streams.runtime.worker.watchdog import EXIT_CODE

LIMIT = 1.0
PROGRAM = """
import asyncio, time
from streams.runtime.worker.watchdog import Watchdog

async def work():
    loop = asyncio.get_running_loop()
    waits = []
    dog = asyncio.create_task(Watchdog({limit}, lambda: waits).run())
    await asyncio.sleep(0.3)
    print(time.time(), flush=True)
{fault}
    dog.cancel()
    await asyncio.gather(dog, return_exceptions=True)

asyncio.run(work())
time.sleep({afterwards})
print("lived on")
"""


def run(fault: str, afterwards: float = 0.0) -> tuple[int, float, str, str]:
    """Return the exit code, seconds from the fault to the end, what else was printed, and the errors."""
    lines = "\n".join(f"    {line}" for line in fault.splitlines())
    program = PROGRAM.format(limit=LIMIT, fault=lines, afterwards=afterwards)
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    ended = time.time()
    began, _, rest = done.stdout.partition("\n")
    return done.returncode, ended - float(began), rest, done.stderr


def test_a_blocked_event_loop_ends_it() -> None:
    code, seconds, printed, told = run("time.sleep(20)")
    assert code != 0
    assert seconds < 1.5 * LIMIT
    assert printed == ""
    assert "Timeout" in told
    assert "in work" in told


@pytest.mark.parametrize("what", ["a commit", "a restore"])
def test_a_wait_that_never_ends_ends_it(what: str) -> None:
    code, seconds, printed, told = run(f"waits.append(loop.time())  # {what}\nawait asyncio.Event().wait()")
    assert code == EXIT_CODE
    assert LIMIT < seconds < 1.5 * LIMIT
    assert printed == ""
    assert "what Kafka was asked has not come back for 1 s: the process ends" in told


def test_waits_that_end_in_time_do_not_end_it() -> None:
    waits = "for _ in range(4):\n    waits[:] = [loop.time()]\n    await asyncio.sleep(0.5)"
    code, _, printed, told = run(waits, afterwards=1.5 * LIMIT)
    assert (code, printed, told) == (0, "lived on\n", "")
