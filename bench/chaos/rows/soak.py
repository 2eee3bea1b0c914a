"""R18: half an hour of steady work on the live clock."""

import random
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Final

import numpy as np
from kafka import TopicPartition

from bench.chaos.outcome import Outcome
from bench.chaos.place import Place, Say, Scale
from bench.chaos.rows import Row
from bench.chaos.wire import Sender, alerts_differ, state_differs, write_inputs
from bench.shared.load import customer_name
from bench.shared.processes import cpu_seconds, resident
from bench.shared.running import Running, running
from schemas.times import format_ms
from streams.core.time import DAY_MS
from streams.core.watermark import FACTS, Input
from streams.settings import Settings
from tests.kafka.held import places, reader

RATE: Final = 500
"""Events a second, as many as one in `CONTACT_EVERY` of them a contact."""
CONTACT_EVERY: Final = 100
SEVERE: Final = 0.3
"""So many contacts are bad enough for an alert by themselves, if the customer is of high value."""
VALUABLE: Final = 5
WEEKS, DAYS = 13, 7
"""Each has bought once a week for so long, and then once a day: enough ids to keep them in a table."""
ID_BYTES: Final = 31
"""So much memory each purchase takes for 8 days, by docs/performance.md: that is no leak."""
WARM_SHARE: Final = 1 / 3
"""Of the time, before memory is judged: each customer has bought by then."""
MOST_LAG_SECONDS: Final = 5.0
MOST_GROWTH_MB: Final = 2.0
"""In ten minutes."""
_LOOK_SECONDS: Final = 0.5
_SAY_SECONDS: Final = 60.0
_DRAIN_SECONDS: Final = 120.0
_SETTLE_SECONDS: Final = 10.0
"""What is decided by then is committed: the allowed lateness, and a commit."""


def run(place: Place, scale: Scale, say: Say) -> Outcome:
    """Let a worker read what customers do now; look at its memory, and how far it is behind."""
    customers, seconds = scale.of(small=(1_000, 8.0), long=(50_000, 1_800.0))
    settings = place.settings(clock="live")
    with ExitStack() as stack:
        worker = stack.enter_context(running(settings))
        sender = Sender(settings)
        history = _send_history(sender, customers)
        worker.until_committed(settings)
        say(f"{history:,} purchases of {customers:,} customers are read; now {RATE}/s for {seconds:.0f} s")
        watch = Watch(settings, worker)
        live = Live(sender, customers, place.rng, watch, say).run(seconds)
        ended = _now_ms()
        sender.ticks(ended)
        sender.flush()
        with closing(watch):
            drained = watch.drained()
        time.sleep(_SETTLE_SECONDS)
        failures = sum("Traceback" in line for _, line in worker.lines)
    say(f"{live:,} events sent, drained {drained:.1f} s after the last; now recomputed plainly")
    events = write_inputs(settings, place.folder / "truth")
    alerts, found = alerts_differ(settings, place.folder / "truth", format_ms(ended))
    found = found.plus(state_differs(settings, events))
    lags, slope = watch.lags, watch.growth_mb(WARM_SHARE)
    growth = slope - ID_BYTES * live / seconds * 600 / 1e6
    limits = {
        f"behind by {median(lags):.1f} s in the median": median(lags) >= MOST_LAG_SECONDS,
        f"memory grew by {growth:.2f} MB in 10 min": growth >= MOST_GROWTH_MB and scale is Scale.LONG,
        "no alert was raised": not alerts,
        "the worker told of a failure": failures > 0,
    }
    return Outcome(
        row="R18",
        what="",
        trials=1,
        events=history + live,
        faults={},
        lost=found.lost,
        doubled=found.doubled,
        phantom=found.phantom,
        figures={
            "events a second": live / seconds,
            "alert records": alerts,
            "memory when it is judged first, MB": watch.memory_mb(WARM_SHARE),
            "memory at the end, MB": watch.memory_mb(1.0),
            "memory slope, MB in 10 min": slope,
            "memory slope without the ids of purchases, which are kept for 8 days, MB in 10 min": growth,
            "lag, median s": median(lags),
            "lag, 99 % s": float(np.percentile(lags, 99)),
            "lag, most s": max(lags),
            "CPU seconds of the worker in a second": watch.cpu_share,
        },
        missed=tuple(text for text, wrong in limits.items() if wrong),
        notes=("other rows ran beside it: the median lag is judged, the most is told",)
        if max(lags) >= MOST_LAG_SECONDS
        else (),
    )


ROWS: Final = (Row("R18", "soak on the live clock: 30 min, 500 events/s, 50,000 customers", run),)


