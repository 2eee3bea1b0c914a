"""Which partitioner the producers of each input have, told from a sample, and what is wrong about it.

What matters is that all inputs agree: a customer's purchases and contacts meet in one partition only then.
A few stray records are no verdict, they become dead letters; nor is an input with few keys.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from schemas.partitioner import HASHES, UNCHECKED, Partitioner
from streams.core.watermark import Input
from streams.runtime.startup.samples import Sampled
from streams.settings import variable

LEAST_KEYS: Final = 20
"""Fewer keys decide nothing: by chance they may lie as another partitioner has them."""
_MOST: Final = 0.9
"""This share of the keys has to lie as a partitioner has them, or as the other input has them."""
_NONE: Final = f"none of {', '.join(HASHES)}"
_JOINED: Final = "a customer's purchases and contacts meet in one partition only if all producers agree"
_INGEST: Final = "let `retention-signals ingest` write the inputs anew, by key"
_DIFFERENT: Final = "the inputs are placed by different partitioners"
_CURE: Final = f"Change the producers, or {_INGEST}"


@dataclass(frozen=True, slots=True)
class Placement:
    """How the keys of an input lie."""

    source: Input
    keys: int
    """How many were looked at."""
    shares: Mapping[Partitioner, float]
    """The share of them that lies as each partitioner has it."""
    partitions: int
    fewer: str | None = None
    """How they lie among fewer partitions than there are; None if no partitioner explains them so."""

    @property
    def decides(self) -> bool:
        """Return whether it tells anything: there are keys enough, and more than one place for each."""
        return self.keys >= LEAST_KEYS and self.partitions > 1

    @property
    def fits(self) -> frozenset[Partitioner]:
        """Return the partitioners that explain nearly all keys; none if nothing can be told.

        There may be two: among 2 partitions crc32 and fnv1a place `u0010`, `u0020`, ... alike.
        """
        return frozenset(one for one, share in self.shares.items() if self.decides and share >= _MOST)

    @property
    def partitioner(self) -> Partitioner | None:
        """Return the partitioner that explains the keys best; None if none does, or nothing can be told."""
        fits = [one for one in self.shares if one in self.fits]
        return max(fits, key=lambda one: self.shares[one], default=None)

    @property
    def is_foreign(self) -> bool:
        """Return whether the keys lie as no partitioner that we know has them, or hardly any does."""
        chance = 1 / self.partitions
        return self.decides and all(share < (1 + chance) / 2 for share in self.shares.values())

    @property
    def told(self) -> str | None:
        """Return the partitioner in words; None if nothing can be told."""
        return self.partitioner or ((self.fewer or _NONE) if self.is_foreign else None)


def placement(source: Input, sample: Collection[Sampled], partitions: int) -> Placement:
    """Return how the keys of a sample lie; ticks have none."""
    places = {(one.key, one.partition) for one in sample if one.key}
    hashed = {name: [(hash_of(key), number) for key, number in places] for name, hash_of in HASHES.items()}
    shares = {name: _share(of, partitions) for name, of in hashed.items()}
    found = Placement(source, len(places), shares, partitions)
    return replace(found, fewer=_among_fewer(hashed, partitions)) if found.is_foreign else found


def _share(hashed: Collection[tuple[int, int]], partitions: int) -> float:
    """Return the share of hashes that lie in the partition that is theirs among so many."""
    return sum(key % partitions == number for key, number in hashed) / max(1, len(hashed))


def _among_fewer(hashed: Mapping[Partitioner, Collection[tuple[int, int]]], partitions: int) -> str | None:
    """Return by which partitioner the keys lie as if there were fewer partitions: some were added since."""
    for name, of in hashed.items():
        used = 1 + max(number for _, number in of)
        for fewer in range(max(2, used), partitions):
            if _share(of, fewer) >= _MOST:
                return f"{name} among {fewer} partitions"
    return None


def problem(
    samples: Mapping[Input, Collection[Sampled]], partitions: int, setting: Partitioner, prefix: str
) -> str | None:
    """Return what is wrong about where the producers put their keys, and what helps; None if nothing is."""
    if setting == UNCHECKED:
        return _apart(samples, prefix)
    found = [placement(source, sample, partitions) for source, sample in samples.items()]
    likely = _likely([one.fits for one in found if one.fits], setting)
    told = {
        prefix + one.source.value: likely if likely in one.fits else one.told
        for one in found
        if one.told is not None
    }
    if len(set(told.values())) > 1:
        listed = ", ".join(f"{topic} by {name}" for topic, name in told.items())
        return f"{_DIFFERENT}: {listed}; {_JOINED}. {_CURE}"
    names = set(told.values()) - {setting}
    if not names:
        return None
    (name,) = names
    topics = ", ".join(told)
    if any(name == one.fewer for one in found):
        return (
            f"{topics}: placed by {name}, and there are {partitions}: some were added since. Begin with new "
            "topics, and move the state with `state export` and `state import`"
        )
    says = f"{topics}: placed by {name}, {variable('partitioner')} says {setting}"
    if name == _NONE:
        return (
            f"{says}: if keys are customer ids, and the producers of all inputs share another partitioner, "
            f"set {variable('partitioner')}={UNCHECKED}; else {_INGEST}"
        )
    return f"{says}: set {variable('partitioner')}={name}"


def _likely(fits: Collection[frozenset[Partitioner]], setting: Partitioner) -> Partitioner | None:
    """Return a partitioner that all inputs may have, that of the settings before others."""
    shared = [one for one in (setting, *HASHES) if all(one in each for each in fits)]
    return shared[0] if shared else None


def _apart(samples: Mapping[Input, Collection[Sampled]], prefix: str) -> str | None:
    """Return which two inputs have the same ids in different partitions; None if none have."""
    places = {source: _places(sample) for source, sample in samples.items()}
    for one, other in combinations(places, 2):
        shared = places[one].keys() & places[other].keys()
        together = sum(places[one][key] == places[other][key] for key in shared)
        if len(shared) >= LEAST_KEYS and together < _MOST * len(shared):
            return (
                f"{_DIFFERENT}: of {len(shared)} ids in both "
                f"{prefix}{one.value} and {prefix}{other.value} only {together} lie in the same partition; "
                f"{_JOINED}. {_CURE}"
            )
    return None


def _places(sample: Collection[Sampled]) -> dict[bytes, int]:
    """Return the newest partition of each key."""
    return {one.key: one.partition for one in sample if one.key}
