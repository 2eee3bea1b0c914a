"""Whole worlds through the same replay as anybody's files."""

from pathlib import Path
from tempfile import TemporaryDirectory

from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS
from streams.lab.generate.run import write_world
from streams.lab.generate.world import World
from streams.lab.replay import ReplayResult, Sampler, replay_directory


def replayed(world: World, rules: Ruleset, sampler: Sampler | None = None) -> ReplayResult:
    """Return the replay of a world, by a wall clock beyond all its events."""
    with TemporaryDirectory() as directory:
        write_world(Path(directory), world)
        now_ms = world.purchases.end_ms + DAY_MS
        return replay_directory(Path(directory), ruleset=rules, sampler=sampler, now_ms=now_ms)
