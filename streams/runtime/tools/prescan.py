"""A directory read once before it is published: what a worker will make of its lines, and where ticks may go.

A tick at T leaves the effective time of what is later than T alone, and makes late what is not: so it goes
after the last line of its file with a time of T or before that is not refused, and every record is judged
as a replay would. A refused purchase that says who bought and when is judged too, by its effective time.
The last tick is one past the newest event accepted: duplicates and refused lines don't count, as in a replay.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from schemas.dead_letter import Reason
from schemas.events import Refusal, Tick
from schemas.hot import Decoded, Decoder
from schemas.partitioner import DEFAULT, Partitioner, Routes
from streams.console import OnProgress
from streams.core.customer.event_ids import EventIds
from streams.core.partition.acceptance import accept, refusal, time_of_sign
from streams.core.spend.signs_of_life import sign_of_life
from streams.core.time import DAY_MS
from streams.core.watermark import FACTS, FUTURE_MS, GIVEN, NEVER, Clock, Input
from streams.files import WHOLE_BYTES, Batch, batches, find, spot_misdated


class DayTick(NamedTuple):
    """A tick at a time (ms), to be published once a line of the file is."""

    after: int
    """The number of a line of the file."""
    time: int


@dataclass(slots=True)
class Prescan:
    """What a directory holds."""

    paths: dict[Input, Path]
    lines: Counter[Input] = field(default_factory=Counter)
    refused: Counter[Reason] = field(default_factory=Counter)
    """Lines that a worker will refuse."""
    left_out: int = 0
    """Those of them that are too large for Kafka, too."""
    blank: int = 0
    """Blank lines, which are skipped."""
    ahead: dict[Input, set[int]] = field(default_factory=dict)
    """The numbers of lines dated more than a year ahead of those around them: they are left out."""
    newest: int = NEVER
    """The newest event accepted, ms; NEVER if there is none."""
    ticks: dict[Input, list[DayTick]] = field(default_factory=dict)
    """One for each day of event time."""


def prescan(  # noqa: PLR0913 - all but the first go by name
    directory: Path,
    *,
    partitions: int,
    currency: str,
    lateness_ms: int,
    now_ms: int,
    partitioner: Partitioner = DEFAULT,
    strict_fields: bool = False,
    on_progress: OnProgress = lambda _done, _of: None,
) -> Prescan:
    """Return what a directory holds. `now_ms` is the wall clock; raises InputError if it can't be read."""
    paths = find(directory)
    prescanner = _Prescanner(
        Prescan(paths),
        Decoder(currency, strict_fields=strict_fields),
        Routes(partitions, partitioner),
        partitions=partitions,
        lateness_ms=lateness_ms,
        horizon=now_ms + FUTURE_MS,
    )
    total, before = sum(path.stat().st_size for path in paths.values()), 0
    for source, path in paths.items():
        for read in prescanner.read(source, path):
            on_progress(before + read, total)
        before += path.stat().st_size
    return prescanner.finish()


class _Intake(NamedTuple):
    """What decides of one input of one partition what is accepted."""

    clock: Clock
    ids: EventIds


class _Prescanner:
    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        found: Prescan,
        decoder: Decoder,
        routes: Routes,
        *,
        partitions: int,
        lateness_ms: int,
        horizon: int,
    ) -> None:
        self._found = found
        self._decode = {one: decoder.of(one) for one in GIVEN}
        self._routes = routes
        self._horizon = horizon
        self._intakes = {
            one: [_Intake(Clock(lateness_ms), EventIds()) for _ in range(partitions)] for one in GIVEN
        }
        self._oldest = -NEVER
        self._last_lines: dict[Input, dict[int, int]] = {one: {} for one in GIVEN}
        """For each day, counted up to its end, the last line of it."""

    def read(self, source: Input, path: Path) -> Iterator[int]:
        """Note the lines of a file; yields the bytes read so far."""
        ahead = self._found.ahead[source] = set()
        decoded = ((batch, list(map(self._decode[source], batch.lines))) for batch in batches(path))
        for (batch, events), out in spot_misdated(decoded, self._times):
            self._found.blank += batch.blank
            ahead.update(batch.numbers[at] for at in out)
            for number, raw, event in zip(batch.numbers, batch.lines, events, strict=True):
                if number not in ahead:
                    self._take(source, number, raw, event)
            for intake in self._intakes[source]:
                intake.ids.tidy(intake.clock)
            yield batch.bytes_read

    def _times(self, read: tuple[Batch, list[Decoded]]) -> list[int]:
        """Return the times that move a clock; what lies beyond the horizon is for the worker to refuse."""
        times = (NEVER if isinstance(event, Refusal) else event.time for event in read[1])
        return [time if time <= self._horizon else NEVER for time in times]

    def _take(self, source: Input, number: int, raw: bytes, event: Decoded) -> None:
        found = self._found
        found.lines[source] += 1
        reason = self._reason(source, number, event)
        if reason is not None:
            found.refused[reason] += 1
            found.left_out += len(raw) > WHOLE_BYTES

    def _reason(self, source: Input, line: int, event: Decoded) -> Reason | None:
        if isinstance(event, Refusal):
            self._note_sign(source, line, event)
            return event.reason
        intakes = self._intakes[source]
        clock, ids = intakes[0 if isinstance(event, Tick) else self._routes[event.customer_id]]
        refused = refusal(clock, event, self._horizon)
        if refused is not None:
            self._note_sign(source, line, event)
            return refused.reason
        if isinstance(event, Tick):
            for intake in intakes:
                intake.clock.tick(event.time)
        else:
            accept(clock, ids, event)
        self._last_lines[source][-(-event.time // DAY_MS)] = line
        if source in FACTS:
            self._oldest = min(self._oldest, event.time)
        return None

    def _note_sign(self, source: Input, line: int, refused: Decoded) -> None:
        """Let no tick that is later than the effective time of a refused purchase stand before its line."""
        sign = sign_of_life(refused)
        if sign is None:
            return
        clock = self._intakes[source][self._routes[sign.customer_id]].clock
        time = time_of_sign(clock, sign, self._horizon)
        if time != NEVER:
            self._last_lines[source][-(-clock.effective_time(time) // DAY_MS)] = line

    def finish(self) -> Prescan:
        """Return all that was found."""
        found = self._found
        found.newest = max(one.clock.newest for intakes in self._intakes.values() for one in intakes)
        found.ticks = {source: self._ticks(source) for source in FACTS}
        return found

    def _ticks(self, source: Input) -> list[DayTick]:
        """Return the ticks of an input; a time in (d - 1, d] days lets tick d come after it."""
        last_lines = self._last_lines[source]
        days = range(self._oldest // DAY_MS + 1, self._found.newest // DAY_MS + 1)
        ends = accumulate((last_lines.get(day, 0) for day in days), max)
        return [DayTick(after, day * DAY_MS) for day, after in zip(days, ends, strict=True)]
