"""What is told to pages as it happens (server-sent events), so that who was away for a moment misses nothing.

An id is the life of this process and a number. Whoever comes back with an id of this life is told what came
since; anybody else is told to begin afresh.
"""

import asyncio
import json
import secrets
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

_MOST_KEPT: Final = 1_000
MOST_PAGES: Final = 500
BEAT_SECONDS: Final = 10.0
"""So often pages are told something, or that there is nothing: to one that hears no beat the desk is lost."""
_MOST_DIGITS: Final = 20


class Events:
    """Those of the last minutes, and the pages that listen."""

    def __init__(self, *, beat_seconds: float = BEAT_SECONDS) -> None:
        self._beat_seconds: Final = beat_seconds
        self.life: Final = secrets.token_hex(6)
        self._kept: deque[tuple[int, str]] = deque(maxlen=_MOST_KEPT)
        self._number = 0
        self._more = asyncio.Event()
        self.pages = 0
        """How many listen."""

    @property
    def place(self) -> str:
        """Return the id from which on a page that is made now has to listen."""
        return f"{self.life}.{self._number}"

    def tell(self, kind: str, data: object) -> None:
        """Tell all pages."""
        self._number += 1
        text = json.dumps(data, separators=(",", ":"))
        self._kept.append((self._number, f"id: {self.place}\nevent: {kind}\ndata: {text}\n\n"))
        self._more.set()
        self._more = asyncio.Event()

    async def since(self, place: str) -> AsyncIterator[str]:
        """Yield what is told from a place on, without end; beats at first, and while there is nothing.

        A beat is an event, for a page sees no comments, and says how many seconds are between two.
        """
        beat = f"event: beat\ndata: {self._beat_seconds}\n\n"
        at = self._number_of(place)
        self.pages += 1
        try:
            yield f"retry: 1000\n{beat}"
            if at is None:
                at = self._number
                yield f"id: {self.place}\nevent: reset\ndata: null\n\n"
            while True:
                more = self._more
                fresh = [one for one in self._kept if one[0] > at]
                if fresh and fresh[0][0] > at + 1:  # too slow: what it missed is gone
                    at = self._number
                    yield f"id: {self.place}\nevent: reset\ndata: null\n\n"
                    continue
                for number, text in fresh:
                    at = number
                    yield text
                try:
                    async with asyncio.timeout(self._beat_seconds):
                        await more.wait()
                except TimeoutError:
                    yield beat
        finally:
            self.pages -= 1

    def _number_of(self, place: str) -> int | None:
        """Return the number of a place in this life; None for any other."""
        life, _, number = place.partition(".")
        if life != self.life or not (number.isascii() and number.isdigit() and len(number) < _MOST_DIGITS):
            return None
        at = int(number)
        oldest = self._kept[0][0] if self._kept else self._number + 1
        return at if oldest - 1 <= at <= self._number else None
