"""What there is to see of the demo: the show writes it, the view reads it."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, NamedTuple

from schemas.alert import Alert
from streams.lab.replay.summary import standing
from streams.runtime.tools.publish import Published

_KEPT: Final = 50


class Milestone(NamedTuple):
    """Something that happened, and when: seconds from the start."""

    seconds: float
    text: str


class Arrival(NamedTuple):
    """An alert record, and when it was read: seconds from the start."""

    seconds: float
    alert: Alert


@dataclass(slots=True)
class WorkerSeen:
    """A worker by its /ready: partition numbers and their states; none while it does not answer."""

    number: int
    partitions: dict[int, str] = field(default_factory=dict)
    killed: bool = False

    @property
    def ready(self) -> set[int]:
        """The partitions that it works on."""
        return {number for number, state in self.partitions.items() if state == "ready"}


@dataclass(slots=True)
class Scene:
    """All figures of the moment; `lines` is how many the files have."""

    title: str
    currency: str
    lines: int
    workers: list[WorkerSeen]
    desk: str | None = None
    """Where the desk is."""
    published: Published = field(default_factory=Published)
    records_per_second: float = 0.0
    committed: int = 0
    """Records that the workers have read for good."""
    milestones: list[Milestone] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    """The newest last."""
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Alert records by state and level."""
    _newest: dict[str, Alert] = field(default_factory=dict)
    _started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return time.monotonic() - self._started

    @property
    def lag(self) -> int:
        """How many records of those in Kafka are not yet read for good."""
        return max(0, self.published.arrived - self.committed)

    def note(self, text: str) -> None:
        """Note that something happened."""
        self.milestones.append(Milestone(self.seconds, text))

    def take(self, alerts: Iterable[Alert]) -> None:
        """Take in alert records that were read from the topic."""
        for alert in sorted(alerts, key=attrgetter("time")):
            self.counts[alert.state, alert.level] += 1
            self._newest[alert.alert_id] = alert
            self.arrivals.append(Arrival(self.seconds, alert))
        del self.arrivals[:-_KEPT]

    def ranked(self) -> list[Alert]:
        """Return the newest record of every alert that stands, the most value at risk first."""
        return standing(list(self._newest.values()))