@dataclass
class Watch:
    """Looks at a worker from outside: how old is what it has not committed, and how much memory it has."""

    settings: Settings
    worker: Running
    lags: list[float] = field(default_factory=list)
    """Seconds: as old is the oldest record that is not committed at most, in whatever partition."""
    memory: list[tuple[float, float]] = field(default_factory=list)
    """Seconds since the start, and resident MB."""
    cpu_share: float = 0.0
    """CPU seconds of the worker in a second, so far."""

    def __post_init__(self) -> None:
        """Open its readers."""
        self._stack = ExitStack()
        self._ends = self._stack.enter_context(reader(self.settings, "read_uncommitted"))
        self._group = self._stack.enter_context(
            reader(self.settings, "read_uncommitted", self.settings.application_id)
        )
        self._places: list[TopicPartition] = places(self.settings, *FACTS)
        self._seen: deque[tuple[float, dict[TopicPartition, int]]] = deque()
        self._began = self._since = time.monotonic()
        self._used = cpu_seconds(self.worker.pid)

    def look(self) -> float:
        """Note how things stand, and return how far the worker is behind, s."""
        ends: dict[TopicPartition, int] = self._ends.end_offsets(self._places)
        now = time.monotonic()
        self._seen.append((now, ends))
        committed = {one: self._group.committed(one) or 0 for one in self._places}
        while self._seen and all(committed[one] >= end for one, end in self._seen[0][1].items()):
            self._since = self._seen.popleft()[0]
        lag = now - self._since if self._seen else 0.0
        self.lags.append(lag)
        self.memory.append((now - self._began, resident(self.worker.pid)[0] / 1e6))
        self.cpu_share = (cpu_seconds(self.worker.pid) - self._used) / (now - self._began)
        return lag

    def drained(self) -> float:
        """Return after how many seconds all is committed."""
        began = time.monotonic()
        while self.look() > 0:
            self.worker.check(began + _DRAIN_SECONDS)
            time.sleep(0.2)
        return time.monotonic() - began

    def memory_mb(self, share: float) -> float:
        """Return the memory after a share of the time."""
        return self.memory[min(len(self.memory) - 1, int(len(self.memory) * share))][1]

    def growth_mb(self, share: float) -> float:
        """Return the slope of memory after a share of the time, MB in ten minutes."""
        at, size = np.array(self.memory[int(len(self.memory) * share) :]).T
        return float(np.polyfit(at, size, 1)[0] * 600)

    def close(self) -> None:
        """Look no more."""
        self._stack.close()


def _send_history(sender: Sender, customers: int) -> int:
    """Write what each bought up to now, in order of time, and return how much; one in five spends a lot."""
    now, number = _now_ms(), 0
    ends = [*(now - (DAYS + 7 * weeks) * DAY_MS for weeks in reversed(range(WEEKS + 1)))]
    ends += [now - days * DAY_MS for days in reversed(range(DAYS))]
    for start, end in pairwise(ends):
        for customer in range(customers):
            number += 1
            at = start + (end - start) * customer // customers
            sender.send(Input.TRANSACTIONS, purchase(f"h{number}", customer, at), customer_name(customer))
    sender.ticks(now)
    sender.flush()
    return number


class Live:
    """Writes what customers do now."""

    def __init__(self, sender: Sender, customers: int, rng: random.Random, watch: Watch, say: Say) -> None:
        self._sender, self._customers, self._rng = sender, customers, rng
        self._watch, self._say = watch, say
        self._unhappy = _in_no_order(customers, rng)

    def run(self, seconds: float) -> int:
        """Write at the rate, each event with its time, and return how many."""
        began = looked = said = time.monotonic()
        written = 0
        while (elapsed := time.monotonic() - began) < seconds:
            while written < int(elapsed * RATE):
                written += 1
                self._write(written)
            self._sender.poll()
            if time.monotonic() - looked >= _LOOK_SECONDS:
                looked = time.monotonic()
                self._watch.look()
                self._watch.worker.check(looked + 60)
            if time.monotonic() - said >= _SAY_SECONDS:
                said = time.monotonic()
                self._tell(written)
            time.sleep(0.02)
        return written

    def _write(self, number: int) -> None:
        if number % CONTACT_EVERY == 0:
            customer = next(self._unhappy)
            value = contact(f"k{number}", customer, _now_ms(), severe=self._rng.random() < SEVERE)
            self._sender.send(Input.CONTACTS, value, customer_name(customer))
        else:
            customer = self._rng.randrange(self._customers)
            value = purchase(f"p{number}", customer, _now_ms())
            self._sender.send(Input.TRANSACTIONS, value, customer_name(customer))

    def _tell(self, written: int) -> None:
        lags = self._watch.lags[-round(_SAY_SECONDS / _LOOK_SECONDS) :]
        self._say(
            f"{written:,} events; behind by {median(lags):.1f} s, most {max(lags):.1f} s; "
            f"memory {self._watch.memory[-1][1]:.1f} MB"
        )


def _in_no_order(customers: int, rng: random.Random) -> Iterator[int]:
    """Yield customers in no order, over and over."""
    while True:
        yield from rng.sample(range(customers), customers)


def purchase(event_id: str, customer: int, time_ms: int) -> bytes:
    """Return the JSON of a purchase; one customer in five spends ten times as much."""
    amount = "90.00" if customer % VALUABLE == 0 else "9.00"
    return (
        f'{{"type":"transaction","event_id":"{event_id}","customer_id":"{customer_name(customer)}",'
        f'"time":"{format_ms(time_ms)}","source":"shop","kind":"purchase","amount":"{amount}","currency":"USD"}}'
    ).encode()


def contact(contact_id: str, customer: int, time_ms: int, *, severe: bool) -> bytes:
    """Return the JSON of a contact that went well, or very badly."""
    when = format_ms(time_ms)
    resolution, transfers = ("unresolved", 1) if severe else ("resolved", 0)
    return (
        f'{{"type":"contact","event_id":"{contact_id}","customer_id":"{customer_name(customer)}","time":"{when}",'
        f'"source":"desk","contact_id":"{contact_id}","version":1,"channel":"voice","ended_at":"{when}",'
        f'"resolution":"{resolution}","ended_by":"agent","ended_stage":"agent","transfers_cold":{transfers}}}'
    ).encode()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
