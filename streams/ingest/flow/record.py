"""A message as it was read, and where from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from streams.mapping.outcomes import Draft, Meta, Refused, Skipped


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Record:
    """A message of a topic."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    """Append time, or that of its producer, ms."""
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    @property
    def size(self) -> int:
        """Return about how many bytes it takes to keep."""
        return len(self.value or b"") + len(self.key or b"") + 200

    @property
    def meta(self) -> Meta:
        """Return what a mapping may know of it beside its value; what is no UTF-8 is left out."""
        return Meta(
            key=None if self.key is None else _text(self.key),
            time=self.timestamp,
            headers=self._texts() if self.headers else None,
            topic=self.topic,
            partition=self.partition,
            offset=self.offset,
        )

    def _texts(self) -> Mapping[str, str]:
        texts = ((name, _text(value)) for name, value in self.headers if value is not None)
        return {name: text for name, text in texts if text is not None}


class Prepared(NamedTuple):
    """A record that was mapped, and the event time (ms) that it is in its turn at; None: whenever."""

    record: Record
    origin: Record
    """What was mapped: the record, or that which it is the dead letter of."""
    source: str
    time: int | None
    outcomes: list[Draft | Skipped | Refused]
    hopped: bool = False
    """Whether it is a draft that comes out of the topic of drafts."""


def _text(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None
