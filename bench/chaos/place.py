"""Where rows do their work: folders, brokers, topics, chance; and how large they are."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

from bench.shared.topics import fresh_settings
from streams.runtime.local_kafka.broker import FragileBroker, local_kafka
from streams.settings import Settings

_JARS: Final = Path(__file__).parents[2] / ".kafka"
_T = TypeVar("_T")

Say = Callable[[str], None]
"""Takes a line about how far a row has come."""


class Scale(StrEnum):
    """How large a row is: enough to see that it works, or the figure of the design."""

    SMALL = "small"
    LONG = "long"

    def of(self, *, small: _T, long: _T) -> _T:
        """Return the figure of this scale."""
        return small if self is Scale.SMALL else long


class Place:
    """What a row may use; each has a folder of its own and its own draws, and all share one broker.

    That broker is started when the first row asks for it, and is not to be hurt.
    """

    def __init__(self, folder: Path, seed: int, shared: "SharedBroker") -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.seed = seed
        self.rng = random.Random(seed)
        self._shared = shared
        self._made = 0

    @property
    def broker(self) -> FragileBroker:
        """The broker that rows share."""
        return self._shared.broker

    @contextmanager
    def own_broker(self) -> Iterator[FragileBroker]:
        """Give a broker for this row alone, to be killed and restarted."""
        self._made += 1
        with local_kafka(self.folder / f"kafka-{self._made}", jars=_JARS) as own:
            yield own

    def settings(self, broker: FragileBroker | None = None, **changes: Any) -> Settings:
        """Return settings with names of their own, for the shared broker or another, and make all topics.

        Only records and ticks move time, unless `clock` says otherwise.
        """
        there = broker or self.broker
        return fresh_settings(there.bootstrap, **{"clock": "event"} | changes)


class SharedBroker:
    """A broker that is started once it is needed."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._broker: FragileBroker | None = None

    @property
    def broker(self) -> FragileBroker:
        """The broker, started if it is not there yet."""
        if self._broker is None:
            self._broker = self._stack.enter_context(local_kafka(self._folder, jars=_JARS))
        return self._broker
