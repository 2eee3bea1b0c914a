"""Replay: history from files through the same core as the worker, without a broker."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Final, Protocol

from schemas.alert import Alert
from schemas.common import MAX_BYTES
from schemas.dead_letter import Reason
from schemas.events import Refusal
from schemas.hot import Decoder
from schemas.partitioner import DEFAULT as DEFAULT_PARTITIONER
from schemas.partitioner import Partitioner, Routes
from schemas.topics import Topic
from streams.core.alerts.alert import dated
from streams.core.alerts.view import CustomerView
from streams.core.episodes.lifecycle import Observer
from streams.core.partition.compiled import FITS
from streams.core.partition.exchange import decide_together
from streams.core.partition.partition import Partition
from streams.core.ruleset import DEFAULT, Ruleset
from streams.core.spend.signs_of_life import sign_of_life
from streams.core.time import DAY_MS, HOUR_MS, hour_of
from streams.core.watermark import FACTS, FUTURE_MS, NEVER, TOO_LATE_MS, Input
from streams.files import find, unreadable
from streams.lab.inputs.arrivals import arrivals, quick_arrivals
from streams.lab.inputs.arrived import Batch
from streams.lab.inputs.notes import InputNotes, tell_amended
from streams.lab.story import RefusedPurchase
from streams.native import make_line_decoder

_FEW: Final = 1000
"""Below so many spenders in a partition each is checked: their number may be too small."""

Progress = Callable[[int, int], None]
"""Takes the bytes read so far and the bytes of all files."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused line: where it stands and why; its bytes stay in their file."""

    file: str
    line: int
    reason: str
    detail: str


@dataclass(slots=True)
class ReplayResult:
    """The result of a replay. `alerts` and `holdout` are in order of time, customer, decision."""

    alerts: list[Alert] = field(default_factory=list)
    holdout: list[Alert] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    """Lines of each file by what became of them; each counts once, but `late` ones also as applied."""
    paths: dict[Input, Path] = field(default_factory=dict)
    """The files that are there."""
    refused_purchases: dict[str, list[RefusedPurchase]] = field(default_factory=dict)
    """By customer, in the order of the lines; only those of which it is known who bought and when."""
    seen: dict[Input, InputNotes] = field(default_factory=dict)
    """What was noticed of each input that is there."""
    tally: Counter[str] = field(default_factory=Counter)
    customers: int = 0
    shared: list[str] = field(default_factory=list)
    """The ids that were set apart because many share them; for the people who run it."""
    spenders: list[int] = field(default_factory=list)
    """How many customers of each partition bought more than they gave back."""
    first_ms: int | None = None
    """The oldest event of the transactions and contacts."""
    last_ms: int | None = None
    """The newest event."""
    seconds: float = 0.0
    lookup: Callable[[str], CustomerView | None] = lambda _customer_id: None


class Sampler(Observer, Protocol):
    """Sees the partitions from day to day."""

    def sample(self, partition: Partition) -> None:
        """Record a partition after it decided up to the end of a day."""


