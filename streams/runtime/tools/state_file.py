"""A file with the state of all partitions: a backup, and what a move to other topics is made from.

gzip around: a line of JSON (the header), then a frame for each record: partition, length of key, length of
value (4 bytes each, big-endian), key, value. The last frame has the SHA-256 of everything before it.
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import BufferedIOBase
from pathlib import Path
from struct import Struct as Layout
from typing import Final, NamedTuple

from msgspec import MsgspecError, Struct, json

from streams import outputs

FORMAT: Final = "retention-signals state"
VERSION: Final = 1
NAME: Final = "retention-signals.state"
"""What gzip's header says that the file was called: seen without unpacking."""
MARK: Final = re.compile(rb"\x1f\x8b.{8}" + re.escape(NAME.encode()) + rb"\0", re.DOTALL)

_FRAME: Final = Layout(">III")
_LAST: Final = 0xFFFFFFFF
"""Instead of a partition: the frame with the checksum."""
_LONGEST_HEADER: Final = 1 << 16
_LONGEST: Final = 1 << 26
"""No key or value is longer; a frame that says so is damaged."""
_LEVEL: Final = 3


class StateFileError(Exception):
    """A file that is no state file, or a damaged one; the message says which and why."""


class Header(Struct, frozen=True):
    """What a state file says of itself."""

    application: str
    topic: str
    """The topic that the state was read from."""
    partitions: int
    created: str
    """When, RFC 3339."""
    format: str = FORMAT
    version: int = VERSION


class Entry(NamedTuple):
    """A record of the state."""

    partition: int
    key: bytes
    value: bytes


class StateFileWriter:
    """Takes the records of a state file."""

    def __init__(self, stream: BufferedIOBase, header: Header) -> None:
        self._stream = stream
        self._digest = sha256()
        self._put(json.encode(header) + b"\n")

    def write(self, entry: Entry) -> None:
        """Add a record."""
        partition, key, value = entry
        self._put(_FRAME.pack(partition, len(key), len(value)) + key + value)

    def finish(self) -> None:
        """Add the checksum."""
        digest = self._digest.digest()
        self._put(_FRAME.pack(_LAST, 0, len(digest)) + digest)

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._stream.write(data)


@contextmanager
def writing(path: Path, header: Header) -> Iterator[StateFileWriter]:
    """Give what writes a file that is there as a whole, or not at all. Raises OSError.

    Only its owner may read it: it holds what customers did.
    """
    with outputs.writing(path, private=True) as raw, gzip.GzipFile(NAME, "wb", _LEVEL, raw) as stream:
        writer = StateFileWriter(stream, header)
        yield writer
        writer.finish()


def read_header(path: Path) -> Header:
    """Return what a file says of itself. Raises StateFileError, OSError."""
    with _opened(path) as stream:
        return _header(path, stream.readline(_LONGEST_HEADER))


def read_entries(path: Path) -> Iterator[Entry]:
    """Yield the records of a file, and at its end raise StateFileError if it is damaged. Raises OSError."""
    digest = sha256()
    with _opened(path) as stream:
        line = stream.readline(_LONGEST_HEADER)
        _header(path, line)
        digest.update(line)
        while True:
            head = _exactly(stream, _FRAME.size)
            partition, key_length, value_length = _FRAME.unpack(head)
            if max(key_length, value_length) > _LONGEST:
                raise StateFileError(f"{path}: damaged, a record is longer than any can be")
            key, value = _exactly(stream, key_length), _exactly(stream, value_length)
            if partition == _LAST:
                break
            for part in (head, key, value):
                digest.update(part)
            yield Entry(partition, key, value)
        if value != digest.digest() or stream.read(1):
            raise StateFileError(f"{path}: damaged, the checksum is of something else")


@contextmanager
def _opened(path: Path) -> Iterator[BufferedIOBase]:
    """Give the unpacked bytes, with what unpacking can raise in words."""
    with path.open("rb") as raw:
        try:
            with gzip.GzipFile(fileobj=raw) as stream:
                yield stream
        except EOFError as error:
            raise StateFileError(f"{path}: cut off, the rest is missing") from error
        except gzip.BadGzipFile as error:
            raise StateFileError(f"{path}: not a state file, or damaged: {error}") from error
        except zlib.error as error:
            raise StateFileError(f"{path}: damaged: {error}") from error


def _exactly(stream: BufferedIOBase, length: int) -> bytes:
    found = stream.read(length)
    if len(found) < length:
        raise EOFError
    return found


def _header(path: Path, line: bytes) -> Header:
    try:
        header = json.decode(line, type=Header)
    except (MsgspecError, UnicodeDecodeError) as error:
        raise StateFileError(f"{path}: not a state file") from error
    if header.format != FORMAT:
        raise StateFileError(f"{path}: not a state file")
    if header.version != VERSION:
        raise StateFileError(
            f"{path}: a state file of version {header.version}, this release reads {VERSION}"
        )
    return header
