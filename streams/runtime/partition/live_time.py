"""Event time on the live clock: inputs that have nothing more to read move with the wall clock."""

from collections.abc import Mapping

from streams.core.watermark import FACTS, NEVER, Input
from streams.runtime.partition.processor import PartitionProcessor
from streams.runtime.ports import UNKNOWN, Clock, Fetched, HighWatermark


class LiveTime:
    """Moves the inputs of one open partition; all times in ms.

    `quiet_ms`: for how long an input may bring nothing before its time stands still; for ever if left out.
    """

    def __init__(
        self, processor: PartitionProcessor, clock: Clock, *, quiet_ms: Mapping[Input, int], lateness_ms: int
    ) -> None:
        self._processor, self._clock = processor, clock
        self._quiet_ms, self._lateness_ms = quiet_ms, lateness_ms
        self._caught_up: dict[Input, tuple[int, int]] = {}
        """Position of an input at which there was nothing more to read, and when (steady) that was asked."""

    def note_append(self, batch: Fetched) -> None:
        """Tell the clock when the broker appended what was not there when we asked before."""
        position, asked_ms = self._caught_up.get(batch.source, (UNKNOWN, UNKNOWN))
        if batch.records and position == batch.before:
            at = batch.records[0].timestamp
            self._clock.appended(at, after_steady_ms=asked_ms, before_steady_ms=self._clock.steady_ms())

    def advance(self, high_watermarks: Mapping[Input, HighWatermark]) -> bool:
        """Move the inputs of facts that are caught up, unless one of them is stalled.

        Event time would stand still in any case, and what comes later to the other one would be late.
        Return whether the clock can be trusted; while it can't, time stands still.
        """
        processor = self._processor
        asked = {}
        for source in FACTS:
            high = high_watermarks[source]
            if high.asked_ms != UNKNOWN and processor.positions[source] >= high.end:
                self._caught_up[source] = processor.positions[source], high.asked_ms
                asked[source] = high.asked_ms
        trusted = self._clock.update()
        if asked and trusted and not any(map(self.is_stalled, FACTS)):
            processor.advance({source: self._complete_until(source, at) for source, at in asked.items()})
        return trusted

    def is_stalled(self, source: Input) -> bool:
        """Return whether an input has brought nothing for so long that its time stands still."""
        most = self._quiet_ms.get(source)
        alive_at = self._processor.partition.alive_at(source)
        return most is not None and (alive_at == NEVER or self._clock.now_ms() - alive_at > most)

    def _complete_until(self, source: Input, asked_ms: int) -> int:
        """Return up to when an input is complete that had nothing more when we asked (steady)."""
        upstream = self._processor.delay.ms if source is Input.TRANSACTIONS else 0
        return self._clock.utc_ms(asked_ms) - self._lateness_ms - upstream
