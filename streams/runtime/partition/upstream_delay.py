"""How long purchases take until Kafka appends them, and the newest record of each source."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from streams.runtime.telemetry.source_metrics import MOST_SOURCES, OTHER, SourceTimes

LONGEST_MS: Final = 3_600_000
"""A feed that takes longer comes in nightly batches: no delay that time could wait for."""
_STEPS_MS: Final = (0, *(1000 << n >> 5 for n in range(17)), LONGEST_MS)
"""What a delay is rounded up to, a second or its halves and doubles: the clock waits for so long."""
_COVERED: Final = 0.7
"""Less than all, so that one slow source of several does not delay the others."""
_ENOUGH: Final = 20
_FIRST: Final = 5
"""So many are enough where nothing was known: a small feed takes days to bring more."""
_PERIOD_MS: Final = 600_000
_RESTED_MS: Final = 7 * 24 * 3_600_000
"""A source that brought nothing for so long makes room for another."""
_ENDED_MS: Final = 35 * 24 * 3_600_000
"""A source that brought nothing for so long is over: as long as the alert rule tells of it."""


class UpstreamDelay:
    """The delay that covers 7 of 10 purchases of the last ten to twenty minutes.

    While they are too few, it is what was known before (ms); if that is nothing, a few are enough.
    """

    def __init__(self, known_ms: int = 0) -> None:
        self._known_ms = known_ms
        self._cached_ms: int | None = None
        """The delay since the last note, if it was asked for."""
        self._young: Counter[int] = Counter()
        self._old: Counter[int] = Counter()
        self._since: int | None = None

    def note(self, appended: int, time: int) -> None:
        """Note a purchase that was appended at a time (ms)."""
        delay = appended - time
        if delay > LONGEST_MS:
            return
        if self._since is None:
            self._since = appended
        if appended - self._since > _PERIOD_MS and self._young.total() >= _ENOUGH:
            self._young, self._old, self._since = Counter(), self._young, appended
        self._young[_STEPS_MS[bisect_left(_STEPS_MS, delay)]] += 1
        self._cached_ms = None

    @property
    def ms(self) -> int:
        """Return the delay, rounded up to a step; 0 while nothing is known."""
        if self._cached_ms is None:
            self._cached_ms = self._covering_ms()
        return self._cached_ms

    def _covering_ms(self) -> int:
        counts = self._young + self._old
        left = counts.total() * _COVERED
        if counts.total() < (_ENOUGH if self._known_ms else _FIRST):
            return self._known_ms
        for ms in sorted(counts):
            left -= counts[ms]
            if left <= 0:
                return ms
        raise AssertionError("a share of all is covered by all")


class Sources:
    """The newest record of each source of an input, for at most 20 of them; the others are one.

    It begins with what was known before, but for sources that ended long before the newest one.
    """

    def __init__(self, known: Mapping[str, tuple[int, int]] = MappingProxyType({})) -> None:
        newest = max((appended for appended, _ in known.values()), default=0)
        self.times = {
            source: SourceTimes(appended, delay)
            for source, (appended, delay) in known.items()
            if newest - appended <= _ENDED_MS
        }

    def note(self, source: str, appended: int, time: int) -> None:
        """Note a record."""
        if source not in self.times and len(self.times) >= MOST_SOURCES:
            oldest = min(self.times.keys() - {OTHER}, key=lambda one: self.times[one].appended)
            if appended - self.times[oldest].appended > _RESTED_MS:
                del self.times[oldest]
            else:
                source = OTHER
        self.times[source] = SourceTimes(appended, appended - time)

    def known(self) -> dict[str, tuple[int, int]]:
        """Return what a later one may begin with: the append of each source's record, and its delay (ms)."""
        return {source: (one.appended, one.delay) for source, one in self.times.items()}
