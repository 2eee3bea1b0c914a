"""The compiled hot path against the reference: the same outcomes, state and alerts, whatever is sent."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

import pytest

from schemas.partitioner import partition_of
from schemas.times import format_ms
from streams.core.customer.state import is_page_key
from streams.core.partition.intake import Intake
from streams.core.ruleset import VERSIONS, Ruleset
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import Input
from streams.native import Run
from streams.runtime.partition.processor import SIDE_INPUTS, Identity, PartitionProcessor, Taken
from streams.runtime.ports import Bounds, Fetched, RawRecord
from tests.core.drive import HOME, SILENT, SMALL
from tests.runtime.history import NOW
from tests.runtime.partition.test_processor import FULL, Memory, now
from tests.schemas.lines import spell

pytestmark = [pytest.mark.usefixtures("compiled"), pytest.mark.slow]

TX, CT = Input.TRANSACTIONS, Input.CONTACTS
Batch = tuple[Input, list[RawRecord]]
MINUTE_MS: Final = 60_000
PARTITIONS: Final = 2
HERE: Final = 1
HEAVY: Final = "heavy"
RULES: Final = (
    *(replace(rules, **SMALL, guard_minimum=1) for rules in VERSIONS.values()),
    Ruleset(**SMALL, **SILENT, guard_minimum=1, population_sample=8),
)
OTHER_KINDS: Final = ("refund", "chargeback", "fee", "subscription_charge", "subscription_cancelled")
SEEDS: Final = range(2 * len(RULES))


@dataclass
class Feed:
    """Draws the records of a partition: in the main on-time purchases, and among them whatever is not."""

    rng: Random
    time: int = HOME
    sent: list[RawRecord] = field(default_factory=list)
    counter: int = 0

    def __post_init__(self) -> None:
        names = [f"c{number}" for number in range(60)] + ["\u00e9" * 64, HEAVY]
        self.customers = [one for one in names if partition_of(one, PARTITIONS) == HERE]
        self.strangers = [one for one in names if one not in self.customers]
        self.sources = [f"till {number}" for number in range(self.rng.choice((1, 3, 40)))]
        self.step = self.rng.choice((HOUR_MS // 2, 3 * HOUR_MS))
        self.heavy = HEAVY if HEAVY in self.customers else self.customers[0]

    def batches(self, count: int) -> Iterator[Batch]:
        """Yield batches of any size, one input each."""
        rng = self.rng
        for number in range(count):
            if number == count // 2 and rng.random() < 0.3:
                self.time += 500 * DAY_MS
            if number == count // 3:
                yield TX, [self._bought(self.heavy, step=MINUTE_MS) for _ in range(1_300)]
            kind = rng.random()
            if kind < 0.65:
                yield TX, [self._transaction() for _ in range(rng.choice((1, 5, 60, 300)))]
            elif kind < 0.9:
                yield CT, [self._contact() for _ in range(rng.choice((1, 4)))]
            elif kind < 0.95:
                yield Input.CUSTOMERS, [RawRecord(0, self.time, rng.choice(self.customers).encode(), None)]
            else:
                yield Input.CUSTOMERS, [self._profile()]

    def _transaction(self) -> RawRecord:
        if self.rng.random() < 0.8 or not self.sent:
            return self._bought(self._anybody())
        return self.rng.choice(self._odd)()

    def _anybody(self) -> str:
        return self.rng.choice(self.customers)

    @property
    def _odd(self) -> list[Callable[[], RawRecord]]:
        """What is no on-time purchase that is seen for the first time."""
        rng, last = self.rng, self.sent[-1]
        again = [lambda: rng.choice(self.sent[-300:])] * 6 + [lambda: rng.choice(self.sent)] * 2
        behind = (6_000, HOUR_MS, 3 * DAY_MS, 9 * DAY_MS, -HOUR_MS)
        refused = (replace(last, value=b"?"), replace(last, key=b"nobody"), replace(last, value=None))
        return [
            *again,
            lambda: self._bought(self._anybody(), behind=rng.choice(behind)),
            lambda: self._bought(self._anybody(), behind=rng.choice(behind)),
            lambda: self._record({"type": "tick", "time": format_ms(self.time), "source": "pulse"}, None),
            lambda: self._event("customer_merged", self._anybody(), merged_into=self._anybody()),
            self._with_unknown_field,
            lambda: rng.choice(refused),
            lambda: self._bought(rng.choice(self.strangers)),
            self._other_money,
        ]

    def _with_unknown_field(self) -> RawRecord:
        raw = self._bought(self._anybody())
        assert raw.value is not None
        return replace(raw, value=raw.value[:-1] + b',"tier":1}')

    def _other_money(self) -> RawRecord:
        kind = self.rng.choice(
            ("refund", "chargeback", "fee", "subscription_charge", "subscription_cancelled")
        )
        money: dict[str, Any] = (
            {} if kind == "subscription_cancelled" else {"amount": "9.50", "currency": "USD"}
        )
        return self._event("transaction", self._anybody(), kind=kind, **money)

    def _bought(self, customer_id: str, *, behind: int = 0, step: int = 0) -> RawRecord:
        rng = self.rng
        self.time += rng.randrange(step or self.step) if not behind else 0
        late = rng.randrange(4_000) if rng.random() < 0.3 else 0
        amounts = ("0.00", "0.004", "21474836.47", "21474836.48", "999999999999.99")
        amount = rng.choice(amounts) if rng.random() < 0.05 else f"{rng.uniform(1, 80):.2f}"
        money: dict[str, Any] = {"kind": "purchase", "amount": amount, "currency": "USD"}
        if rng.random() < 0.01:
            money |= {"currency": "EUR", "exchange_rate": "1.1"}
        raw = self._event("transaction", customer_id, time=self.time - late - behind, **money)
        if not behind:
            self.sent.append(raw)
        return raw

    def _contact(self) -> RawRecord:
        self.counter += 1
        told: dict[str, Any] = {"contact_id": f"k{self.counter}", "version": 1, "channel": "voice"}
        return self._event("contact", self._anybody(), **told, resolution="unresolved")

    def _profile(self) -> RawRecord:
        return self._event("profile", self._anybody(), tier="gold")

    def _event(self, type_: str, customer_id: str, *, time: int | None = None, **fields: Any) -> RawRecord:
        self.counter += 1
        moment = self.time if time is None else time
        common = {"event_id": f"e{self.counter}", "source": self.rng.choice(self.sources)}
        event = {"type": type_, "customer_id": customer_id, "time": format_ms(moment), **common, **fields}
        return self._record(event, customer_id)

    def _record(self, event: dict[str, Any], key: str | None) -> RawRecord:
        appended = self.time + self.rng.choice((0, 0, 1_000, HOUR_MS))
        return RawRecord(0, appended, None if key is None else key.encode(), spell(event))


@dataclass
class Worker:
    """One way through the batches: processors one after the other, over the same log."""

    rules: Ruleset
    compiled: bool

    def __post_init__(self) -> None:
        self.log, self.taken = Memory(), list[Taken]()
        self.positions: Counter[Input] = Counter()

    def open(self, *, live: bool) -> None:
        """Go on with another processor from what was committed."""
        self.log._bounds = FULL | {one: Bounds(0, self.positions[one]) for one in SIDE_INPUTS}
        identity = Identity("test", self.rules, "USD", HERE, PARTITIONS, True, compiled=self.compiled)
        self.processor = PartitionProcessor(identity, self.log, lambda: NOW, live=live)
        now(self.processor.open())

    def take(self, source: Input, raws: list[RawRecord]) -> None:
        """Apply a batch."""
        before = self.positions[source]
        records = [replace(raw, offset=before + at) for at, raw in enumerate(raws)]
        self.positions[source] += len(raws)
        taken = self.processor.take(Fetched(source, before, records, before + len(raws)))
        assert taken is not None
        self.taken.append(taken)

    def commit(self) -> None:
        """Write what there is."""
        now(self.processor.commit())


@pytest.mark.parametrize("seed", SEEDS)
def test_batches_of_anything_come_to_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every outcome and every byte written; over restarts, on both clocks, with few ids and with many."""
    rng, runs = Random(seed), Counter[str]()
    if seed % 2:
        monkeypatch.setattr("streams.core.customer.event_ids.MOST_RECENT", 300)
        monkeypatch.setattr("streams.core.customer.id_table._LOAD", 0.02)
    apply = Intake._apply_run

    def counted(self: Intake, at: int, run: Run, *rest: Any) -> None:
        runs["rows"] += len(run)
        apply(self, at, run, *rest)

    monkeypatch.setattr(Intake, "_apply_run", counted)
    rules = RULES[seed % len(RULES)]
    both = compiled, reference = Worker(rules, compiled=True), Worker(rules, compiled=False)
    opens, live = True, False
    for number, (source, raws) in enumerate(Feed(rng).batches(70)):
        if opens:
            live = rng.random() < 0.4
            for one in both:
                one.open(live=live)
        for one in both:
            one.take(source, raws)
        assert compiled.taken[-1] == reference.taken[-1], (seed, number)
        assert compiled.processor.partition.dirty == reference.processor.partition.dirty, (seed, number)
        opens = rng.random() < 0.05
        if opens or rng.random() < 0.3:
            for one in both:
                one.commit()
            assert compiled.log.written[-1:] == reference.log.written[-1:], (seed, number)
    for one in both:
        one.processor.advance({TX: NOW, CT: NOW})
        one.commit()
    assert compiled.log.written == reference.log.written
    assert compiled.processor.partition.tally == reference.processor.partition.tally
    tally = summary(compiled, runs)
    assert min(tally[one] for one in ("rows", "duplicates", "late", "refused", "waiting")) > 10, tally


