"""What a replay notices about an input beside its alerts: what people need to know about their data."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeGuard

import msgspec
from xxhash import xxh3_64_intdigest

from schemas.dead_letter import Reason
from schemas.events import Contact, Erasure, Notice, Refusal, SignOfLife, Tick, Transaction
from schemas.hot import Decoded
from schemas.partitioner import Routes
from schemas.topics import INPUTS
from schemas.unknown_fields import UnknownFields
from streams.core.customer.pending import Event, kind_of
from streams.core.partition.partition import Outcome, Record
from streams.core.watermark import NEVER, TOO_LATE_MS, Input
from streams.files import batches
from streams.lab.inputs.arrived import Batch, Decode, Share

_TOPICS: Final = {topic.name: topic for topic in INPUTS}
_EVENT_ID: Final = re.compile(rb'"event_id"\s*:\s*"([^"\\]*)"')


@dataclass(slots=True)
class Blame:
    """The line of an input that last moved time on by more than 8 days at once, in one partition."""

    newest: int = NEVER
    before: int = NEVER
    """The newest time before it."""
    time: int = NEVER
    """Its own time."""
    line: int | None = None

    def follow(self, time: int, reached: int, line: int) -> None:
        """Record a newer time (ms); `reached` is the newest of the whole file before the batch (ms)."""
        before = max(self.newest, reached)
        if NEVER != before < time - TOO_LATE_MS:
            self.before, self.time, self.line = before, time, line
        self.newest = time

    def lost(self, time: int) -> list[int]:
        """Return the line because of which an event of a time (ms) came too late, if there is one."""
        return [] if self.line is None or time <= self.before - TOO_LATE_MS else [self.line]


@dataclass(slots=True)
class InputNotes:
    """What was noticed about one input. Ids and times stay here; only counts and line numbers are shown."""

    source: Input
    file: str
    form: str | None = None
    """What the file is, if its lines can't be read at all."""
    lines: int = 0
    refused: int = 0
    too_late: int = 0
    lost: Counter[int] = field(default_factory=Counter)
    """By line number: how many lines were too late because of it."""
    bought: bool = False
    """Whether there is a purchase."""
    dropped: dict[int, int] = field(default_factory=dict)
    """The numbers of the lines dropped as duplicates, with the hash of their id (see `_key`)."""
    dropped_ids: set[str] = field(default_factory=set)
    """The event ids of those lines."""
    amended: list[int] = field(default_factory=list)
    """Those of them whose content is not that of the line that counts."""
    customers: set[str] = field(default_factory=set)
    """Customers with a contact."""
    strangers: int = 0
    """How many of them bought nothing."""
    nearly: int = 0
    """How many of these have a buyer's id but for case, blanks, signs and leading zeros."""
    unknown: UnknownFields = field(init=False)
    """The fields of accepted lines that the contract does not have."""
    _blames: dict[int, Blame] = field(default_factory=dict)
    _refused_lines: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.unknown = UnknownFields(_TOPICS[self.source])

    @property
    def usable(self) -> int:
        """Return how many lines were not refused."""
        return self.lines - self.refused

    def take(self, batch: Batch, refused: Mapping[int, Refusal]) -> None:
        """Record a batch; `refused` is by the place of the line."""
        self.lines += len(batch.lines)
        self.refused += len(refused)
        accepted = batch.accepted(refused)
        if self.source is Input.TRANSACTIONS:
            self.bought = self.bought or any(one.kind == "purchase" for one in accepted if _is_money(one))
        elif self.source is Input.CONTACTS:
            self.customers.update(one.customer_id for one in accepted if isinstance(one, Contact | Notice))
        self._refused_lines.update(batch.numbers[at] for at in refused)

    def follow(  # noqa: PLR0913, PLR0917 - all that a partition did
        self, partition: int, batch: Batch, share: Share, outcome: Outcome, newest: int, reached: int
    ) -> None:
        """Record what a partition did with its share of a batch; `newest` is its newest time (ms).

        `reached` is the newest time of all partitions before the batch (ms).
        """
        late = {at for at, refusal in outcome.refused if refusal.reason is Reason.TOO_LATE}
        self.too_late += len(late)
        for at in outcome.duplicates:
            event = share.event(at)
            if _has_id(event):
                self.dropped[batch.numbers[share.place(at)]] = _key(partition, event)
                self.dropped_ids.add(event.event_id)
        blame = self._blames.setdefault(partition, Blame())
        if late or newest - blame.newest > TOO_LATE_MS:
            idle = {at for at, _ in outcome.refused}.union(outcome.duplicates)
            for at, time in enumerate(share.times()):
                if time is None:
                    continue
                if at in late:
                    self.lost.update(blame.lost(time))
                elif time > blame.newest and at not in idle:
                    blame.follow(time, reached, batch.numbers[share.place(at)])
        blame.newest = newest

    def match(self, buyers: set[str]) -> None:
        """Count the customers with contacts who are no buyers."""
        strangers = self.customers - buyers
        self.strangers = len(strangers)
        if strangers:
            plain = set(map(_plain, buyers))
            self.nearly = sum(_plain(one) in plain for one in strangers)

    @property
    def newest(self) -> int:
        """Return the newest time accepted, ms; NEVER if there is none."""
        return max((one.newest for one in self._blames.values()), default=NEVER)

    @property
    def last_leap(self) -> Blame | None:
        """Return the line that moved time on to the newest of all, if it did so alone."""
        return next((one for one in self._blames.values() if one.time == self.newest), None)

    def was_refused(self, line: int) -> bool:
        """Return whether a line was refused."""
        return line in self._refused_lines


def _plain(customer_id: str) -> str:
    """Return an id without case, blanks, signs and leading zeros."""
    return "".join(filter(str.isalnum, customer_id.casefold())).lstrip("0")


def tell_amended(path: Path, decode: Decode, routes: Routes, seen: InputNotes) -> None:
    """Set `amended`: the dropped lines whose content is not that of the line with their id that counts.

    Read the file once more, if anything was dropped; raise InputError if it can't be read.
    """
    if not seen.dropped:
        return
    wanted = set(seen.dropped.values())
    counting: dict[int, set[int]] = {key: set() for key in wanted}
    contents: dict[int, int] = {}
    for number, event in _events(path, decode, {one.encode() for one in seen.dropped_ids}):
        key = _key(routes[event.customer_id], event)
        if key in wanted and not seen.was_refused(number):
            content = xxh3_64_intdigest(msgspec.json.encode(event))
            if number in seen.dropped:
                contents[number] = content
            else:
                counting[key].add(content)
    seen.amended = [
        number for number, content in contents.items() if content not in counting[seen.dropped[number]]
    ]


def _events(path: Path, decode: Decode, ids: Collection[bytes]) -> Iterator[tuple[int, Event]]:
    """Yield the events with one of these ids, and some others; most lines are skipped undecoded."""
    for batch in batches(path):
        for number, raw in zip(batch.numbers, batch.lines, strict=True):
            found = _EVENT_ID.findall(raw)
            if len(found) == 1 and found[0] not in ids:
                continue
            event = decode(raw)
            if _has_id(event):
                yield number, event


def _key(partition: int, event: Event) -> int:
    """Return a hash of the identity of an event: partition, source, kind and id."""
    return xxh3_64_intdigest(msgspec.json.encode((partition, event.source, kind_of(event), event.event_id)))


def _has_id(record: Decoded | Record) -> TypeGuard[Event]:
    return not isinstance(record, Refusal | Tick | SignOfLife | Erasure)


def _is_money(record: Decoded) -> TypeGuard[Transaction]:
    return type(record) is Transaction
