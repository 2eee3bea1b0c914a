"""An event loop whose time passes at once when nothing else is to be done: fast, and the same every time."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from typing_extensions import override

T = TypeVar("T")


class HangError(Exception):
    """Everything waits, and nothing will ever happen."""


class _Skipping(selectors.SelectSelector):
    """Waits for nothing, and notes how long it would have waited."""

    skipped = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise HangError
        self.skipped += max(0.0, timeout)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop; its time begins at 0."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)
        # After half a year a float has no nanoseconds left: a timer that is due would not be taken for it.
        self._clock_resolution = 1e-6

    @override
    def time(self) -> float:
        return self._skipping.skipped


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, and return its result; raises HangError where it would wait for ever."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)
