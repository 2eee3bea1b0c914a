"""The stop of a partition of which too much was refused: kept in its state until an operator ends it."""

from bisect import bisect_left
from collections.abc import Mapping

from msgspec import Struct

from schemas.events import Refusal
from streams.core.watermark import Input
from streams.runtime.partition.poison import EXPECTED, PoisonLimit
from streams.runtime.ports import Bounds, Fetched


class Stop(Struct, array_like=True, frozen=True):
    """Why nothing more is read. The offset of its first dead letter names it, and no later stop."""

    why: str
    dead_letters: int
    """The offset in the partition's dead letters from which those of its last batches stand."""


class PoisonGuard:
    """Decides whether a partition reads on: the limit, the stop when it is exceeded, what is exempt from it.

    Once a stop is ended, all that the inputs held at that time is read without the limit.
    """

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._limit = PoisonLimit()
        self.stop: Stop | None = None
        self._unlimited: dict[Input, int] = {}
        self.ended_reason: str | None = None
        """The reason of the stop that was ended last, by this processor."""

    def restore(self, stop: Stop | None, unlimited: Mapping[str, int]) -> None:
        """Restore what was committed."""
        self.stop = stop
        self._unlimited = {Input(name): end for name, end in unlimited.items()}

    def unlimited(self, positions: Mapping[Input, int]) -> dict[str, int]:
        """Return the offset up to which each input is still read without the limit."""
        return {source.value: end for source, end in self._unlimited.items() if positions[source] < end}

    def note(self, batch: Fetched, refused: Mapping[int, Refusal]) -> None:
        """Note a batch, and of the refused records by their index in it."""
        exempt, end = 0, self._unlimited.get(batch.source, 0)
        if batch.before < end:
            exempt = bisect_left(batch.records, end, key=lambda record: record.offset)
        poison = sorted(index for index, refusal in refused.items() if refusal.reason not in EXPECTED)
        self._limit.note(len(batch.records) - exempt, [index - exempt for index in poison if index >= exempt])

    @property
    def exceeded(self) -> bool:
        """Return whether a stop has to be committed."""
        return self.stop is None and self._limit.exceeded is not None

    def set_stop(self, dead_letters: int) -> None:
        """Stop; the dead letters of the last batches begin at an offset."""
        self.stop = Stop(self._limit.exceeded or "", dead_letters)

    def ends(self, mark: int) -> bool:
        """Return whether a mark (offset in the dead letters) is after the first dead letter of the stop."""
        return self.stop is not None and mark > self.stop.dead_letters

    def end_stop(self, inputs: Mapping[Input, Bounds]) -> None:
        """Read on: what the inputs hold now is read to its end, however much of it is refused."""
        self.ended_reason = self.reason
        self.stop, self._limit = None, PoisonLimit()
        self._unlimited = {source: bounds.end for source, bounds in inputs.items()}

    @property
    def reason(self) -> str | None:
        """Return why nothing more is read and what ends it; None while all is well."""
        stop = self.stop
        if stop is None:
            return self._limit.exceeded
        return (
            f"{stop.why}; when that is put right: `retention-signals redrive --execute`, or "
            f"`retention-signals worker --resume-partition {self._partition}@{stop.dead_letters}`"
        )
