"""State of one set of topics made fit for another: other topics, another partition count, or both.

With the same count every record stays as it is, and only positions may be new. With another count customers
go where their keys belong, with their contacts, episodes, revisions and the ids of their last days, so that
no alert is sent twice and none is lost. What a partition knows beside its customers is recalculated:

- clocks and decisions: those of the hindmost partition, so the old ones must stand within an hour of one
  another. Nothing is skipped, and what others had decided is in their customers' records. Side inputs take
  the clock of the foremost, since ids older than 8 days are forgotten by it.
- the feed guard: purchases of an hour are an even share of all; an hour is broken if it was so in any.
- cut-off and irregularity: those of the partition with the middle cut-off, until the next refresh.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

from msgspec import MsgspecError, msgpack
from msgspec.structs import replace

from schemas.partitioner import DEFAULT, UNCHECKED, Partitioner, partition_of
from streams.core.customer.state import (
    PARTITION_KEY,
    PartitionState,
    StateError,
    customer_of,
    decode_state,
    is_customer_key,
    is_page_key,
)
from streams.core.feed.feed_guard import UNDIVIDED, GuardState, Late
from streams.core.spend.population import Refresh
from streams.core.time import HOUR_MS
from streams.core.watermark import FACTS, GIVEN, NEVER, Input
from streams.runtime.partition.processor import PROCESSOR_KEY, ProcessorState, same_places
from streams.runtime.tools.state_file import Entry, Header, StateFileError, read_entries, read_header
from streams.settings import variable

SPREAD_MS: Final = HOUR_MS
"""How far apart partitions may stand for a move to another count."""


class MoveError(Exception):
    """State that can't go where it should; the message says why and what to do."""


@dataclass(slots=True)
class Contents:
    """What a state file holds, apart from the customers themselves."""

    header: Header
    customers: int = 0
    processors: dict[int, ProcessorState] = field(default_factory=dict)
    states: dict[int, PartitionState] = field(default_factory=dict)

    @property
    def applications(self) -> list[str]:
        """Return the applications that wrote the state: one, unless the file was changed."""
        return sorted({processor.application for processor in self.processors.values()})


@dataclass(frozen=True, slots=True)
class Target:
    """Where state goes to.

    `positions` by partition are where the inputs go on; None keeps those of the file.
    """

    application: str
    partitions: int
    topics: Mapping[Input, str]
    """The ids of the input topics."""
    positions: Sequence[Mapping[Input, int]] | None
    partitioner: Partitioner = DEFAULT


def contents_of(path: Path) -> Contents:
    """Return what a file holds, having read and checked all of it. Raises StateFileError, OSError."""
    contents = Contents(read_header(path))
    seen: set[int] = set()
    for entry in read_entries(path):
        seen.add(entry.partition)
        try:
            _note(contents, entry)
        except (StateError, MsgspecError) as error:
            raise StateFileError(f"{path}: partition {entry.partition}: {error}") from error
    if (
        not seen
        == contents.processors.keys()
        == contents.states.keys()
        <= set(range(contents.header.partitions))
    ):
        raise StateFileError(f"{path}: not the state of {contents.header.partitions} partitions of a worker")
    return contents


def _note(contents: Contents, entry: Entry) -> None:
    if entry.key == PROCESSOR_KEY:
        contents.processors[entry.partition] = msgpack.decode(entry.value, type=ProcessorState)
    elif entry.key == PARTITION_KEY:
        contents.states[entry.partition] = decode_state(entry.value)
    elif is_customer_key(entry.key):
        contents.customers += 1
    elif not is_page_key(entry.key):
        raise StateError("a state record of unknown kind")


