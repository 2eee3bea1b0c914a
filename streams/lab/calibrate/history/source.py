"""A directory to learn from, and what is learnt by reading and by replaying it."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from typing_extensions import override

from streams.core.customer.pending import Episode
from streams.core.episodes.opening import Gates
from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from streams.lab.calibrate.history.history import History
from streams.lab.calibrate.history.reading import copy_before, read_history
from streams.lab.replay import ReplayResult, Sampler, replay_directory


@dataclass(frozen=True, slots=True)
class Source:
    """A directory of events, and how it is read. Its methods raise InputError if it can't be."""

    directory: Path
    partitions: int = 4
    currency: str = "USD"
    now_ms: int | None = None
    """The wall clock; None is now."""

    def history(self, rules: Ruleset) -> History:
        """Return all that happened in it."""
        return read_history(
            self.directory, rules, partitions=self.partitions, currency=self.currency, now_ms=self.now_ms
        )

    def before(self, end_ms: int, into: Path) -> "Source":
        """Return the source of what happened before a time (ms), copied into an empty directory."""
        copy_before(self.directory, end_ms, into, self.currency, self.now_ms)
        return replace(self, directory=into)

    def replay(self, rules: Ruleset) -> tuple[ReplayResult, list[float]]:
        """Return what a replay gives, and the frustration with which each episode opened."""
        openings = _Openings()
        result = replay_directory(
            self.directory,
            ruleset=rules,
            partitions=self.partitions,
            currency=self.currency,
            now_ms=self.now_ms,
            sampler=openings,
        )
        return result, openings.frustrations


@dataclass
class _Openings(Sampler):
    frustrations: list[float] = field(default_factory=list)

    @override
    def sample(self, partition: Partition) -> None:
        """See nothing from day to day."""

    @override
    def judged(self, customer_id: str, gates: Gates) -> None:
        """Keep the frustration of a contact that opens an episode."""
        if gates.opened:
            self.frustrations.append(gates.frustration)

    @override
    def closed(self, customer_id: str, episode: Episode, why: str, time: int) -> None:
        """Take no note of an end."""
