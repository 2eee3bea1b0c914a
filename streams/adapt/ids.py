"""The ids of events: how many come again, and whether in the same file."""

from array import array
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from msgspec import Struct
from msgspec.json import Decoder


class _Named(Struct):
    """What tells an event apart."""

    event_id: str
    source: str = ""
    type: str = ""
    kind: str = ""


_DECODER: Final = Decoder(_Named)


@dataclass(slots=True)
class Ids:
    """The ids of one input, 16 bytes each."""

    _hashes: "array[int]" = field(default_factory=lambda: array("q"))
    _files: "array[int]" = field(default_factory=lambda: array("Q"))

    def take(self, event: bytes, file: int) -> None:
        """Note the id of an event, and the number of the file that it came of."""
        named = _DECODER.decode(event)
        self._hashes.append(hash((named.type, named.kind, named.source, named.event_id)))
        self._files.append(file)

    def again(self) -> tuple[int, int]:
        """Return how many have the id of another event of their file, and how many of another file alone."""
        hashes, files = self._hashes, self._files
        same_file = other_file = 0
        for _, places in groupby(sorted(range(len(hashes)), key=hashes.__getitem__), hashes.__getitem__):
            several = [files[place] for place in places]
            different = len(set(several))
            same_file += len(several) - different
            other_file += different - 1
        return same_file, other_file
