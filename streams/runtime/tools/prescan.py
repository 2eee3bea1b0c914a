"""A directory read once before it is published: what a worker will make of its lines, and where ticks may go.

A tick at T leaves the effective time of what is later than T alone, and makes late what is not: so it goes
after the last line of its file with a time of T or before that is not refused, and every record is judged
as a replay would. A refused purchase that tells who bought and when is judged too, by its effective time.
The last tick is one past the newest event accepted: duplicates and refused lines don't count, as in a replay.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from schemas.dead_letter import Reason
from schemas.events import Refusal, Tick
from schemas.hot import Decoded, Decoder
from schemas.partitioner import Routes
from streams.core.customer.event_ids import EventIds
from streams.core.customer.pending import Event
from streams.core.spend.signs_of_life import sign_of_life
from streams.core.time import DAY_MS
from streams.core.watermark import FACTS, FUTURE_MS, GIVEN, NEVER, TOO_LATE_MS, Clock, Input
from streams.files import WHOLE_BYTES, Batch, batches, find, spot_misdated

Told = Callable[[int, int], None]
"""Is told the bytes read and the bytes of all files."""


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
    told: Told = lambda _read, _total: None,
) -> Prescan:
    """Return what a directory holds. `now_ms` is the wall clock; raises InputError if it can't be read."""
    paths = find(directory)
    prescanner = _Prescanner(Prescan(paths), partitions, currency, lateness_ms, now_ms + FUTURE_MS)
    total, before = sum(path.stat().st_size for path in paths.values()), 0
    for source, path in paths.items():
        for read in prescanner.read(source, path):
            told(before + read, total)
        before += path.stat().st_size
    return prescanner.finish()


class _Intake:
    """One input of one partition, as far as it decides what is accepted."""

    def __init__(self, lateness_ms: int) -> None:
        self.clock = Clock(lateness_ms)
        self._ids = EventIds()

    def take(self, event: Event) -> Reason | None:
        """Take note of an event, and return why it is refused; duplicates leave no trace."""
        clock, ids = self.clock, self._ids
        effective_time = clock.effective_time(event.time)
        if effective_time - event.time > TOO_LATE_MS:
            return Reason.TOO_LATE
        key = ids.key_of(event)
        if not ids.is_duplicate(key, effective_time):
            ids.remember(key, effective_time)
            clock.accept(event.time)
        return None

    def forget(self) -> None:
        """Let go of ids that can't come again."""
        self._ids.tidy(self.clock)


class _Prescanner:
    def __init__(
        self, found: Prescan, partitions: int, currency: str, lateness_ms: int, horizon: int
    ) -> None:
        decoder = Decoder(currency)
        self._found = found
        self._decode = {one: decoder.of(one) for one in GIVEN}
        self._routes = Routes(partitions)
        self._horizon = horizon
        self._intakes = {one: [_Intake(lateness_ms) for _ in range(partitions)] for one in GIVEN}
        self._oldest = -NEVER
        self._last_lines: dict[Input, dict[int, int]] = {one: {} for one in GIVEN}
        """For each day, counted up to its end, the last line of it."""

    def read(self, source: Input, path: Path) -> Iterator[int]:
        """Take note of the lines of a file; yields the bytes read so far."""
        ahead = self._found.ahead[source] = set()
        decoded = ((batch, list(map(self._decode[source], batch.lines))) for batch in batches(path))
        for (batch, events), out in spot_misdated(decoded, self._times):
            self._found.blank += batch.blank
            ahead.update(batch.numbers[at] for at in out)
            for number, raw, event in zip(batch.numbers, batch.lines, events, strict=True):
                if number not in ahead:
                    self._take(source, number, raw, event)
            for intake in self._intakes[source]:
                intake.forget()
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
        if event.time > self._horizon:
            self._note_sign(source, line, event)
            return Reason.FUTURE
        intakes = self._intakes[source]
        if isinstance(event, Tick):
            for intake in intakes:
                intake.clock.tick(event.time)
        elif (reason := intakes[self._routes[event.customer_id]].take(event)) is not None:
            self._note_sign(source, line, event)
            return reason
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
        effective_time = clock.effective_time(sign.time if sign.time <= self._horizon else clock.now)
        if effective_time != NEVER:
            self._last_lines[source][-(-effective_time // DAY_MS)] = line

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
