"""What a row came to, and what is wrong with it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What really happened in a row, and what became of the events and alerts.

    `lost`, `doubled` and `phantom` count events in the state of customers and alert records together; phantom
    is what nobody sent or decided. `trials` are the independent faults that hit something at work: each could
    have failed by itself.
    """

    row: str
    what: str
    trials: int
    events: int
    faults: dict[str, int]
    """How often each fault was seen to happen."""
    lost: int = 0
    doubled: int = 0
    phantom: int = 0
    seconds: float = 0.0
    """The frame fills it in if the row does not."""
    figures: dict[str, float] = field(default_factory=dict)
    """More that was measured, by what it is, with its unit: `working again after, s`."""
    missed: tuple[str, ...] = ()
    """Limits of the row that were not kept, in words."""
    notes: tuple[str, ...] = ()
    """What a reader has to know of it, such as fewer trials than meant."""

    @property
    def wrong(self) -> list[str]:
        """Return what is wrong, in words; nothing if the promise held and each fault happened."""
        counts = {"lost": self.lost, "doubled": self.doubled, "phantom": self.phantom}
        return [
            *(f"{count:,} {what}" for what, count in counts.items() if count),
            *(f"never happened: {what}" for what, times in self.faults.items() if not times),
            *self.missed,
        ]


@dataclass(frozen=True, kw_only=True)
class Result:
    """An outcome with how it came about: a line of the results."""

    outcome: Outcome
    scale: str
    seed: int
    at: str
    """The day."""
    machine: str
    versions: str


def told(value: float) -> str:
    """Return a figure as people read it."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def read(paths: Iterable[Path]) -> list[Result]:
    """Return what files hold, in their order; nothing of one that is not there."""
    lines = [line for path in paths if path.is_file() for line in path.read_bytes().splitlines()]
    return [msgspec.json.decode(line, type=Result) for line in lines]


def newest(results: Iterable[Result], scale: str) -> dict[str, Result]:
    """Return the last result of each row at a scale."""
    return {one.outcome.row: one for one in results if one.scale == scale}