def summary(worker: Worker, runs: Counter[str]) -> Counter[str]:
    tally = runs.copy()
    for taken in worker.taken:
        tally["duplicates"] += taken.outcome.duplicate
        tally["late"] += taken.outcome.late
        tally["refused"] += len(taken.outcome.refused) + len(taken.refused)
        tally["waiting"] += len(taken.outcome.waiting)
        tally["applied"] += taken.outcome.applied
        tally["unknown"] += len(taken.unknown)
    tally["alerts"] = sum(len(one.alerts) for one in worker.log.written)
    tally["pages"] = sum(is_page_key(key) for key in worker.log.state if key != b"o")
    return tally


@pytest.mark.parametrize("seed", range(len(RULES)))
def test_however_they_are_split_the_alerts_are_the_same(seed: int) -> None:
    """Also one by one, where hardly anything is a run."""
    rng, most = Random(seed), (1, 7, 40)[seed % 3]
    rules = RULES[seed % len(RULES)]
    whole, parts = Worker(rules, compiled=True), Worker(rules, compiled=True)
    whole.open(live=False)
    parts.open(live=False)
    for source, raws in Feed(rng).batches(40):
        whole.take(source, raws)
        at = 0
        while at < len(raws):
            size = rng.randint(1, most)
            parts.take(source, raws[at : at + size])
            at += size
    found = []
    for one in (whole, parts):
        one.processor.advance({TX: NOW, CT: NOW})
        one.commit()
        found.append([alert for written in one.log.written for alert in written.alerts])
    assert found[0] == found[1]
    assert summary(whole, Counter())["applied"] == summary(parts, Counter())["applied"]
