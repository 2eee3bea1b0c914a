"""A worker's clock over a wall clock that is set wrong."""

import asyncio
from collections.abc import Callable

from typing_extensions import override

from streams.runtime.ports import Clock
from streams.runtime.worker.wall_clock import WallClock
from tests.runtime.inputs import true_ms


class SetWrong(Clock):
    """The wall clock is so much (ms) ahead, by the seconds that have passed; `widest_ms` as of WallClock."""

    def __init__(self, ahead_ms: Callable[[float], int], *, widest_ms: int) -> None:
        now = asyncio.get_running_loop().time
        self._clock = WallClock(
            lambda: (true_ms() + ahead_ms(now())) * 1_000_000,
            lambda: round(now() * 1000) * 1_000_000,
            widest_ms=widest_ms,
        )

    @override
    def now_ms(self) -> int:
        return self._clock.now_ms()

    @override
    def steady_ms(self) -> int:
        return self._clock.steady_ms()

    @override
    def utc_ms(self, steady_ms: int) -> int:
        return self._clock.utc_ms(steady_ms)

    @override
    def appended(self, at_ms: int, *, after_steady_ms: int, before_steady_ms: int) -> None:
        self._clock.appended(at_ms, after_steady_ms=after_steady_ms, before_steady_ms=before_steady_ms)

    @override
    def update(self) -> bool:
        return self._clock.update()
