"""A directory to learn from: read into a history, replayed, copied in part. Refuses what a worker refuses."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from typing_extensions import override

from schemas.events import Contact, Disposition, Event, Notice, Profile, Refusal, Tick, Transaction
from schemas.hot import Decoded, Decoder
from schemas.partitioner import DEFAULT, Partitioner
from streams.core.contacts.frustration import Known, known
from streams.core.contacts.repeats import weigh
from streams.core.customer.event_ids import EventIds
from streams.core.customer.pending import Episode
from streams.core.episodes.opening import Gates
from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from streams.core.time import hour_of
from streams.core.watermark import FACTS, FUTURE_MS, TOO_LATE_MS, Clock, Input
from streams.files import find
from streams.lab.calibrate.history.history import History
from streams.lab.inputs.arrivals import arrivals
from streams.lab.replay import ReplayResult, Sampler, replay_directory

_TAKEN_BACK: Final = ("refund", "chargeback")


@dataclass(frozen=True, slots=True)
class Source:
    """A directory of events, and how it is read. Its methods raise InputError if it can't be."""

    directory: Path
    partitions: int = 4
    currency: str = "USD"
    now_ms: int | None = None
    """The wall clock; None is now. Events more than 5 minutes beyond it are refused."""
    partitioner: Partitioner = DEFAULT
    strict_fields: bool = False

    def history(self, rules: Ruleset) -> History:
        """Return all that happened in it."""
        now = self._now()
        reader = _Reader(History(rules, self.partitions, self.partitioner), now)
        for source, _, event in self._events(now):
            reader.take(source, event)
        return reader.finish()

    def before(self, end_ms: int, into: Path) -> "Source":
        """Return the source of what happened before a time (ms), copied into an empty directory.

        Lines without a time that can be read stay behind, as do those that replay takes out.
        """
        kept: dict[Input, list[bytes]] = {source: [] for source in find(self.directory)}
        for source, line, event in self._events(self._now()):
            if event.time is not None and event.time < end_ms:
                kept[source].append(line + b"\n")
        for source, lines in kept.items():
            (into / f"{source.value}.jsonl").write_bytes(b"".join(lines))
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
            partitioner=self.partitioner,
            strict_fields=self.strict_fields,
        )
        return result, openings.frustrations

    def _now(self) -> int:
        return int(time.time() * 1000) if self.now_ms is None else self.now_ms

    def _events(self, now_ms: int) -> Iterator[tuple[Input, bytes, Decoded]]:
        """Yield every line with its event; what is dated out of place is refused, as by replay."""
        decoder = Decoder(self.currency, strict_fields=self.strict_fields)
        for source, path in find(self.directory).items():
            for arrived in arrivals(path, decoder.of(source), now_ms + FUTURE_MS, by_time=False):
                yield from ((source, *pair) for pair in zip(arrived.lines, arrived.records, strict=True))


@dataclass
class _Openings(Sampler):
    """Keeps the frustration of the contacts that open an episode."""

    frustrations: list[float] = field(default_factory=list)

    @override
    def judged(self, customer_id: str, gates: Gates) -> None:
        if gates.opened:
            self.frustrations.append(gates.frustration)

    @override
    def closed(self, customer_id: str, episode: Episode, why: str, time: int) -> None:
        """Do nothing: only openings count."""

    @override
    def sample(self, partition: Partition) -> None:
        """Do nothing."""


class _Gate:
    """Decides which events of one input of one partition count."""

    def __init__(self, lateness_ms: int, horizon_ms: int) -> None:
        self._clock = Clock(lateness_ms)
        self._ids = EventIds()
        self._horizon_ms = horizon_ms

    def admits(self, event: Event) -> bool:
        """Return whether an event counts: it is no tick, not in the future, not too late, and new."""
        if event.time > self._horizon_ms:
            return False
        if isinstance(event, Tick):
            self._clock.tick(event.time)
            return False
        effective_time = self._clock.effective_time(event.time)
        if effective_time - event.time > TOO_LATE_MS:
            return False
        self._ids.tidy(self._clock)
        key = self._ids.key_of(event)
        if self._ids.is_duplicate(key, effective_time):
            return False
        self._ids.remember(key, effective_time)
        self._clock.accept(event.time)
        return True


class _Reader:
    def __init__(self, history: History, now_ms: int) -> None:
        self._history = history
        self._gates = defaultdict[tuple[Input, int], _Gate](
            lambda: _Gate(history.rules.lateness_ms, now_ms + FUTURE_MS)
        )
        self._contacts = defaultdict[str, dict[tuple[str, str], Known]](dict)

    def take(self, source: Input, event: Decoded) -> None:
        """Apply the event of a line, if it counts."""
        if isinstance(event, Refusal):
            return
        partition = -1 if isinstance(event, Tick) else self._history.routes[event.customer_id]
        if self._gates[source, partition].admits(event):
            if source in FACTS:
                self._history.stretch(event.time)
            self._apply(event)

    def finish(self) -> History:
        """Return the history, complete."""
        for customer_id, contacts in self._contacts.items():
            self._history.bad_hours[customer_id] = _bad_hours(contacts, self._history.rules)
        self._history.complete()
        return self._history

    def _apply(self, event: Event) -> None:
        match event:
            case Transaction(kind="purchase"):
                self._history.spend(event.customer_id, event.time, event.cents)
            case Transaction(kind=kind) if kind in _TAKEN_BACK:
                when = event.time if event.original_time is None else event.original_time
                self._history.spend(event.customer_id, when, -event.cents)
            case Contact() | Notice():
                self._learn(event)
            case Profile():
                self._history.customer(event.customer_id).body.profile = event
            case Disposition():
                self._history.dispositions.append(event)
            case _:
                pass  # what moves no spend, and ticks

    def _learn(self, event: Contact | Notice) -> None:
        new = known(event, self._history.rules)
        mine = self._contacts[event.customer_id]
        old = mine.get(new.identity)
        if old is None or old.rank < new.rank:
            mine[new.identity] = new
            self._history.moments[event.customer_id, new.contact_id] = new.moment


def _bad_hours(contacts: Mapping[tuple[str, str], Known], rules: Ruleset) -> list[int]:
    """Return the hours of the contacts that add frustration by themselves, or as a repeat."""
    in_order = sorted(contacts.values(), key=lambda one: one.order)
    weigh(in_order, rules)
    return [hour_of(one.moment) for one in in_order if one.own > 0]
