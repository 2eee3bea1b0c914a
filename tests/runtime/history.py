"""Histories for simulations: what the inputs of one partition hold, in parts, and what must come of it."""

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import repeat
from pathlib import Path
from random import Random
from typing import Final

from msgspec import Struct, to_builtins

from schemas.alert import Alert
from schemas.dead_letter import Reason
from schemas.events import Erasure, Refusal, Tick
from schemas.times import format_ms
from streams.core.customer.customer import unpack
from streams.core.partition.partition import Partition, Record
from streams.core.partition.snapshot import state_of as partition_state
from streams.core.ruleset import Ruleset
from streams.core.watermark import FACTS, GIVEN, NEVER, Input
from streams.runtime.partition.decode import RecordDecoder
from streams.runtime.partition.processor import SIDE_INPUTS
from streams.runtime.ports import Bounds, Fetched, RawRecord
from tests.worlds.worlds import write_world

NOW: Final = 1_800_000_000_000
"""The wall clock of histories, ms: after all that is sound in them."""
RULES: Final = Ruleset(high_value_quantile=0.2, population_minimum=5, opening_frustration=0.3)
PARTS: Final = 3
WORLDS: Final = (0, 1, 2, 3, 5, 9, 11, 18)
"""Worlds that are not large, and raise alerts."""


@dataclass(frozen=True)
class Tape:
    """One input: its records, with gaps between offsets as transactions leave them, and where parts end.

    `bounds` are for each part how many records there are by its end; the last offset lies before `end`.
    """

    records: Sequence[RawRecord]
    bounds: Sequence[int]
    end: int

    @cached_property
    def offsets(self) -> list[int]:
        """The offsets of the records."""
        return [record.offset for record in self.records]

    def end_of(self, published: int) -> int:
        """Return the position after the first so many records, and what follows them."""
        return self.end if published >= len(self.records) else self.records[published].offset

    def batch(self, source: Input, position: int, published: int, most: int, rng: Random) -> Fetched | None:
        """Return a fetch from a position: some records, or a move past a gap, or None at the end."""
        end = self.end_of(published)
        if position >= end:
            return None
        at = bisect_left(self.offsets, position)
        first = min(end, self.end_of(at))
        if first > position and (first == end or rng.random() < 0.5):
            return Fetched(source, position, (), rng.randint(position + 1, first), end)
        chosen = self.records[at : min(published, at + rng.randint(1, most))]
        after = rng.randint(chosen[-1].offset + 1, min(end, self.end_of(at + len(chosen))))
        return Fetched(source, position, chosen, after, end)


@dataclass(frozen=True)
class Truth:
    """What the undisturbed fold comes to."""

    alerts: list[tuple[object, ...]]
    dead_letters: Counter[tuple[Input, int, Reason]]
    state: dict[str, object]
    newest: int


@dataclass(frozen=True)
class History:
    """What the inputs hold, to be published part by part; at its end a tick in both fact inputs."""

    name: str
    tapes: Mapping[Input, Tape]
    erases: bool
    """Whether customers are erased between the parts, so that it matters when time passes."""

    @cached_property
    def truth(self) -> Truth:
        """What must come of it."""
        fold = self.fold()
        newest = fold.partition.newest
        return Truth(comparable(fold.alerts), fold.dead_letters, state_of(fold.partition), newest)

    def fold(self) -> "Fold":
        """Fold it without any trouble."""
        fold = Fold()
        for part in range(PARTS):
            for source in (*SIDE_INPUTS, *FACTS):
                fold.apply(source, self.part(source, part))
            fold.decide()
        return fold

    def stages(self) -> Iterator[dict[Input, int]]:
        """Yield how many records there are next of some inputs, each once all before is committed.

        What comes of an erasure depends on what was read of the other inputs before.
        """
        groups = [(Input.CUSTOMERS,), (Input.DISPOSITIONS,), FACTS] if self.erases else [SIDE_INPUTS, FACTS]
        for part in range(PARTS):
            for group in groups:
                yield {source: self.tapes[source].bounds[part] for source in group}

    def part(self, source: Input, part: int) -> Sequence[RawRecord]:
        """Return the records of one part of an input."""
        bounds = (0, *self.tapes[source].bounds)
        return self.tapes[source].records[bounds[part] : bounds[part + 1]]

    def bounds(self, published: Mapping[Input, int]) -> dict[Input, Bounds]:
        """Return what the inputs hold when so many records were published."""
        return {source: Bounds(0, tape.end_of(published[source])) for source, tape in self.tapes.items()}

    @cached_property
    def earliest(self) -> Mapping[Input, Sequence[int]]:
        """For each number of records read of an input: the earliest time (ms) of what is still to come."""
        return {source: _earliest_to_come(source, tape) for source, tape in self.tapes.items()}


