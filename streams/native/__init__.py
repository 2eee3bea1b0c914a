"""The hot path of a partition, compiled from Rust where a compiler was there: see docs/decisions/0021.

Everything works without it, three to four times slower: then `PURCHASES` is None. Whatever it doubts is
decided by the reference in Python, so it can only ever be quicker.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, Protocol

from schemas.events import Transaction


class Run(ABC):
    """Plain purchases that lie one after the other in the log, decoded."""

    @abstractmethod
    def __len__(self) -> int:
        """Return how many they are."""

    @abstractmethod
    def event(self, at: int) -> Transaction:
        """Return one of them, as the reference reads it."""

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


class Store(Protocol):
    """What runs are applied to: objects of the partition, which see every change."""

    newest: int
    now: int
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


def make_store(**arguments: object) -> Store:
    """Return what compiled code applies runs to, where there is any: see Store::make."""
    found: Store = _native.Store(**arguments)
    return found
