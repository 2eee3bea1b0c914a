"""When so much of a source is refused that it can't be single records."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from streams.ingest.flow.batch import Verdict
from streams.runtime.partition.poison import PoisonLimit


class Exceeded(NamedTuple):
    """A source of which too much was refused, and why that is too much."""

    source: str
    why: str


class Limits:
    """The worker's limit, for each source."""

    def __init__(self) -> None:
        self._limits: defaultdict[str, PoisonLimit] = defaultdict(PoisonLimit)

    def note(self, verdicts: Iterable[Verdict]) -> Exceeded | None:
        """Note what became of records, and return the first source that has to stop, if one has."""
        for source, poison in verdicts:
            self._limits[source].note(1, (0,) if poison else ())
        stopped = (Exceeded(name, one.exceeded) for name, one in self._limits.items() if one.exceeded)
        return next(stopped, None)