class Fold:
    """The core, fed straight from a history."""

    def __init__(self) -> None:
        self.partition = Partition(RULES)
        self.alerts: list[Alert] = []
        self.dead_letters: Counter[tuple[Input, int, Reason]] = Counter()
        self._decode = RecordDecoder("USD", 0, 1)

    def apply(self, source: Input, raws: Iterable[RawRecord]) -> None:
        """Take in records of an input."""
        events: list[Record] = []
        offsets: list[int] = []
        for raw in raws:
            record = self._decode(source, raw, self.partition.knows)
            if isinstance(record, Refusal):
                self.dead_letters[source, raw.offset, record.reason] += 1
            else:
                events.append(record)
                offsets.append(raw.offset)
        outcome = self.partition.apply(source, events, repeat(NOW))
        for at, refusal in outcome.refused:
            self.dead_letters[source, offsets[at], refusal.reason] += 1
        self.alerts += outcome.alerts

    def decide(self) -> None:
        """Decide what can be."""
        self.alerts += self.partition.decide()


def comparable(alerts: Iterable[Alert]) -> list[tuple[object, ...]]:
    """Return alerts in one order, without what depends on the wall clock or the name of the rules."""
    ordered = sorted(alerts, key=lambda one: (one.time, one.customer_id, one.alert_id, one.revision))
    return [tuple(one.model_dump(exclude={"backfill", "ruleset"}).items()) for one in ordered]


def state_of(partition: Partition) -> dict[str, object]:
    """Return all that is known, in a form that does not depend on when or under which rules it was packed."""
    partition.drain_dirty()
    state = partition_state(partition._contents)
    state.rulesets = {}
    found = {"": plain(state)}
    (oldest, *_), oldest_pane = partition._contents.horizon
    for customer_id, record in partition._customers.records.items():
        customer = unpack(customer_id, record)
        body, episode = customer.body, customer.body.episode
        if episode is not None:
            episode.ruleset = ""
        ids = sorted(entry for entry in customer.recent if entry[0] >= oldest)
        rest = (body.pending, body.contacts, body.frustration, episode, body.revisions, body.profile)
        panes = [pane for pane in customer.panes if pane[0] >= oldest_pane]
        found[customer_id] = plain((customer.first_pane, panes, ids, rest))
    return found


def plain(value: object) -> object:
    """Return values as JSON would have them; the last bits of a mean depend on the order of its terms."""
    match value:
        case float():
            return float(f"{value:.12g}")
        case list() | tuple():
            return [plain(one) for one in value]
        case dict():
            return {key: plain(one) for key, one in value.items()}
        case Struct():
            return plain(to_builtins(value))
        case _:
            return value


# Making them


def histories(directory: Path) -> list[History]:
    """Return histories of some worlds, each without erasures and with."""
    return [
        history(directory / f"{seed} {erases}", seed, erases=erases)
        for erases in (False, True)
        for seed in WORLDS
    ]


