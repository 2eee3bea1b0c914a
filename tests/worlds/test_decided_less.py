"""A partition that is clever about its decisions against one that is not: it plods, and keeps nothing.

The one that plods decides after every record, looks at an open episode at every hour, takes every record
apart and writes all of it anew, and reads everybody's trips again at each refresh. What customers have to
trouble it is drawn: late and repeated events, refunds before and after, subscriptions, merged ids, erasures,
outages. Not beside the core's own tests: to measure what it covers would double its time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec import structs

from schemas.alert import Alert
from schemas.events import Erasure, Transaction
from streams.core.customer.customer import Customer
from streams.core.customer.customer_codec import FLAGS_AT, OPEN, Horizon
from streams.core.customer.pending import Episode
from streams.core.episodes.judge import Judge
from streams.core.feed.feed_guard import FeedGuard
from streams.core.odds import next_timer
from streams.core.partition.exchange import decide_together
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import VERSIONS, Ruleset
from streams.core.spend.baseline import KEPT_HOURS
from streams.core.spend.evidence import hours_until
from streams.core.spend.panes import Panes
from streams.core.spend.population import Population, Refresh
from streams.core.time import hour_of
from streams.core.watermark import FACTS, Input
from tests.core.drive import SILENT, SMALL, Log, State, erasure, in_order, keep, restored, world

pytestmark = pytest.mark.slow

NO_PANES = Panes()
COUNT = 2
"""Partitions; merged ids go from one to the other."""
SMALLER = SMALL | {"guard_minimum": 1, "population_sample": 6, "population_minimum": 2}
RULES = (
    VERSIONS["1"].as_mapping() | SMALL,
    VERSIONS["3"].as_mapping() | SMALLER | {"most_contacts": 2},
    VERSIONS["4"].as_mapping() | SMALLER | SILENT,
    VERSIONS["4"].as_mapping() | SMALLER | {"shared_trips_factor": 1.5, "settle_hours": 27},
)


class Run:
    """Two partitions, what came of them, and every refresh on the way."""

    def __init__(self, rules: Ruleset) -> None:
        self.rules = rules
        self.here = [Partition(rules) for _ in range(COUNT)]
        self.alerts: list[Alert] = []
        self.refreshes: list[tuple[int, Refresh]] = []
        self._states: list[State] = [{} for _ in self.here]
        self._waiting: list[tuple[int, Input, list[Any]]] = []
        """Batches on their way, by partition and input."""

    @staticmethod
    def home(customer_id: str) -> int:
        """Tell in which partition an id is."""
        return sum(customer_id.encode()) % COUNT

    def feed(self, log: Log, cut: Callable[[], bool], crash: Callable[[], bool]) -> "Run":
        """Take a log in; decide where `cut` says, and restore all where `crash` does.

        What an erasure takes away depends on what was decided before it: so all that can be is.
        """
        for source, record in log:
            if isinstance(record, Erasure):
                self._decide()
            targets = [self.home(record.customer_id)] if hasattr(record, "customer_id") else range(COUNT)
            for number in targets:
                self._put(number, source, record)
            if isinstance(record, Erasure) or (source in FACTS and cut()):
                self._decide()
                if crash():
                    self._restore()
        self._take()
        newest = max(one.newest for one in self.here)
        for one in self.here:
            one.move(dict.fromkeys(FACTS, newest + 1))
        self._decide()
        return self

    def _put(self, number: int, source: Input, record: Record) -> None:
        if not self._waiting or self._waiting[-1][:2] != (number, source):
            self._waiting.append((number, source, []))
        self._waiting[-1][2].append(record)

    def _take(self) -> None:
        for number, source, records in self._waiting:
            self.alerts += self.here[number].apply(source, records).alerts
        self._waiting.clear()

    def _decide(self) -> None:
        self._take()
        self.alerts += [one for many in decide_together(self.here, self.home).alerts for one in many]

    def _restore(self) -> None:
        for number, one in enumerate(self.here):
            keep(self._states[number], one)
            self.here[number] = restored(self.rules, self._states[number])

    @property
    def written(self) -> list[str]:
        """Return all that was written of alerts, in one order."""
        return sorted(one.model_dump_json() for one in self.alerts)

    @property
    def refreshed(self) -> list[tuple[int, Refresh]]:
        """Return the refreshes that found anybody, those of one partition after those of the other."""
        found = [one for one in self.refreshes if one[1].cutoff is not None or one[1].median_trips > 1]
        return sorted(found, key=lambda one: (one[0], one[1].hour))

    def seen(self) -> dict[str, object]:
        """Return what is known of everybody in the end, but for what is only for the program's own use."""
        found: dict[str, object] = {}
        for partition in self.here:
            oldest = hour_of(partition.decided) - KEPT_HOURS
            for customer_id in partition._customers.records:
                view = partition.lookup(customer_id)
                assert view is not None
                panes = [one for one in view.panes if one[0] >= oldest]
                episode = view.episode
                if episode is not None:
                    plain = structs.replace(episode.episode, anchor=None, timer=0, quiet=False)
                    episode = replace(episode, episode=plain)
                crowded = customer_id in partition._customers.crowded
                found[customer_id] = panes, replace(view, panes=NO_PANES, episode=episode), crowded
            is_open = {one for one, record in partition._customers.records.items() if record[FLAGS_AT] & OPEN}
            assert set(partition.open_customers) == is_open
        return found


