"""Where each thread and each task stands, for whoever asks with SIGUSR1 as nothing goes on.

Only places in the code are told, never values: nothing of a customer reaches the log.
"""

import asyncio
import faulthandler
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any


def tell_on_signal(loops: Callable[[], Iterable[asyncio.AbstractEventLoop]]) -> None:
    """Write all stacks to the standard error output at each SIGUSR1, tasks of these loops included."""

    def tell() -> None:
        for loop in loops():
            for task in asyncio.all_tasks(loop):
                told = ["Task, outermost call first:", *_places(task.get_coro())]
                sys.stderr.write("\n  ".join(told) + "\n")
        sys.stderr.flush()

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, tell)
    # That needs a loop which runs. The threads are told even if it is blocked.
    faulthandler.register(signal.SIGUSR1, file=sys.stderr, all_threads=True, chain=True)


def _places(awaited: Any) -> Iterator[str]:
    """Yield where a coroutine stands, then what it waits for, and so on. Python itself would tell values."""
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None:
            code = frame.f_code
            yield f'File "{code.co_filename}", line {frame.f_lineno} in {code.co_qualname}'
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