def history(directory: Path, seed: int, *, erases: bool = False) -> History:
    """Write a random world of 130 days, and return it as a history in parts."""
    write_world(directory, seed, customers=12, days=130)
    rng = Random(seed)
    lines = {source: _lines(directory / f"{source.value}.jsonl", source) for source in GIVEN}
    lines[Input.MOVES] = []  # a single partition keeps its histories
    bounds = _bounds(lines)
    _end(lines, bounds)
    if erases:
        _erase(lines, bounds, rng)
    tapes = {source: _tape(lines[source], bounds[source], rng) for source in GIVEN}
    tapes[Input.MOVES] = Tape([], bounds[Input.MOVES], 0)
    return History(f"world {seed}{', erasing' * erases}", tapes, erases)


def _lines(path: Path, source: Input) -> list[RawRecord]:
    decode = RecordDecoder("USD", 0, 1)
    found = []
    for line in path.read_bytes().split(b"\n")[:-1] if path.exists() else []:
        event = decode._decode[source](line)
        key = event.customer_id.encode() if not isinstance(event, Refusal | Tick) else None
        found.append(RawRecord(0, NOW, key, line))
    return found


def _bounds(lines: Mapping[Input, list[RawRecord]]) -> dict[Input, list[int]]:
    """Split facts into equal parts, and side inputs so that what comes after a part is of later than it."""
    bounds: dict[Input, list[int]] = {source: [] for source in Input}
    fold = Fold()
    for part in range(1, PARTS + 1):
        for source in FACTS:
            count = len(lines[source]) * part // PARTS
            fold.apply(source, lines[source][sum(bounds[source][-1:]) : count])
            bounds[source].append(count)
        decided = fold.partition.watermark
        for source in SIDE_INPUTS:
            early = [at for at, raw in enumerate(lines[source], 1) if _time(source, raw) <= decided]
            bounds[source].append(len(lines[source]) if part == PARTS else max(early, default=0))
    return bounds


def _time(source: Input, raw: RawRecord) -> int:
    event = RecordDecoder("USD", 0, 1)(source, raw, lambda _: True)
    if isinstance(event, Refusal | Erasure) or event.time > NOW:
        return NEVER
    return event.time


def _end(lines: Mapping[Input, list[RawRecord]], bounds: dict[Input, list[int]]) -> None:
    """End both fact inputs with a tick, as `publish` does."""
    newest = max(_time(source, raw) for source in GIVEN for raw in lines[source])
    tick = json.dumps({"type": "tick", "time": format_ms(newest + 1), "source": "end"}).encode()
    for source in FACTS:
        lines[source].append(RawRecord(0, NOW, None, tick))
        bounds[source][-1] += 1


def _erase(lines: Mapping[Input, list[RawRecord]], bounds: dict[Input, list[int]], rng: Random) -> None:
    """Erase some customers between the parts, those with the most contacts among them."""
    often = Counter(raw.key for raw in lines[Input.CONTACTS] if raw.key)
    known = sorted({raw.key for raw in lines[Input.TRANSACTIONS] if raw.key})
    for part in range(1, PARTS):
        chosen = {key for key, _ in often.most_common(2)} | set(rng.sample(known, min(2, len(known))))
        at = bounds[Input.CUSTOMERS][part - 1]
        lines[Input.CUSTOMERS][at:at] = [RawRecord(0, NOW, key, None) for key in sorted(chosen)]
        for later in range(part, PARTS):
            bounds[Input.CUSTOMERS][later] += len(chosen)


def _tape(lines: Sequence[RawRecord], bounds: Sequence[int], rng: Random) -> Tape:
    offset, records = rng.choice((0, 0, 3)), []
    for line in lines:
        records.append(replace(line, offset=offset))
        offset += rng.choice((1, 1, 1, 2, 4))
    return Tape(records, bounds, offset)


def _earliest_to_come(source: Input, tape: Tape) -> list[int]:
    earliest = [NOW]
    for raw in reversed(tape.records):
        time = _time(source, raw)
        earliest.append(earliest[-1] if time == NEVER else min(earliest[-1], time))
    return earliest[::-1]
