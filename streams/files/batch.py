"""A batch of lines."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Batch:
    """Some lines of one file: their numbers in it (from 1), and the bytes of the file read so far."""

    numbers: Sequence[int]
    lines: list[bytes]
    bytes_read: int
    blank: int = 0
    """How many blank lines were skipped on the way."""
