"""The events of the topics: alerts of both arms, what was bought afterwards, what the CRM said of it.

Nothing but committed records is read. Of customers without an alert nothing is kept.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Final

from schemas.alert import Alert
from schemas.events import Disposition, Event, Merge, Refusal, Transaction
from schemas.hot import Decoder
from schemas.times import format_ms
from schemas.topics import ALERTS, HOLDOUT
from streams.console import OnProgress
from streams.core.ruleset import Ruleset
from streams.core.watermark import FUTURE_MS, Input
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.committed_reader import committed_reader
from streams.runtime.kafka.errors import transaction_errors
from streams.runtime.tools.alert_reader import alert_reader
from streams.settings import Settings
from streams.uplift.cohort import Alerts, Period
from streams.uplift.comparison import Material
from streams.uplift.identities import Identities
from streams.uplift.outcomes import Outcomes

_STEPS: Final = 1_000


class _Topics:
    """Reads the topics; holds what was found out on the way."""

    def __init__(
        self, settings: Settings, partitions: Mapping[str, int], now_ms: int, on_progress: OnProgress
    ) -> None:
        self._settings = settings
        self._partitions = partitions
        self._horizon = now_ms + FUTURE_MS
        self._on_progress = on_progress
        self._decoder = Decoder(settings.reporting_currency)
        self.identities = Identities()
        self.as_of_ms = 0
        self.floor_ms = 0
        self.no_alerts = 0

    def read_alerts(self, alerts: Alerts, canary_prefix: str) -> None:
        """Let a cohort take the alerts of both arms, but for those of the canary's synthetic customers."""
        for topic in (ALERTS.name, HOLDOUT.name):
            name, partitions = self._settings.topic_prefix + topic, self._partitions[topic]
            with (
                admin_client(self._settings),  # it says in plain words what kafka-python raises
                alert_reader(self._settings, name, partitions, new=False) as reader,
            ):
                for found in reader.existing():
                    if not isinstance(found, Alert):
                        self.no_alerts += 1
                    elif not found.customer_id.startswith(canary_prefix):
                        alerts.take(found)

    async def read_merges(self) -> None:
        """Read which ids are one, what the newest purchase is, and from when on all purchases are kept."""
        async for event, first in self._events(Input.TRANSACTIONS, 0):
            if first:
                self.floor_ms = max(self.floor_ms, event.time)
            if isinstance(event, Merge):
                self.identities.join(event.customer_id, event.into)
            elif isinstance(event, Transaction):
                self.as_of_ms = max(self.as_of_ms, event.time)

    async def read_outcomes(self, outcomes: Outcomes) -> None:
        """Let the outcomes take what was bought, and who was contacted."""
        async for event, _ in self._events(Input.TRANSACTIONS, 1):
            if isinstance(event, Transaction):
                outcomes.take(event)
        async for event, _ in self._events(Input.DISPOSITIONS, 2):
            if isinstance(event, Disposition):
                outcomes.note(event)

    def notes(self) -> Iterator[str]:
        """Yield what the topics do not show."""
        if self.floor_ms:
            yield (
                f"Transactions from before {format_ms(self.floor_ms)[:10]} are deleted (kept for 400 days): "
                "alerts raised earlier are not measured."
            )
        if self.no_alerts:
            yield f"{self.no_alerts:,} records on the topics of alerts are none; `alerts` lists them."

    async def _events(self, source: Input, step: int) -> AsyncIterator[tuple[Event, bool]]:
        """Yield the sound events of a topic that are not of the future.

        With each, whether it is the first of a partition of which older records were deleted.
        """
        decode, partitions = self._decoder.of(source), self._partitions[source.value]
        with transaction_errors(self._settings):
            topic = self._settings.topic_prefix + source.value
            async with committed_reader(self._settings, topic, partitions) as reader:
                read, offsets = 0, max(1, reader.offsets)
                for partition, bounds in enumerate(reader.bounds):
                    first = bounds.start > 0
                    async for batch in reader.read(partition):
                        for record in batch:
                            event = None if record.value is None else decode(record.value)
                            if event is None or isinstance(event, Refusal) or event.time > self._horizon:
                                continue
                            yield event, first
                            first = False
                        read += len(batch)
                        self._on_progress(_STEPS * step + _STEPS * min(read, offsets) // offsets, 3 * _STEPS)


def read_topics(  # noqa: PLR0913 - all but the first two go by name
    settings: Settings,
    rules: Ruleset,
    *,
    period: Period,
    partitions: Mapping[str, int],
    canary_prefix: str,
    with_backfill: bool,
    now_ms: int,
    on_progress: OnProgress,
) -> Material:
    """Return the trial that the topics hold; `partitions` are how many each has, by its name.

    The transactions are read twice, first for the merges, so that what was bought under any id of a customer
    counts. Raises SettingsError, KafkaUnavailableError, KafkaRefusedError.
    """
    topics, alerts = _Topics(settings, partitions, now_ms, on_progress), Alerts(with_backfill=with_backfill)
    topics.read_alerts(alerts, canary_prefix)
    asyncio.run(topics.read_merges())
    cohort = alerts.cohort(topics.identities, rules, period)
    outcomes = Outcomes(cohort.rows, topics.identities)
    asyncio.run(topics.read_outcomes(outcomes))
    return Material(
        cohort,
        outcomes,
        min(topics.as_of_ms, now_ms),
        floor_ms=topics.floor_ms,
        currency=settings.reporting_currency,
        notes=tuple(topics.notes()),
    )
