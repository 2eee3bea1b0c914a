"""A worker that stands still tells on SIGUSR1 where, and goes on."""

import subprocess
import sys

PROGRAM = """
import asyncio, os, signal, time
from streams.runtime.worker.stacks import tell_on_signal

async def nobody_answers(secret):
    await deeper(secret)

async def deeper(secret):
    answered = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(answered.set_result, [secret])
    await answered
    await asyncio.Event().wait()

async def work():
    tell_on_signal(lambda: [asyncio.get_running_loop()])
    waiting = asyncio.create_task(nobody_answers("customer-1"))
    await asyncio.sleep(0.1)
    os.kill(os.getpid(), signal.SIGUSR1)
    {blocked}
    await asyncio.sleep(0.1)
    waiting.cancel()
    print("lived on")

asyncio.run(work())
"""


def told(blocked: str = "") -> str:
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", PROGRAM.format(blocked=blocked)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout == "lived on\n"
    return done.stderr


def test_it_tells_where_each_task_waits_and_no_values() -> None:
    stacks = told()
    assert stacks.index("in nobody_answers") < stacks.index("in deeper") < stacks.index("in Event.wait")
    assert "customer-1" not in stacks


def test_a_blocked_event_loop_tells_where_it_is_blocked() -> None:
    stacks = told("time.sleep(0.5)")
    assert "most recent call first" in stacks
    assert "in work" in stacks.partition("most recent call first")[2]