class Move:
    """How the records of a file become those of the target. Raises MoveError if they can't."""

    def __init__(self, contents: Contents, target: Target) -> None:
        if not contents.processors:
            raise MoveError("the file holds no state")
        self._partitions, self._partitioner = target.partitions, target.partitioner
        self._same = contents.header.partitions == target.partitions and _same_places(contents, target)
        if not self._same and target.partitioner == UNCHECKED:
            raise MoveError(
                f"with {variable('partitioner')}={UNCHECKED} nobody can tell which of {target.partitions} "
                f"partitions a customer belongs to, instead of {contents.header.partitions}: set it to what "
                "the producers use, for the import at least"
            )
        self._processors = _kept(contents, target) if target.positions is None else _renewed(contents, target)
        self._state = None if self._same else merged(contents.states, target.partitions).encode()

    def entries(self, given: Iterable[Entry]) -> Iterator[Entry]:
        """Yield the records of the target; `given` are all those of the file."""
        for number, processor in self._processors.items():
            yield Entry(number, PROCESSOR_KEY, msgpack.encode(processor))
        if self._state is not None:
            for number in range(self._partitions):
                yield Entry(number, PARTITION_KEY, self._state)
        for entry in given:
            if is_customer_key(entry.key) or is_page_key(entry.key):
                yield self._customer(entry)
            elif entry.key == PARTITION_KEY and self._same:
                yield entry

    def _customer(self, entry: Entry) -> Entry:
        if self._same:
            return entry
        partition = partition_of(customer_of(entry.key), self._partitions, self._partitioner)
        return entry._replace(partition=partition)


def _same_places(contents: Contents, target: Target) -> bool:
    return all(same_places(one.partitioner, target.partitioner) for one in contents.processors.values())


def _kept(contents: Contents, target: Target) -> dict[int, ProcessorState]:
    """Return the owners with the positions they have, which mean something for the same topics alone."""
    if contents.header.partitions != target.partitions:
        raise MoveError(
            f"the file has the state of {contents.header.partitions} partitions, the topics have "
            f"{target.partitions}: say with --positions where the inputs go on"
        )
    if not _same_places(contents, target):
        raise MoveError(
            f"the file's customers are placed by another partitioner than {target.partitioner}: say with "
            "--positions where the inputs go on"
        )
    topics = {source.value: topic_id for source, topic_id in target.topics.items()}
    if any(processor.topics != topics for processor in contents.processors.values()):
        raise MoveError(
            "the file's positions are of other topics, or of topics that were created again since: say with "
            "--positions where the inputs go on"
        )
    return {
        number: replace(processor, application=target.application, partitioner=target.partitioner)
        for number, processor in contents.processors.items()
    }


