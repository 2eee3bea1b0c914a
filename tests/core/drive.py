"""Driving a partition in tests: events, worlds as records, arrival orders, batches, and crashes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from schemas.alert import Alert
from schemas.events import (
    Contact,
    Disposition,
    Erasure,
    Notice,
    Profile,
    Refusal,
    SignOfLife,
    Tick,
    Transaction,
)
from schemas.hot import Decoder
from streams.core.alerts.figures import Figures
from streams.core.customer.customer import unpack
from streams.core.customer.customer_codec import input_of
from streams.core.customer.journal.expansion import without_journal
from streams.core.customer.moves import Move
from streams.core.customer.pending import Episode
from streams.core.customer.state import keep_newest
from streams.core.episodes.lifecycle import Observer
from streams.core.odds.odds import Odds
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import Ruleset
from streams.core.spend.evidence import Evidence, Yardstick
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, GIVEN, Input
from tests.worlds.worlds import write_world

HOME: Final = 1_704_326_400_000
"""Thursday 2024-01-04T00:00Z in ms: an hour divisible by 168, so a population refresh."""

SMALL: Final[dict[str, Any]] = {
    "high_value_quantile": 0.2,
    "population_minimum": 5,
    "opening_frustration": 0.3,
}
"""Settings under which a handful of customers raises many alerts."""

SILENT: Final[dict[str, Any]] = {"silent": True, "silent_prior_probability": 0.05, "silent_days": 98}
"""Settings under which about as many of them are silent."""

Log = list[tuple[Input, Record]]
"""Records of all inputs in the order of their arrival."""
DEADLINE: Final = 472_222 * HOUR_MS
"""Of the episode of `figures`, in ms."""
USUAL: Final = Yardstick(100.0, 1.0, 0)
State = dict[bytes, bytes]
"""A changelog after compaction: the latest value by key, without those that ended in None."""


# Figures


def figures(
    rules: Ruleset,
    yardstick: Yardstick = USUAL,
    *,
    time: int = DEADLINE,
    days: float = 10.0,
) -> Figures:
    """Return figures of a silent episode of which a watch was sent, 4.00 spent since."""
    episode = Episode(
        anchor=None,
        alert_id="a",
        yardstick=yardstick,
        opened=DEADLINE - 90 * DAY_MS,
        cutoff=None,
        trailing_spend=0,
        ruleset=rules.hash,
        sent=1,
    )
    return Figures(
        episode=episode,
        rules=rules,
        arm="treated",
        currency="USD",
        time=time,
        evidence=Evidence(400, days, 0.0),
        odds=Odds(-2.9, 2.9, 0.0),
        usual_per_day=100,
        recurring_per_day=0,
        days_usual_spend=4.0,
        at_risk=4_500,
        visits=0,
        unread=0,
        signs=0,
    )


# Events


def purchase(customer_id: str, time: int, cents: int = 1_000, **other: Any) -> Transaction:
    """Return a purchase; `other` replaces fields."""
    fields = {
        "customer_id": customer_id,
        "source": "pos",
        "event_id": f"{customer_id}-{time}",
        "time": time,
        "kind": "purchase",
        "cents": cents,
        "original_time": None,
    }
    return Transaction(**{**fields, **other})


def contact(customer_id: str, time: int, contact_id: str = "k1", **other: Any) -> Contact:
    """Return the first version of a voice contact of which nothing more is known; `other` replaces fields."""
    fields: dict[str, Any] = dict.fromkeys(Contact.__struct_fields__)
    lengths = ("queue_seconds", "hold_seconds", "self_service_minutes", "first_reply_seconds")
    fields |= dict.fromkeys(lengths, 0.0)
    fields |= dict.fromkeys(("hold_count", "transfers_cold", "transfers_warm", "ivr_zero_outs"), 0)
    flags = ("outbound", "self_served", "escalation_requested", "escalation_granted", "complaint")
    fields |= dict.fromkeys((*flags, "repeated_information", "recovery"), False)
    fields |= {"customer_id": customer_id, "source": "crm", "contact_id": contact_id, "version": 1}
    fields |= {"time": time, "moment": time, "channel": "voice", "phrases": ()}
    made = {**fields, **other}
    made.setdefault("event_id", None)
    made["event_id"] = made["event_id"] or f"{contact_id}-{made['version']}-{time}"
    return Contact(**made)


def bad(customer_id: str, time: int, contact_id: str = "k1", **other: Any) -> Contact:
    """Return a contact with 1.85 nats of its own."""
    return contact(customer_id, time, contact_id, **{"resolution": "unresolved", **other})


def notice(customer_id: str, time: int, contact_id: str = "n1", *, notified: bool = False) -> Notice:
    """Return a notice of a change of price."""
    return Notice(customer_id, "crm", f"{contact_id}-{time}", time, contact_id, "price", notified)


def profile(
    customer_id: str,
    time: int,
    *,
    tier: str | None = None,
    owner: str | None = None,
    event_id: str | None = None,
    left_alone: bool = False,
) -> Profile:
    """Return a profile."""
    return Profile(customer_id, "crm", event_id or f"profile-{time}", time, tier, owner, left_alone)


def disposition(customer_id: str, time: int, alert_id: str, **other: Any) -> Disposition:
    """Return an acknowledgement; `other` replaces fields."""
    fields = {"status": "acknowledged", "outcome": None, "snooze_until": None}
    return Disposition(customer_id, "desk", f"d-{time}", time, alert_id, **{**fields, **other})


def tick(time: int) -> Tick:
    """Return a tick."""
    return Tick("pulse", time)


def erasure(customer_id: str) -> Erasure:
    """Return the erasure of a customer."""
    return Erasure(customer_id)


def daily(customer_id: str, first: int, days: int, cents: int = 1_000) -> list[Transaction]:
    """Return a purchase at noon of every day, from the day that begins at `first` (ms) on."""
    noon = first + DAY_MS // 2
    return [purchase(customer_id, noon + day * DAY_MS, cents) for day in range(days)]


# Worlds


def world(
    directory: Path, seed: int, *, customers: int = 40, days: int = 400, odd: bool = False
) -> dict[Input, list[Record]]:
    """Return the sound records of a random world by input, in the order of their arrival."""
    write_world(directory, seed, customers=customers, days=days, odd=odd)
    decoder = Decoder("USD")
    found: dict[Input, list[Record]] = {}
    for source in GIVEN:
        path = directory / f"{source.value}.jsonl"
        lines = path.read_bytes().splitlines() if path.exists() else []
        decoded = map(getattr(decoder, source.value), lines)
        now = 1_800_000_000_000
        found[source] = [one for one in decoded if not isinstance(one, Refusal) and one.time < now]
    return found


def unique(records: Iterable[Record]) -> list[Record]:
    """Return the events without ticks, each id once, in order of time."""
    first: dict[tuple[str, str], Record] = {}
    for one in records:
        if not isinstance(one, Tick | Erasure | SignOfLife | Move):
            first.setdefault((one.source, one.event_id), one)
    return sorted(first.values(), key=time_of)


def time_of(record: Record) -> int:
    """Return the event time of a record, an erasure excepted."""
    assert not isinstance(record, Erasure)
    return record.time


# Arrival


def shuffled(rng: Random, records: Sequence[Record], lateness: int, copies: float) -> list[Record]:
    """Return records in an order of arrival, each late by less than `lateness` ms; some come twice."""
    arrivals = [
        (time_of(one) + rng.randrange(lateness), rng.random(), one)
        for one in records
        for _ in range(1 + (rng.random() < copies))
    ]
    arrivals.sort(key=lambda arrival: arrival[:2])
    return [one for _, _, one in arrivals]


def interleaved(rng: Random, inputs: dict[Input, list[Record]]) -> Log:
    """Return side inputs first, then the two fact inputs woven into one another in runs of random length."""
    log: Log = [(one, record) for one in GIVEN if one not in FACTS for record in inputs.get(one, [])]
    waiting = {one: list(reversed(inputs.get(one, []))) for one in FACTS}
    longest = rng.choice((1, 20, 500, 100_000))
    while any(waiting.values()):
        source = rng.choice([one for one in FACTS if waiting[one]])
        for _ in range(min(len(waiting[source]), rng.randint(1, longest))):
            log.append((source, waiting[source].pop()))
    return log


def in_order(inputs: dict[Input, list[Record]]) -> Log:
    """Return side inputs first, then the facts by time."""
    side = [(one, record) for one in GIVEN if one not in FACTS for record in inputs.get(one, [])]
    facts = [(one, record) for one in FACTS for record in inputs.get(one, [])]
    return side + sorted(facts, key=lambda entry: time_of(entry[1]))


# Runs


Between = Callable[[Partition], Partition]
"""May do something to a partition between two calls, and returns the partition to go on with."""


def unchanged(partition: Partition) -> Partition:
    """Do nothing."""
    return partition


@dataclass
class Crashes:
    """Keeps a changelog by draining now and then, and at times goes on with a partition restored from it."""

    rng: Random
    rules: Ruleset
    often: float
    happened: int = 0

    def __post_init__(self) -> None:
        self.log = CompactedLog(self.rng)

    @property
    def state(self) -> State:
        """Return the changelog."""
        return self.log.state

    def __call__(self, partition: Partition) -> Partition:
        """Do nothing, or drain, or crash: the partition to go on with knows only what was drained."""
        if self.rng.random() >= self.often:
            return partition
        self.log.keep(partition)
        if self.rng.random() < 0.5:
            return partition
        self.happened += 1
        if self.rng.random() < 0.3:
            self.log.move()
        return restored(self.rules, self.state)


@dataclass
class CompactedLog:
    """A topic that is compacted up to somewhere now and then: what is superseded goes, tombstones may."""

    rng: Random
    entries: list[tuple[bytes, bytes | None]] = field(default_factory=list)

    def keep(self, partition: Partition) -> None:
        """Write what changed."""
        self.entries += partition.drain_dirty()
        if self.rng.random() < 0.3:
            self.compact()

    def compact(self, end: int | None = None) -> None:
        """Compact the first so many entries, up to anywhere if nothing is said."""
        end = self.rng.randint(0, len(self.entries)) if end is None else end
        last = {key: at for at, (key, _) in enumerate(self.entries[:end])}
        kept = [self.entries[at] for at in sorted(last.values())]
        self.entries[:end] = [one for one in kept if one[1] is not None or self.rng.random() < 0.3]

    def move(self) -> None:
        """Go on as a new topic into which this one was imported, whole records in any order."""
        entries = list(without_journal(self.state).items())
        self.rng.shuffle(entries)
        self.entries = [*entries]

    @property
    def state(self) -> State:
        """Return what a reader finds: the newest values, in the order in which they were written."""
        state: State = {}
        keep_newest(state, self.entries)
        return state


def keep(state: State, partition: Partition) -> None:
    """Write what changed into a changelog, which stands in the order of the last writes."""
    keep_newest(state, partition.drain_dirty())


def known(partition: Partition) -> dict[str, object]:
    """Return what is known of each customer, in a form that does not depend on when it was packed."""
    found: dict[str, object] = {}
    (oldest, *_), oldest_pane = partition._contents.horizon
    for customer_id, record in partition._customers.records.items():
        customer = unpack(customer_id, record)
        ids = sorted((time, input_of(mark), key) for time, mark, key in partition._customers.ids(customer_id))
        ids = [one for one in ids if one[0] >= oldest]
        panes = [pane for pane in customer.panes if pane[0] >= oldest_pane]
        body = customer.body
        rest = (body.contacts, body.frustration, body.episode, body.revisions, body.profile, body.rare)
        found[customer_id] = (customer.first_pane, panes, ids, rest)
    return found


def restored(
    rules: Ruleset, state: State, rng: Random | None = None, observer: Observer | None = None
) -> Partition:
    """Return a new partition from a changelog; with `rng` as if it was moved, whole records in any order."""
    partition = Partition(rules, observer=observer)
    if rng is not None:
        entries = list(without_journal(state).items())
        rng.shuffle(entries)
        state = dict(entries)
    partition.restore(state)
    return partition


def drive(
    partition: Partition, log: Log, *, rng: Random | None = None, between: Between = unchanged
) -> tuple[list[Alert], Partition]:
    """Apply a log and let time run to its newest event; return the alerts in the order of the contract.

    With `rng`, the log is split into random batches and decided at random times, else all at once. A run of
    side inputs at the beginning is read before anything is decided.
    """
    alerts: list[Alert] = []
    for source, records in _batches(log, rng):
        alerts += partition.apply(source, records).alerts
        partition = between(partition)
        if source in FACTS and (rng is None or rng.random() < 0.7):
            alerts += partition.decide()
            partition = between(partition)
    partition.move(dict.fromkeys(FACTS, partition.newest + 1))
    alerts += partition.decide()
    alerts.sort(key=lambda alert: (alert.time, alert.customer_id))
    return alerts, partition


def _batches(log: Log, rng: Random | None) -> list[tuple[Input, list[Record]]]:
    """Return the log in batches of neighbours of the same input."""
    batches: list[tuple[Input, list[Record]]] = []
    longest = 1 << 40 if rng is None else rng.choice((3, 100, 5_000))
    room = 0
    for source, record in log:
        if room == 0 or batches[-1][0] is not source:
            batches.append((source, []))
            room = longest if rng is None else rng.randint(1, longest)
        batches[-1][1].append(record)
        room -= 1
    return batches