def replay_directory(  # noqa: PLR0913 - all but the first have a default and go by name
    directory: Path,
    *,
    ruleset: Ruleset = DEFAULT,
    partitions: int = 4,
    currency: str = "USD",
    now_ms: int | None = None,
    progress: Progress = lambda _read, _total: None,
    sampler: Sampler | None = None,
    by_time: bool = False,
    partitioner: Partitioner = DEFAULT_PARTITIONER,
    strict_fields: bool = False,
    compiled: bool = True,
) -> ReplayResult:
    """Return the alerts of a directory's events; raises InputError if it can't be read.

    `now_ms` is the wall clock (default: now); events more than 5 minutes beyond it are refused. `by_time`
    sorts each file before; it is then held in memory, and read by the reference. Unless it is to be left out,
    compiled code reads the plain purchases, where there is any; nothing else differs.
    """
    started = time.monotonic()
    paths = find(directory)
    now = int(time.time() * 1000) if now_ms is None else now_ms
    routes = Routes(partitions, partitioner)
    run = _Replay(ruleset, routes, partitions, currency, now, sampler, strict_fields=strict_fields)
    readable = {one: path for one, path in paths.items() if run.expect(one, path)}
    total = sum(path.stat().st_size for path in readable.values())
    done = Counter[Input]()
    files: dict[Input, Iterator[Batch]] = {
        one: arrivals(path, run.decoder.of(one), now + FUTURE_MS, by_time=by_time)
        for one, path in readable.items()
    }
    purchases = readable.get(Input.TRANSACTIONS)
    if purchases is not None and FITS and compiled and not by_time:
        quick = make_line_decoder(currency, partitions, partitioner, MAX_BYTES)
        decode = run.decoder.of(Input.TRANSACTIONS)
        files[Input.TRANSACTIONS] = quick_arrivals(purchases, decode, quick, now + FUTURE_MS, now)
    for one, batch in run.order(files):
        run.take(one, batch)
        done[one] = batch.bytes_read
        progress(done.total(), total)
    progress(total, total)
    result = run.finish()
    for one, path in readable.items():
        tell_amended(path, Decoder(currency, strict_fields=strict_fields).of(one), routes, result.seen[one])
        amended = len(result.seen[one].amended)
        if amended:
            result.outcomes[path.name]["duplicate"] -= amended
            result.outcomes[path.name]["same id, other content"] += amended
    result.paths = paths
    result.seconds = time.monotonic() - started
    return result


def _spent(view: CustomerView | None) -> bool:
    """Return whether a customer paid more than was given back."""
    return view is not None and sum(view.panes.cents) > 0