def _sources(processors: Iterable[ProcessorState]) -> dict[str, dict[str, tuple[int, int]]]:
    """Return the newest record of each source of each input, of all partitions."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for processor in processors:
        for name, sources in processor.sources.items():
            known = found.setdefault(name, {})
            for source, newest in sources.items():
                known[source] = max(newest, known.get(source, newest))
    return found


def _renewed(contents: Contents, target: Target) -> dict[int, ProcessorState]:
    """Return owners for all partitions, with new positions."""
    rulesets = {processor.ruleset for processor in contents.processors.values()}
    # Each release has written the currency of all partitions, or of none.
    currency = max((processor.currency for processor in contents.processors.values()), default="")
    delay_ms = max((processor.upstream_delay_ms for processor in contents.processors.values()), default=0)
    if len(rulesets) > 1:
        raise MoveError(
            "the partitions were written under different rulesets: run the workers with --adopt-ruleset "
            "until each has committed, then export again"
        )
    (ruleset,) = rulesets
    return {
        number: ProcessorState(
            application=target.application,
            ruleset=ruleset,
            positions={source.value: position for source, position in positions.items()},
            partitions=target.partitions,
            topics={source.value: topic_id for source, topic_id in target.topics.items()},
            currency=currency,
            upstream_delay_ms=delay_ms,
            partitioner=target.partitioner,
            sources=_sources(contents.processors.values()),
        )
        for number, positions in enumerate(target.positions or ())
    }


def merged(states: Mapping[int, PartitionState], partitions: int) -> PartitionState:
    """Return what each of so many new partitions knows beside its customers. Raises MoveError."""
    for source in FACTS:
        _check_spread(
            f"the clock of {source}", {one: state.clocks[source][1] for one, state in states.items()}
        )
    _check_spread("what was decided", {one: state.decided for one, state in states.items()})
    every = list(states.values())
    next_refresh = min((one.next_refresh for one in every if one.next_refresh is not None), default=None)
    return PartitionState(
        clocks={source.value: _clock(source, every) for source in GIVEN},
        guard=_guard([one.guard for one in every], partitions),
        refresh=_refresh([one.refresh for one in every], next_refresh),
        next_refresh=next_refresh,
        decided=min(one.decided for one in every),
        rulesets={name: rules for one in every for name, rules in one.rulesets.items()},
        alive={source.value: min(one.alive.get(source.value, NEVER) for one in every) for source in FACTS},
    )


def _check_spread(what: str, times: Mapping[int, int]) -> None:
    first, last = max(times, key=lambda one: times[one]), min(times, key=lambda one: times[one])
    if times[first] - times[last] > SPREAD_MS:
        raise MoveError(
            f"{what} in partition {last} is more than an hour behind partition {first}: let the workers read "
            "all there is, send each partition of transactions and contacts a tick of the same time, and "
            "export again when they have committed"
        )


def _clock(source: Input, states: Sequence[PartitionState]) -> tuple[int, int]:
    choose = min if source in FACTS else max
    newest, now = zip(*(state.clocks[source] for state in states), strict=True)
    return choose(newest), choose(now)


def _guard(guards: Sequence[GuardState], partitions: int) -> GuardState:
    decided = min((one.decided for one in guards if one.decided is not None), default=None)
    groups = _shared(guards, partitions)
    return GuardState(
        decided=decided,
        counts=groups.pop(UNDIVIDED, {}),
        broken=sorted(
            {hour for one in guards for hour in one.broken if decided is not None and hour < decided}
        ),
        groups=groups,
        late=_shared_late(guards, partitions),
    )


def _shared(guards: Iterable[GuardState], partitions: int) -> dict[int, dict[int, int]]:
    """Return for each group of sources the share of one of so many partitions, by pane."""
    totals: Counter[tuple[int, ...]] = Counter()
    for one in guards:
        for group, counts in ((UNDIVIDED, one.counts), *one.groups.items()):
            totals.update({(group, pane): count for pane, count in counts.items()})
    groups: dict[int, dict[int, int]] = {group: {} for group, _ in sorted(totals)}
    for (group, pane), share in _shares(totals, partitions):
        groups[group][pane] = share
    return groups


def _shared_late(guards: Iterable[GuardState], partitions: int) -> list[Late]:
    totals: Counter[tuple[int, ...]] = Counter()
    for one in guards:
        totals.update({(group, hour, pane): count for hour, group, pane, count in one.late})
    return sorted((hour, group, pane, share) for (group, hour, pane), share in _shares(totals, partitions))


def _shares(totals: Mapping[tuple[int, ...], int], partitions: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yield the share in each count that is not 0; the key begins with the group.

    What is lost by rounding goes on to the next count of the group. So a day of a source that sells once an
    hour in all keeps its sum.
    """
    for _, together in groupby(sorted(totals), key=itemgetter(0)):
        reached = given = 0
        for of in together:
            reached += totals[of]
            share = round(reached / partitions) - given
            given += share
            if share:
                yield of, share


def _refresh(found: Sequence[Refresh | None], next_refresh: int | None) -> Refresh | None:
    """Return a refresh for all, out of the last that every partition has had."""
    had = [one for one in found if one is not None and next_refresh is not None and one.hour < next_refresh]
    last = [one for one in had if one.hour == max(one.hour for one in had)]
    known = sorted((one for one in last if one.cutoff is not None), key=lambda one: one.cutoff or 0)
    if known:
        return known[(len(known) - 1) // 2]
    return last[0] if last else None
