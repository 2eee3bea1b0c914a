"""What goes from an id that ended to the one that goes on: see "Merged customers" in docs/detection.md."""

from typing import Any, Final

from msgspec import MsgspecError, Struct, field, msgpack

from streams.core.time import HOUR_MS

MOVE_HOURS: Final = 1
"""A history takes so long: partitions that are as far as that apart come to the same."""


class Merged(Struct, array_like=True):
    """That an id ended: where its history goes, and from which hour on there is something to hand over."""

    into: str
    time: int
    """Of the merge, ms."""
    event_id: str
    due: int | None
    """The hour of the next handing over of what was folded; purchases that wait as entries are not in it."""
    left: bool = False
    """Whether its history left: it is of no population from then on."""
    ahead: list[tuple[int, int]] = field(default_factory=list)
    """Hours and cents of purchases that are no entries any more, and wait for the end of their hour."""

    @property
    def order(self) -> tuple[int, str]:
        """Return its place among merges: of two that gainsay each other the later counts."""
        return self.time, self.event_id


class Move(Struct, array_like=True, frozen=True, tag=True):
    """A history on its way."""

    customer_id: str
    """The id that goes on."""
    former: str
    """The id that ended."""
    time: int
    """Of the merge, ms."""
    event_id: str
    """Of the merge."""
    hour: int
    """All that was known from before this hour."""
    record: bytes
    """A packed customer."""
    fresh: list[tuple[str, str]]
    """Source and id of the newest contacts, of which nobody was told yet."""
    rules: dict[str, Any] | None = None
    """What an open episode was opened under."""

    @property
    def effective_time(self) -> int:
        """Return when (ms) it arrives."""
        return (self.hour + MOVE_HOURS) * HOUR_MS

    @property
    def order(self) -> tuple[int, str]:
        """Return the place of its merge among others."""
        return self.time, self.event_id

    def encode(self) -> bytes:
        """Return it packed."""
        return msgpack.encode(self)


_decode: Final = msgpack.Decoder(Move).decode


def decode_move(value: bytes) -> Move | None:
    """Return a move that was packed; None if these bytes are none."""
    try:
        return _decode(value)
    except MsgspecError:
        return None
