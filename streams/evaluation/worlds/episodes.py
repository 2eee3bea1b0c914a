"""The episodes of a replay: when they opened and closed, and when they reached a level."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from typing_extensions import override

from schemas.alert import Alert
from schemas.times import parse_ms
from streams.core.customer.pending import Episode
from streams.core.episodes.opening import Gates
from streams.core.partition.partition import Partition
from streams.core.time import DAY_MS
from streams.lab.replay import Sampler

Level = Literal["watch", "alert"]


class Episodes(Sampler):
    """Keeps when episodes opened and closed in a replay, in ms, whether something was sent or not."""

    def __init__(self) -> None:
        self.closed_ms: dict[tuple[str, int], int | None] = {}
        """By customer and opening; None for those that are open."""

    @override
    def sample(self, partition: Partition) -> None:
        """Do nothing: openings and ends are reported by `judged` and `closed`."""

    @override
    def judged(self, customer_id: str, gates: Gates) -> None:
        """Note the opening of an episode."""
        if gates.opened:
            self.closed_ms[customer_id, gates.time] = None

    @override
    def closed(self, customer_id: str, episode: Episode, why: str, time: int) -> None:
        """Note the end of an episode; the opening of a silent one is not reported before."""
        self.closed_ms[customer_id, episode.opened] = time


@dataclass(frozen=True, slots=True)
class Span:
    """An episode with its first records, in ms."""

    opened: int
    closed: int
    """The end of the history where it is open."""
    watch: int | None
    alert: int | None

    @property
    def days(self) -> float:
        """Return how long it was open."""
        return (self.closed - self.opened) / DAY_MS

    def stands(self, level: Level, start: int, end: int) -> int | None:
        """Return when first in [start, end) the level stands."""
        since = self.alert if level == "alert" else self.watch
        if since is None or since >= end or self.closed <= start:
            return None
        return max(since, start)


def spans_of(raised: Sequence[Alert], episodes: Episodes, end_ms: int) -> dict[str, list[Span]]:
    """Return each customer's episodes; `raised` are the records that raised one to a level."""
    closed = dict(episodes.closed_ms)
    levels: defaultdict[str, list[tuple[int, Level]]] = defaultdict(list)
    for alert in raised:
        time = parse_ms(alert.time)
        levels[alert.customer_id].append((time, alert.level))
        if alert.rule == "silent" and alert.state == "raised":
            closed.setdefault((alert.customer_id, time), None)
    spans: defaultdict[str, list[Span]] = defaultdict(list)
    for (customer_id, opened), until in sorted(closed.items(), key=lambda one: one[0]):
        last = end_ms if until is None else until
        mine = [one for one in levels[customer_id] if opened <= one[0] <= last]
        watch = min((time for time, _ in mine), default=None)
        alerted = min((time for time, level in mine if level == "alert"), default=None)
        spans[customer_id].append(Span(opened, last, watch, alerted))
    return dict(spans)
