"""What stands on the alerts topic against what replay gave."""

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kafka import TopicPartition
from kafka.protocol.consumer.offsets import IsolationLevel
from typing_extensions import override

from schemas.topics import ALERTS
from streams.demo.processes import DemoError
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import ends_of
from streams.runtime.tools.alert_reader import InvalidAlert, alert_reader
from streams.settings import Settings

_SETTLE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Alert records: on the topic, of replay but not there, there but not of replay, there more than once."""

    records: int
    missing: int
    others: int
    twice: int

    @property
    def equal(self) -> bool:
        """Return whether the topic holds exactly the alerts of replay."""
        return not (self.missing or self.others or self.twice)

    @override
    def __str__(self) -> str:
        records = f"{self.records:,} alert records on the topic"
        if self.equal:
            return f"{records}: exactly those of replay, none twice, though a worker was killed on the way"
        differs = f"{self.missing:,} missing, {self.others:,} that replay does not have, {self.twice:,} twice"
        return f"{records}, and NOT those of replay: {differs}"


def verdict(settings: Settings, replayed: Path) -> Verdict:
    """Compare the alerts topic, read as a CRM reads it, with replay's file. The workers must be idle.

    Raises DemoError if a transaction stays open, and what `admin_client` raises.
    """
    topic = settings.topic_prefix + ALERTS.name
    _settle(settings, topic)
    with alert_reader(settings, topic, settings.partitions, new=False) as reader:
        found = [
            str(one) if isinstance(one, InvalidAlert) else one.model_dump_json() for one in reader.existing()
        ]
    return compared(Counter(found), Counter(replayed.read_text(encoding="utf-8").splitlines()))


def compared(found: Counter[str], wanted: Counter[str]) -> Verdict:
    """Return what the difference of two bags of alerts comes to."""
    return Verdict(
        records=found.total(),
        missing=(wanted - found).total(),
        others=len(found.keys() - wanted.keys()),
        twice=sum(times - max(1, wanted[one]) for one, times in found.items() if times > max(1, wanted[one])),
    )


def _settle(settings: Settings, topic: str) -> None:
    """Wait for the end of the last transactions, which comes a moment after their commit."""
    tps = [TopicPartition(topic, number) for number in range(settings.partitions)]
    deadline = time.monotonic() + _SETTLE_SECONDS
    with admin_client(settings) as admin:
        while ends_of(admin, tps, IsolationLevel.READ_COMMITTED) != ends_of(admin, tps):
            if time.monotonic() > deadline:
                raise DemoError("a transaction on the alerts topic does not end")
            time.sleep(0.1)
