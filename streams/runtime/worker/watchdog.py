"""Ends a process when it hangs: one that does nothing keeps its partitions from those who would."""

import asyncio
import faulthandler
import logging
import os
import sys
from collections.abc import Callable, Iterable
from typing import Final

log = logging.getLogger(__name__)

EXIT_CODE: Final = 70
_BEATS: Final = 10
"""Looks in the time of the limit."""


class Watchdog:
    """Ends the process when its event loop is blocked, or when something has waited too long.

    `oldest_wait` gives the times (of the event loop) since when things have been waited for. A blocked loop
    is ended from outside the interpreter, which prints where each thread stood.
    """

    def __init__(self, limit_seconds: float, waits: Callable[[], Iterable[float]]) -> None:
        self._limit = limit_seconds
        self._waits = waits

    async def run(self) -> None:
        """Watch until cancelled."""
        try:
            while True:
                faulthandler.dump_traceback_later(self._limit, exit=True, file=sys.stderr)
                self._look()
                await asyncio.sleep(self._limit / _BEATS)
        finally:
            faulthandler.cancel_dump_traceback_later()

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        longest = max((now - since for since in self._waits()), default=0.0)
        if longest > self._limit:
            log.critical("what Kafka was asked has not come back for %.0f s: the process ends", longest)
            logging.shutdown()
            os._exit(EXIT_CODE)
