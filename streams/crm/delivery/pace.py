"""At most so many requests a second. Pure: the clock is given."""

from collections.abc import Callable


class Pace:
    """A token bucket of one token: requests are spread evenly, and none are saved up."""

    def __init__(self, requests_per_second: float, clock: Callable[[], float]) -> None:
        """Take the rate, and a clock in seconds that never goes back."""
        self._interval, self._clock = 1 / requests_per_second, clock
        self._next = clock()

    def take(self) -> float:
        """Take the next token, and return in how many seconds it is there."""
        now = self._clock()
        due = max(now, self._next)
        self._next = due + self._interval
        return due - now

    def wait(self) -> float:
        """Return in how many seconds the next token is there, without taking it."""
        return max(0.0, self._next - self._clock())

    def rest(self, seconds: float) -> None:
        """Give no token for so long: the CRM has asked for fewer requests."""
        self._next = max(self._next, self._clock() + seconds)
