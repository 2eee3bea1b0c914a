"""A run of purchases comes to what its events come to; what compiled code does is done plainly here."""

from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from typing_extensions import override
from xxhash import xxh3_64_intdigest

from schemas.events import Transaction
from streams.core.customer.customer_codec import (
    ENTRY,
    FLAGS_AT,
    LONG_RECORD,
    MERGED,
    OWED,
    QUIET,
    SAMPLED,
    WITHOUT_PANE,
    Horizon,
    is_foldable,
)
from streams.core.customer.id_table import UNIT_BITS
from streams.core.partition.partition import Batched, Outcome, Partition
from streams.core.ruleset import VERSIONS
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FUTURE_MS, Input
from streams.native import Run
from tests.core.drive import HOME, purchase

TX = Input.TRANSACTIONS
NOTED = SAMPLED | WITHOUT_PANE | QUIET | MERGED


@dataclass
class PlainRun(Run):
    """Events of which each was appended at its time."""

    events: list[Transaction]

    @override
    def __len__(self) -> int:
        return len(self.events)

    @override
    def event(self, at: int) -> Transaction:
        return self.events[at]

    @override
    def place(self, at: int) -> int:
        return at

    @override
    def is_plain(self, at: int) -> bool:
        return self.events[at].kind == "purchase"

    @override
    def times(self, of_others: int) -> list[int]:
        return [event.time for event in self.events]

    @override
    def when(self, at: int) -> int:
        return self.events[at].time

    @override
    def sampled(self, first: int, every: int) -> list[tuple[int, str, int, int]]:
        return []


class PlainStore:
    """What `streams.native.Store` does, in the fewest words; it leaves one row in five to the reference."""

    def __init__(self, **arguments: Any) -> None:
        self.given = arguments
        self.newest: int = arguments["newest"]
        self.now: int = arguments["now"]
        self.applied = 0

    def apply(self, run: PlainRun, start: int) -> int:
        """Apply rows up to the first that is not as simple."""
        for at in range(start, len(run)):
            if not run.is_plain(at) or not self._apply(run.event(at), run.when(at)):
                return at
        return len(run)

    def _apply(self, event: Transaction, when: int) -> bool:
        given, time, cents = self.given, event.time, event.cents
        key = xxh3_64_intdigest(event.event_id.encode(), xxh3_64_intdigest(event.source.encode()))
        plain = self.now < time <= when + FUTURE_MS and (cents or given["zero_counts"])
        if not plain or event.event_id.endswith(("3", "8")) or not self._remember(key, time):
            return False
        customer_id = event.customer_id
        record = given["records"].get(customer_id)
        if record is None:
            record = given["new"](customer_id)
        entry = ENTRY.pack(time, cents, key)
        record += entry
        if given["journal"] is not None:
            given["journal"] += len(customer_id).to_bytes(2, "little") + customer_id.encode() + entry
        given["count"](event.source, time // HOUR_MS, 1)
        if not record[FLAGS_AT] & OWED:
            record[FLAGS_AT] |= OWED
            given["owing"].append(customer_id)
        if record[FLAGS_AT] & NOTED:
            given["note"](customer_id, record, time // HOUR_MS, cents)
        if len(record) > LONG_RECORD and is_foldable(record, Horizon((given["oldest_id"],), 0)):
            given["fold"](customer_id, record)
        held_back = given["held_back"]
        reached = time if held_back is None else min(time, when - held_back)
        self.newest, self.now = max(self.newest, time), max(self.now, reached - given["lateness"])
        self.applied += 1
        return True

    def _remember(self, key: int, time: int) -> bool:
        given = self.given
        number = key & given["low"]
        assert number >= given["split"] == 0
        if key in given["recent"]:
            return False
        if not given["buckets"]:
            given["recent"][key] = time
            return True
        bucket, rest = given["buckets"][number], (key >> 16).to_bytes(6, "little")
        if rest in bucket:
            return False
        if time >> UNIT_BITS > given["newest_unit"]:
            given["reach"](time)
            given["newest_unit"] = time >> UNIT_BITS
        bucket += rest + (time >> UNIT_BITS & 0xFFFF).to_bytes(2, "little")
        return True


def feed(rng: Random, count: int) -> list[Transaction]:
    """Return purchases of a year, some late, again or worth nothing, and refunds among them."""
    events: list[Transaction] = []
    for number in range(count):
        time = HOME + number * 365 * DAY_MS // count - rng.choice((0, 0, 0, 0, 0, 0, 0, 0, 0, 2 * HOUR_MS))
        cents = rng.choice((0, 100, 2_000, 3_000))
        kind = "refund" if rng.random() < 0.02 else "purchase"
        told = {"event_id": f"e{number}", "source": rng.choice("ab"), "kind": kind}
        event = purchase(f"c{rng.randrange(30)}", time, cents, **told)
        events.append(rng.choice(events) if events and rng.random() < 0.05 else event)
    return events


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("held_back", [None, 60_000])
@pytest.mark.parametrize("many_ids", [False, True])
def test_a_run_is_its_events(
    version: str, held_back: int | None, many_ids: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone or among events, as long as it is or cut; also the places of what is no purchase on time."""
    monkeypatch.setattr("streams.core.partition.compiled.make_store", PlainStore)
    if many_ids:
        monkeypatch.setattr("streams.core.customer.event_ids.MOST_RECENT", 10)
    rng = Random(1)
    one, other = Partition(VERSIONS[version]), Partition(VERSIONS[version])
    events = feed(rng, 1_000)
    applied = Outcome()
    while events:
        batch, events = events[:100], events[100:]
        cut = rng.randrange(len(batch))
        runs: list[Batched] = [PlainRun(batch[:cut]), *batch[cut : cut + 3], PlainRun(batch[cut + 3 :])]
        times = [event.time for event in batch]
        per_item = [0, *times[cut : cut + 3], 0]
        applied = one.apply(TX, runs, per_item, held_back=held_back)
        assert applied == other.apply(TX, batch, times, held_back=held_back)
        assert one.newest_of(TX) == other.newest_of(TX)
        assert one.clock(TX) == other.clock(TX)
        assert one.drain_dirty() == other.drain_dirty()
    assert applied.applied > 50