class _Replay:
    def __init__(  # noqa: PLR0913, PLR0917 - what it is made of
        self,
        rules: Ruleset,
        routes: Routes,
        partitions: int,
        currency: str,
        now: int,
        sampler: Sampler | None,
        *,
        strict_fields: bool,
    ) -> None:
        self.decoder = Decoder(currency, strict_fields=strict_fields, note=self._note_unknown)
        self._partitions = [Partition(rules, currency=currency, observer=sampler) for _ in range(partitions)]
        self._routes = routes
        self._now = now
        self._sampler = sampler
        self._alerts: list[Alert] = []
        self._result = ReplayResult()

    def _note_unknown(self, topic: Topic, _line: bytes, names: Collection[str]) -> None:
        self._result.seen[Input(topic.name)].unknown.note(names)

    def expect(self, source: Input, path: Path) -> bool:
        """Count the outcomes of a file, even if it has no line; return whether its lines can be read."""
        seen = self._result.seen[source] = InputNotes(source, path.name, unreadable(path))
        self._result.outcomes[path.name] = Counter()
        if seen.form is None:
            return True
        self._result.outcomes[path.name]["unreadable"] = 1
        self._result.dead_letters.append(DeadLetter(path.name, 1, Reason.NOT_JSON.value, seen.form))
        return False

    def order(self, files: Mapping[Input, Iterator[Batch]]) -> Iterator[tuple[Input, Batch]]:
        """Yield the batches of all files: side inputs first, then of the fact input that is behind."""
        for one in (Input.CUSTOMERS, Input.DISPOSITIONS):
            for batch in files.get(one, iter(())):
                yield one, batch
        waiting = {one: files[one] for one in FACTS if one in files}
        while waiting:
            behind = min(waiting, key=lambda one: max(part.clock(one) for part in self._partitions))
            following = next(waiting[behind], None)
            if following is None:
                del waiting[behind]
            else:
                yield behind, following

    def take(self, source: Input, batch: Batch) -> None:
        """Route and apply a batch, and decide what can be decided."""
        seen = self._result.seen[source]
        refused = batch.refused()
        shares = batch.shares(self._routes, len(self._partitions))
        counts, ticks, reached = self._result.outcomes[seen.file], 0, seen.newest
        for number, (partition, share) in enumerate(zip(self._partitions, shares, strict=True)):
            outcome = partition.apply(source, share.batched, repeat(self._now))
            counts["applied"] += outcome.applied
            counts["duplicate"] += outcome.duplicate
            counts["late"] += outcome.late
            ticks = outcome.ticks  # every partition has them all
            for at, refusal in outcome.refused:
                refused[share.place(at)] = refusal
            seen.follow(number, batch, share, outcome, partition.newest_of(source), reached)
        counts["tick"] += ticks
        if batch.blank:
            counts["blank"] += batch.blank
        seen.take(batch, refused)
        if refused:
            self._bury(seen, batch, refused)
        if source in FACTS:
            self._note_first(source, batch, refused)
        self._decide()

    def finish(self) -> ReplayResult:
        """Run time to the newest event of all files, and return the result."""
        newest = max(partition.newest for partition in self._partitions)
        if newest != NEVER:
            for partition in self._partitions:
                partition.move(dict.fromkeys(FACTS, newest + 1))
            self._decide()
            self._result.last_ms = newest
        self._alerts.sort(key=lambda alert: (alert.time, alert.customer_id))
        for alert in self._alerts:
            (self._result.alerts if alert.arm == "treated" else self._result.holdout).append(alert)
        for partition in self._partitions:
            self._result.tally.update(partition.tally)
            self._result.customers += partition.customers
        self._result.shared = sorted(one for partition in self._partitions for one in partition.shared)
        buyers = [set(partition.spenders) for partition in self._partitions]
        self._result.spenders = [
            sum(_spent(partition.lookup(one)) for one in ids) if len(ids) < _FEW else len(ids)
            for partition, ids in zip(self._partitions, buyers, strict=True)
        ]
        contacts = self._result.seen.get(Input.CONTACTS)
        if contacts is not None:
            ended = (partition.ended for partition in self._partitions)  # what they bought is another id's
            contacts.match(set().union(*buyers, *ended))
        self._result.lookup = self._lookup
        return self._result

    def _lookup(self, customer_id: str) -> CustomerView | None:
        return self._partitions[self._routes[customer_id]].lookup(customer_id)

    def _bury(self, seen: InputNotes, batch: Batch, refused: Mapping[int, Refusal]) -> None:
        counts = self._result.outcomes[seen.file]
        for at, refusal in sorted(refused.items(), key=lambda one: one[0]):
            counts["refused"] += 1
            reason = refusal.reason.value
            self._result.dead_letters.append(DeadLetter(seen.file, batch.numbers[at], reason, refusal.detail))
            bought = sign_of_life(batch.record(at))
            if bought is not None:
                purchases = self._result.refused_purchases.setdefault(bought.customer_id, [])
                purchases.append(RefusedPurchase(bought.time, reason))

    def _note_first(self, source: Input, batch: Batch, refused: Mapping[int, Refusal]) -> None:
        """Keep the oldest time, as long as the input's clocks still admit an older one."""
        first = self._result.first_ms
        oldest = min(partition.clock(source) for partition in self._partitions) - TOO_LATE_MS
        if first is not None and first <= oldest:
            return
        times = batch.fact_times(refused)
        self._result.first_ms = min(times, default=None) if first is None else min([first, *times])

    def _decide(self) -> None:
        for until in self._looks():
            for alerts in decide_together(self._partitions, self._routes.__getitem__, until).alerts:
                self._alerts += dated(alerts, self._now)
            if self._sampler is not None:
                for partition in self._partitions:
                    self._sampler.sample(partition)

    def _looks(self) -> Iterator[int | None]:
        """Yield the times to decide up to: every day if there is a sampler, and at last the watermarks."""
        if self._sampler is not None:
            hours = [
                one.next_timer if one.decided == NEVER else hour_of(one.decided)
                for one in self._partitions
                if one.watermark != NEVER
            ]
            first = min((hour for hour in hours if hour is not None), default=None)
            if first is not None:
                last = max(one.watermark for one in self._partitions)
                yield from range((first * HOUR_MS // DAY_MS + 1) * DAY_MS, last, DAY_MS)
        yield None
