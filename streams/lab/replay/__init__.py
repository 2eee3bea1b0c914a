"""Replay: history from files through the worker's core, what it showed, and the command that prints it.

May import `inputs`, `story` and `report`. What the command line needs is in `options` and `command`.
"""

from streams.lab.replay.replay import DeadLetter, ReplayResult, Sampler, replay_directory

__all__ = ["DeadLetter", "ReplayResult", "Sampler", "replay_directory"]