@contextmanager
def noted(run: Run) -> Iterator[None]:
    """Note the refreshes of a run."""
    original = Population.refresh

    def refresh(self: Population, hour: int, history: Any) -> Refresh:
        found = original(self, hour, history)
        number = next(at for at, one in enumerate(run.here) if one._contents.sampling._population is self)
        run.refreshes.append((number, found))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Population, "refresh", refresh)
        yield


@contextmanager
def plodding() -> Iterator[None]:
    """Leave out all that makes deciding cheap."""
    pack, fold_money, median_trips = Customer.pack, Judge._fold_money, Population._median_trips

    def pack_all(self: Customer, horizon: Horizon, flags: int) -> bytearray:
        assert self.recent is not None
        assert self.folded is not None
        self.first_pane = self.first_pane
        self._is_folded_anew = True
        return pack(self, horizon, flags)

    def always_stale(self: Judge, customer: Customer, event: Any, came: int, effective_time: int) -> None:
        fold_money(self, customer, event, came, effective_time)
        self._past, self._stale_from = None, hour_of(effective_time) + 1

    def read_all(self: Population, hour: int, history: Any) -> int:
        self._months.clear()
        return median_trips(self, hour, history)

    def every_hour(_customer: object, _episode: Episode, hour: int, _guard: object, _rules: object) -> int:
        return hour

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Customer, "pack", pack_all)
        patch.setattr(Judge, "_fold_money", always_stale)
        patch.setattr(Population, "_median_trips", read_all)
        patch.setattr("streams.core.customer.customer_store._INDEXED", 255)
        patch.setattr("streams.core.episodes.lifecycle.next_timer", every_hour)
        yield


def checked(customer: Customer, episode: Episode, hour: int, guard: FeedGuard, rules: Ruleset) -> int:
    """Return the timer of an episode, which is that of a search without a bound, wherever the bound lies."""
    many = [rules, *(replace(rules, raise_days=days) for days in range(1, 31))]
    timers = [next_timer.next_timer(customer, episode, hour, guard, one) for one in many]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(next_timer, "hours_until", lambda *given: hours_until(*given[:4]))
        assert [next_timer.next_timer(customer, episode, hour, guard, one) for one in many] == timers
    return timers[0]


def troubled(directory: Path, seed: int) -> Log:
    """Return the log of an odd world, facts in order of time, with erasures."""
    rng, inputs = Random(seed), world(directory, seed, customers=16, days=260, odd=True)
    log = in_order(inputs)
    names = sorted({one.customer_id for _, one in log if isinstance(one, Transaction)})
    for name in rng.sample(names, min(4, len(names))):
        log.insert(rng.randrange(len(log) // 3, len(log)), (Input.CUSTOMERS, erasure(name)))
    return log


@pytest.mark.parametrize("seed", range(4))
def test_to_decide_less_is_to_decide_the_same(tmp_path: Path, seed: int) -> None:
    """The same alerts byte for byte, the same refreshes, the same of everybody in the end."""
    log, rng = troubled(tmp_path, seed), Random(seed)
    rules = Ruleset.from_mapping(RULES[seed % len(RULES)])
    wanted = Run(rules)
    with plodding(), noted(wanted):
        wanted.feed(log, lambda: True, lambda: False)
    for often in (0.3, 0.03, 0.001):
        run = Run(rules)
        with noted(run), pytest.MonkeyPatch.context() as patch:
            patch.setattr("streams.core.customer.customer_store.MANY_CONTACTS", 1)  # kept unpacked
            patch.setattr("streams.core.episodes.lifecycle.next_timer", checked)
            run.feed(log, lambda: rng.random() < often, lambda: rng.random() < 0.4)  # noqa: B023
        assert run.written == wanted.written
        assert run.refreshed == wanted.refreshed
        assert run.seen() == wanted.seen()
