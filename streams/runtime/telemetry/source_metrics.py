"""What is shown of the sources of events: their names are text from outside, and as many as they like."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from streams.core.watermark import Input

MOST_SOURCES: Final = 20
OTHER: Final = "other"


@dataclass(frozen=True, slots=True)
class SourceTimes:
    """The newest record seen of a source: when it was appended, and how long before that its time was; ms."""

    appended: int
    delay: int


Sources: TypeAlias = Mapping[Input, Mapping[str, SourceTimes]]
"""The newest record of each source, by input."""

_MOST_CHARACTERS: Final = 64
_ODD: Final = re.compile(r"[^A-Za-z0-9._:/-]")


class SourceCollector(Collector):
    """Two gauges by input and source over all partitions of a worker, made when they are asked for."""

    def __init__(self, delay: Metric, last_append: Metric) -> None:
        self._delay, self._last_append = delay, last_append
        self.partitions: dict[int, Sources] = {}
        """What each partition knows; mappings that go on changing are welcome."""

    @override
    def collect(self) -> Iterator[Metric]:
        labels = ("input", "source")
        delay, appended = (
            GaugeMetricFamily(one.name, one.documentation, labels=labels)
            for one in (self._delay, self._last_append)
        )
        for source in Input:
            for name, newest in newest_of(one[source] for one in self.partitions.values()).items():
                delay.add_metric((source, name), newest.delay / 1000)
                appended.add_metric((source, name), newest.appended / 1000)
        yield from (delay, appended)

    def describe(self) -> Iterator[Metric]:
        """Yield both without a sample: a registry asks what they are called."""
        yield from (self._delay, self._last_append)


def newest_of(partitions: Iterable[Mapping[str, SourceTimes]]) -> dict[str, SourceTimes]:
    """Return the newest record by the name that is shown: of 20 sources, and of all others as one."""
    found: dict[str, SourceTimes] = {}
    for times in partitions:
        for source, one in times.items():
            name = shown(source)
            if name not in found and len(found.keys() - {OTHER}) >= MOST_SOURCES:
                name = OTHER
            if name not in found or found[name].appended < one.appended:
                found[name] = one
    return found


def shown(source: str) -> str:
    """Return the name of a source as a label: the first 64 characters, the odd ones replaced."""
    return _ODD.sub("_", source[:_MOST_CHARACTERS])
