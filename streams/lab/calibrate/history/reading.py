"""Reading a directory into a history, and copying its first part; lines are refused as a worker does."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from schemas.dead_letter import Reason
from schemas.events import Contact, Disposition, Event, Notice, Profile, Refusal, Tick, Transaction
from schemas.hot import Decoded, Decoder
from streams.core.contacts.frustration import Known, known
from streams.core.contacts.repeats import weigh
from streams.core.customer.event_ids import EventIds
from streams.core.ruleset import Ruleset
from streams.core.time import hour_of
from streams.core.watermark import FACTS, FUTURE_MS, TOO_LATE_MS, Clock, Input
from streams.files import find
from streams.lab.calibrate.history.history import History
from streams.lab.inputs.arrivals import arrivals

_TAKEN_BACK: Final = ("refund", "chargeback")


def read_history(
    directory: Path, rules: Ruleset, *, partitions: int = 4, currency: str = "USD", now_ms: int | None = None
) -> History:
    """Return the history of a directory; raises InputError if it can't be read.

    `now_ms` is the wall clock (default: now); events more than 5 minutes beyond it are refused.
    """
    now = int(time.time() * 1000) if now_ms is None else now_ms
    reader = _Reader(History(rules, partitions), now)
    for source, _, event in _events(directory, currency, now):
        reader.take(source, event)
    return reader.finish()


def copy_before(
    directory: Path, end_ms: int, into: Path, currency: str = "USD", now_ms: int | None = None
) -> None:
    """Copy the lines of a directory's events before a time (ms) into another, which must be empty.

    Lines without a time that can be read stay behind, as do those that replay takes out.
    """
    now = int(time.time() * 1000) if now_ms is None else now_ms
    kept: dict[Input, list[bytes]] = {source: [] for source in find(directory)}
    for source, line, event in _events(directory, currency, now):
        if event.time is not None and event.time < end_ms:
            kept[source].append(line + b"\n")
    for source, lines in kept.items():
        (into / f"{source.value}.jsonl").write_bytes(b"".join(lines))


def _events(directory: Path, currency: str, now_ms: int) -> Iterator[tuple[Input, bytes, Decoded]]:
    """Yield every line with what it says; what is dated out of place is refused, as by replay."""
    decoder = Decoder(currency)
    for source, path in find(directory).items():
        for arrived in arrivals(path, decoder.of(source), now_ms + FUTURE_MS, by_time=False):
            yield from ((source, *pair) for pair in zip(arrived.lines, arrived.records, strict=True))


class _Gate:
    """Tells which events of one input of one partition count."""

    def __init__(self, lateness_ms: int, horizon_ms: int) -> None:
        self._clock = Clock(lateness_ms)
        self._ids = EventIds()
        self._horizon_ms = horizon_ms

    def outcome(self, event: Event) -> str:
        """Return `applied`, `duplicate`, `tick` or the reason of refusal."""
        if event.time > self._horizon_ms:
            return Reason.FUTURE.value
        if isinstance(event, Tick):
            self._clock.tick(event.time)
            return "tick"
        effective_time = self._clock.effective_time(event.time)
        if effective_time - event.time > TOO_LATE_MS:
            return Reason.TOO_LATE.value
        self._ids.tidy(self._clock)
        key = self._ids.key_of(event)
        if self._ids.is_duplicate(key, effective_time):
            return "duplicate"
        self._ids.remember(key, effective_time)
        self._clock.accept(event.time)
        return "applied"


class _Reader:
    def __init__(self, history: History, now_ms: int) -> None:
        self._history = history
        self._gates = defaultdict[tuple[Input, int], _Gate](
            lambda: _Gate(history.rules.lateness_ms, now_ms + FUTURE_MS)
        )
        self._contacts = defaultdict[str, dict[tuple[str, str], Known]](dict)

    def take(self, source: Input, event: Decoded) -> None:
        """Take in what a line of one input says."""
        outcome = event.reason.value if isinstance(event, Refusal) else self._admit(source, event)
        self._history.outcomes[outcome] += 1

    def finish(self) -> History:
        """Return the history, complete."""
        for customer_id, contacts in self._contacts.items():
            self._history.bad_hours[customer_id] = _bad_hours(contacts, self._history.rules)
        self._history.complete()
        return self._history

    def _admit(self, source: Input, event: Event) -> str:
        partition = -1 if isinstance(event, Tick) else self._history.routes[event.customer_id]
        outcome = self._gates[source, partition].outcome(event)
        if outcome == "applied":
            if source in FACTS:
                self._history.stretch(event.time)
            self._apply(event)
        return outcome

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
