"""How long ago Kafka answered. With the broker away and nothing to do there is no error, only silence."""

import time
from collections.abc import Callable


class BrokerLiveness:
    """How long no broker has answered, counted from the start until the first does.

    Times are of a monotonic clock, in seconds. May be used from any thread.
    """

    def __init__(self, limit_seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._now = limit_seconds, now
        self._at = now()

    def note_answer(self) -> None:
        """Note an answer."""
        self._at = self._now()

    @property
    def silent_seconds(self) -> float:
        """Return how long ago the last answer came."""
        return self._now() - self._at

    @property
    def problem(self) -> str | None:
        """Return in words that no answer has come for longer than the limit; None while they come."""
        seconds = self.silent_seconds
        return f"Kafka has not answered for {seconds:.0f} s" if seconds > self._limit else None
