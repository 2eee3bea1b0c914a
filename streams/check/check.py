"""The events of all inputs, one by one, to the questions and to the core."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import repeat
from typing import Any, Final

import msgspec

from schemas.dead_letter import Reason
from schemas.events import Refusal, Tick
from schemas.hot import Decoded
from schemas.partitioner import Routes
from streams.check.answer import Answer
from streams.check.questions.coverage import Coverage
from streams.check.questions.currencies import Currencies
from streams.check.questions.duplicates import Duplicates
from streams.check.questions.holes import Holes
from streams.check.questions.ids import Ids
from streams.check.questions.judged import CanBeJudged
from streams.check.questions.lateness import Lateness
from streams.check.questions.refused import Refused
from streams.check.questions.shared import Shared
from streams.check.questions.times import Times
from streams.check.seen import End, People, Person, Seen
from streams.core.partition.acceptance import refusal
from streams.core.partition.exchange import decide_together
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import Ruleset
from streams.core.spend.signs_of_life import sign_of_life
from streams.core.time import SECOND_MS
from streams.core.watermark import FACTS, FUTURE_MS, NEVER, Clock, Input

MOST_PERSONS: Final = 200_000
"""Of more customers a sample is asked after."""
_BUSIEST: Final = 1_000
_BATCH: Final = 10_000


class Check:
    """Takes the events of a feed in the order of their arrival, and answers the ten questions.

    What is kept grows with the customers and their hours, as a worker's state does, not with the events.
    `sampled` says that only a part of the feed is shown; `now_ms` is the wall clock.
    """

    def __init__(
        self, rules: Ruleset, *, currency: str, partitions: int, now_ms: int, sampled: bool = False
    ) -> None:
        self.lines: Counter[Input] = Counter()
        self._now_ms = now_ms
        self.sampled = sampled
        self._lateness_ms = round(rules.allowed_lateness_seconds * SECOND_MS)
        self._clocks: dict[tuple[Input, int], Clock] = {}
        self._partitions = [Partition(rules, currency=currency) for _ in range(partitions)]
        self._routes = Routes(partitions)
        self._waiting: defaultdict[tuple[Input, int], list[Record]] = defaultdict(list)
        self._waits = 0
        self._people = People()
        self._decode = msgspec.json.Decoder().decode
        self._coverage = Coverage()
        self._ids = Ids()
        self._lateness = Lateness(self._lateness_ms)
        self._duplicates = Duplicates()
        self._currencies = Currencies(currency)
        self._holes = Holes(rules, partitions, sampled=sampled)
        self._judged = CanBeJudged(rules)
        self._shared = Shared()
        self._times = Times()
        self._refused = Refused()
        self._takers = (
            *(self._people.take, self._coverage.take, self._lateness.take, self._duplicates.take),
            *(self._currencies.take, self._holes.take, self._times.take),
        )

    def home(self, customer_id: str) -> int:
        """Return the partition that a customer belongs to."""
        return self._routes[customer_id]

    def reached(self, source: Input) -> int:
        """Return the newest time (ms) of an input so far; NEVER at first."""
        return max((clock.newest for (one, _), clock in self._clocks.items() if one is source), default=NEVER)

    def take(
        self,
        source: Input,
        raw: bytes,
        record: Decoded,
        partition: int | None = None,
        *,
        misplaced: Refusal | None = None,
    ) -> None:
        """Take a record: its bytes, and what they decode to.

        `partition` is where it lies, by default where its customer belongs. What is `misplaced` would be
        refused for its place alone, and is looked at all the same.
        """
        self.lines[source] += 1
        if misplaced is not None:
            self._refused.take(source, misplaced)
        if isinstance(record, Refusal):
            self._refuse(source, raw, record)
        elif isinstance(record, Tick):
            self._tick(source, record, partition)
        else:
            home = self._routes[record.customer_id]
            clock = self._clock(source, home if partition is None else partition)
            refused = refusal(clock, record, self._now_ms + FUTURE_MS)
            if refused is None:
                late, newest = clock.effective_time(record.time) == clock.now, clock.newest
                seen = Seen(
                    source, home if partition is None else partition, record, self._fields(raw), newest, late
                )
                clock.accept(record.time)
                for take in self._takers:
                    take(seen)
            else:
                self._refused.take(source, refused)
                if refused.reason is Reason.FUTURE:
                    self._times.take_future()
                else:
                    self._lateness.take_too_late(source, clock.newest - record.time)
            self._wait(source, home, record)

    def _refuse(self, source: Input, raw: bytes, refused: Refusal) -> None:
        self._refused.take(source, refused)
        if refused.reason is Reason.CURRENCY:
            self._currencies.take_refused(source, self._fields(raw))
        elif refused.reason is Reason.FUTURE:
            self._times.take_future()
        sign = sign_of_life(refused)
        if sign is not None:
            self._wait(source, self._routes[sign.customer_id], sign)

    def _tick(self, source: Input, tick: Tick, partition: int | None) -> None:
        refused = None
        for one in range(len(self._partitions)) if partition is None else (partition,):
            clock = self._clock(source, one)
            refused = refusal(clock, tick, self._now_ms + FUTURE_MS)
            if refused is None:
                clock.tick(tick.time)
                self._wait(source, one, tick)
        if refused is not None:
            self._refused.take(source, refused)
            self._times.take_future()

    def _clock(self, source: Input, partition: int) -> Clock:
        clock = self._clocks.get((source, partition))
        if clock is None:
            clock = self._clocks[source, partition] = Clock(self._lateness_ms)
        return clock

    def _fields(self, raw: bytes) -> Mapping[str, Any]:
        try:
            fields = self._decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return {}
        return fields if isinstance(fields, dict) else {}

    def _wait(self, source: Input, partition: int, record: Record) -> None:
        self._waiting[source, partition].append(record)
        self._waits += 1
        if self._waits >= _BATCH:
            self._settle()

    def _settle(self) -> None:
        """Let the core take what waits, and decide what can be decided."""
        for (source, partition), records in self._waiting.items():
            self._partitions[partition].apply(source, records, repeat(self._now_ms))
        self._waiting.clear()
        self._waits = 0
        decide_together(self._partitions, self._routes.__getitem__)

    def answers(self) -> list[Answer]:
        """Return the answers to the ten questions, in their order, once all is taken."""
        end = self._end()
        return [
            self._coverage.answer(),
            self._ids.answer(end),
            self._lateness.answer(),
            self._duplicates.answer(),
            self._currencies.answer(),
            self._holes.answer(),
            self._judged.answer(end),
            self._shared.answer(end),
            self._times.answer(self._holes.hours),
            self._refused.answer(self.lines),
        ]

    def _end(self) -> End:
        """Run time to the newest event, and look at every customer, or at a sample of them."""
        self._settle()
        newest = max(partition.newest for partition in self._partitions)
        if newest != NEVER:
            for partition in self._partitions:
                partition.move(dict.fromkeys(FACTS, newest + 1))
            decide_together(self._partitions, self._routes.__getitem__)
        ids = self._people.ids
        asked = ids[:: -(-len(ids) // MOST_PERSONS) or 1]
        return End(
            people=self._people,
            persons=[self._person(one) for one in asked],
            busiest=[self._person(one) for one in self._people.busiest(_BUSIEST)],
            of=len(ids),
            cutoffs=[one.cutoff for one in self._partitions],
            spenders=[sum(1 for _ in one.spenders) for one in self._partitions],
            sampled=self.sampled,
        )

    def _person(self, customer_id: str) -> Person:
        home, people = self._routes[customer_id], self._people
        standing = self._partitions[home].standing(customer_id)
        return Person(home, people.purchases[customer_id], people.contacts[customer_id], standing)
