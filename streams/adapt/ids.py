"""The ids of events: how many come again, and whether in the same file."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.json import Decoder


class _Named(Struct):
    """What tells an event apart."""

    event_id: str
    source: str = ""
    type: str = ""
    kind: str = ""


_DECODER: Final = Decoder(_Named)


class Again(NamedTuple):
    """How many events have the id of another one."""

    same_file: int
    other_file: int
    """Of another file alone."""
    other_source: int
    """But for their `source`, of another file: they count twice."""


@dataclass(slots=True)
class Ids:
    """The ids of one input, 24 bytes each."""

    _hashes: "array[int]" = field(default_factory=lambda: array("q"))
    _bare: "array[int]" = field(default_factory=lambda: array("q"))
    """Without the source."""
    _files: "array[int]" = field(default_factory=lambda: array("Q"))

    def take(self, event: bytes, file: int) -> None:
        """Note the id of an event, and the number of the file that it came of."""
        named = _DECODER.decode(event)
        self._hashes.append(hash((named.type, named.kind, named.source, named.event_id)))
        self._bare.append(hash((named.type, named.kind, named.event_id)))
        self._files.append(file)

    def again(self) -> Again:
        """Return how many have the id of another event."""
        files = self._files
        same_file = other_file = other_source = 0
        for places in _alike(self._hashes):
            different = len({files[place] for place in places})
            same_file += len(places) - different
            other_file += different - 1
        for places in _alike(self._bare):
            if len({files[place] for place in places}) > 1:
                other_source += len({self._hashes[place] for place in places}) - 1
        return Again(same_file, other_file, other_source)


def _alike(hashes: "array[int]") -> Iterator[list[int]]:
    """Yield the places that have the same hash."""
    in_order = sorted(range(len(hashes)), key=hashes.__getitem__)
    return (list(places) for _, places in groupby(in_order, hashes.__getitem__))
