"""The hot path of a partition, compiled from Rust where a compiler was there: see docs/decisions/0021.

Everything works without it, three to four times slower: then `PURCHASES` is None. Whatever it doubts is
decided by the reference in Python, so it can only ever be quicker.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final, Protocol


class Run(ABC):
    """Plain purchases that follow one another, decoded; in files what else lies between them as well."""

    @abstractmethod
    def __len__(self) -> int:
        """Return how many they are."""

    @abstractmethod
    def event(self, at: int) -> Any:
        """Return one of them, as the reference reads it; of a file also what is none."""

    @abstractmethod
    def place(self, at: int) -> int:
        """Return where among the records the one of a row stands."""

    @abstractmethod
    def is_plain(self, at: int) -> bool:
        """Return whether a row is a plain purchase; if it isn't, only `event` tells what it is."""

    @abstractmethod
    def times(self, of_others: int) -> list[int]:
        """Return the time (ms) of each purchase, and another for what is none."""

    @abstractmethod
    def when(self, at: int) -> int:
        """Return when (ms) the record of one of them was appended."""

    @abstractmethod
    def sampled(self, first: int, every: int) -> list[tuple[int, str, int, int]]:
        """Return place, source, append time and time (ms) of every so many of them from a place on."""


class Records(Sequence[Any]):
    """The records of a fetch, made when they are asked for: `offset`, `timestamp` (ms), `key`, `value`."""

    @abstractmethod
    def add(self, fetched: bytes, start: int, from_offset: int, payload: bytes | None = None) -> None:
        """Add those of a record batch of format 2, which begins at a place of what was fetched.

        From an offset on; `payload` has them if they came compressed. Raises ValueError.
        """


class PurchaseDecoder(Protocol):
    """Decodes the plain purchases among the records of a batch."""

    def decode(self, records: Sequence[Any], start: int) -> Run | None:
        """Return as many as follow one another from a place on; None if none does."""


class Lines(Protocol):
    """The lines of a batch; the plain purchases among them are decoded."""

    def doubted(self) -> list[int]:
        """Return the places of all others."""

    def times(self, of_doubted: int) -> list[int]:
        """Return the time (ms) of each line, and another for those that are doubted."""

    def runs(
        self, odd: list[tuple[int, Sequence[int]]], records: Sequence[Any], read: Callable[[Any], Any]
    ) -> list[Run]:
        """Return a run for each partition; to be called once.

        `odd` has, by place, the partitions of what is not taken as a purchase; `read` makes an event of one
        of the `records`, of which there is one for each line.
        """


class LineDecoder(Protocol):
    """Decodes the plain purchases among lines, and finds their partitions."""

    def decode(self, lines: list[bytes], when: int) -> Lines:
        """Decode lines that were accepted at a time (ms)."""


class Store(Protocol):
    """What runs are applied to: objects of the partition, which see every change."""

    newest: int
    now: int
    newest_unit: int
    applied: int

    def apply(self, run: Run, start: int) -> int:
        """Apply purchases from a place on; return the first place that only the reference may judge."""


def _found() -> Any:
    try:
        return import_module("streams.native._native")
    except ImportError:
        return None


_native: Final = _found()
if _native is not None:
    Run.register(_native.Run)
    Records.register(_native.Records)
LAYOUT: Final[tuple[int, ...]] = tuple(_native.LAYOUT) if _native else ()
"""What the compiled part takes for granted of the core's records and rules."""


def make_records() -> Records:
    """Return an empty one, where there is compiled code."""
    found: Records = _native.Records()
    return found


def make_decoder(*arguments: object) -> PurchaseDecoder:
    """Return a compiled decoder, where there is one: see PurchaseDecoder::new."""
    found: PurchaseDecoder = _native.PurchaseDecoder(*arguments)
    return found


def make_line_decoder(*arguments: object) -> LineDecoder:
    """Return a compiled decoder of lines, where there is one: see LineDecoder::new."""
    found: LineDecoder = _native.LineDecoder(*arguments)
    return found


def make_store(**arguments: object) -> Store:
    """Return what compiled code applies runs to, where there is any: see Store::make."""
    found: Store = _native.Store(**arguments)
    return found
