"""The lines of a file as replay takes them in: decoded and in order; those dated out of place are refused."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeVar

from schemas.dead_letter import Reason
from schemas.events import Refusal
from streams.core.watermark import NEVER, TOO_LATE_MS
from streams.files import batches, spot_misdated
from streams.lab.inputs.arrived import Arrived, ArrivedQuickly, Batch, Decode, time_of
from streams.native import LineDecoder

AHEAD: Final = "time: a year or more ahead of the lines around it"
_CHUNK: Final = 10_000
_NEARLY: Final = 100

_B = TypeVar("_B", bound=Batch)


def arrivals(path: Path, decode: Decode, horizon: int, *, by_time: bool) -> Iterator[Arrived]:
    """Yield the lines of a file in their order, or sorted by time; raises InputError if it can't be read.

    A line that is dated more than a year ahead of those around it is refused, unless it lies beyond the
    horizon (ms): the partition refuses that.
    """
    decoded = (
        Arrived(batch.numbers, batch.lines, list(map(decode, batch.lines)), batch.bytes_read, batch.blank)
        for batch in batches(path)
    )

    checked = partial(_without_misdated, horizon=horizon)
    if not by_time:
        yield from checked(decoded)
        return
    held = list(decoded)
    # In a file that is nearly sorted, the place of a line shows that its date is wrong.
    if _is_nearly_sorted(held):
        held = list(checked(iter(held)))
    yield from checked(_sorted(held))


def quick_arrivals(
    path: Path, decode: Decode, purchases: LineDecoder, horizon: int, now: int
) -> Iterator[ArrivedQuickly]:
    """Yield the lines of a file of transactions as `arrivals` does, in their order; `now` is the wall clock.

    Compiled code reads the plain purchases.
    """
    decoded = (ArrivedQuickly(batch, purchases.decode(batch.lines, now), decode) for batch in batches(path))
    return _without_misdated(decoded, horizon)


def _without_misdated(files: Iterator[_B], horizon: int) -> Iterator[_B]:
    def times(batch: Batch) -> list[int]:
        found = batch.times()
        if max(found, default=NEVER) <= horizon:
            return found
        return [time if time <= horizon else NEVER for time in found]

    for batch, ahead in spot_misdated(files, times):
        for at in ahead:
            batch.refuse(at, Refusal(Reason.FUTURE, AHEAD))
        yield batch


def _is_nearly_sorted(held: list[Arrived]) -> bool:
    """Return whether at most one line in a hundred is more than 8 days older than the one before it."""
    times = [time for one in held for time in map(time_of, one.records) if time != NEVER]
    falls = sum(after < before - TOO_LATE_MS for before, after in pairwise(times))
    return _NEARLY * falls <= len(times)


def _sorted(held: list[Arrived]) -> Iterator[Arrived]:
    """Yield the same lines by time, those of one time in their order; those of unknown time come first.

    A refused purchase keeps its time where that is known.
    """
    if not held:
        return
    lines = [line for one in held for line in zip(one.numbers, one.lines, one.records, strict=True)]
    lines.sort(key=lambda line: NEVER if line[2].time is None else line[2].time)
    blank = sum(one.blank for one in held)
    for at in range(0, len(lines), _CHUNK):
        numbers, raw, records = zip(*lines[at : at + _CHUNK], strict=True)
        yield Arrived(numbers, raw, list(records), held[-1].bytes_read, 0 if at else blank)
