"""Gauges of the sources of events: their names are text from outside, and there may be any number of them."""

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
    """Two gauges by input and source over all partitions of a worker, computed at each scrape."""

    def __init__(self) -> None:
        self.partitions: dict[int, Sources] = {}
        """What each partition knows; the mappings may go on changing."""

    @override
    def collect(self) -> Iterator[Metric]:
        delay, appended = self.describe()
        for source in Input:
            for name, newest in newest_of(one[source] for one in self.partitions.values()).items():
                delay.add_metric((source, name), newest.delay / 1000)
                appended.add_metric((source, name), newest.appended / 1000)
        yield from (delay, appended)

    def describe(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
        """Return both without a sample: a registry asks for their names."""
        labels = ("input", "source")
        return (
            GaugeMetricFamily(
                "retention_source_delay_seconds",
                "From the time of a source's newest record to its append by Kafka; below 0 the source's "
                "clock is fast. The first record of a batch is looked at, and one in 16. 20 sources an input "
                "are told apart, the others are `other`; names are cut to 64 characters, odd ones in them "
                "are `_`.",
                labels=labels,
            ),
            GaugeMetricFamily(
                "retention_source_last_append_timestamp_seconds",
                "When Kafka appended that record.",
                labels=labels,
            ),
        )


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
