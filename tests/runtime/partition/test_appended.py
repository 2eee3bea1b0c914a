"""Records are judged by when Kafka appended them: what is in the future, and how far they take time along."""

from collections.abc import Callable, Iterable
from itertools import repeat

import pytest

from schemas.dead_letter import Reason
from schemas.events import Erasure, Refusal
from streams.core.partition.partition import Outcome, Partition
from streams.core.ruleset import Ruleset
from streams.core.watermark import FACTS, Input
from streams.runtime.partition.decode import RecordDecoder
from streams.runtime.partition.processor import PartitionProcessor
from streams.runtime.ports import Fetched, RawRecord
from tests.runtime.history import NOW
from tests.runtime.lines import contact, key_of, purchase, tick
from tests.runtime.partition.test_processor import IDENTITY, Memory, now

TX, CT = FACTS
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
LATENESS_MS = Ruleset().lateness_ms

Line = Callable[[str, int], bytes]
"""Makes an event of a customer at a time (ms)."""

both_inputs = pytest.mark.parametrize(("source", "line"), [(TX, purchase), (CT, contact)])


def processor(*, live: bool, wall_ms: int = NOW) -> PartitionProcessor:
    made = PartitionProcessor(IDENTITY, Memory(), lambda: wall_ms, live=live)
    now(made.open())
    return made


def batch(source: Input, appended: Iterable[tuple[int, bytes]]) -> Fetched:
    """Return lines as a batch, each with when it was appended (ms)."""
    records = [RawRecord(at, when, key_of(line), line) for at, (when, line) in enumerate(appended)]
    return Fetched(source, 0, records, len(records))


def outcome(made: PartitionProcessor, source: Input, appended: Iterable[tuple[int, bytes]]) -> Outcome:
    taken = made.take(batch(source, appended))
    assert taken is not None
    return taken.outcome


# The future


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("read_later_ms", [-HOUR_MS, 0, HOUR_MS, 400 * 24 * HOUR_MS])
@pytest.mark.parametrize("beyond_ms", [-1, 0, 1])
@both_inputs
def test_what_is_more_than_five_minutes_ahead_of_its_append_is_refused_whenever_it_is_read(
    source: Input, line: Line, beyond_ms: int, read_later_ms: int, live: bool
) -> None:
    """The same verdict an hour later, after a year, and by a worker whose clock is wrong."""
    made, refused = processor(live=live, wall_ms=NOW + read_later_ms), beyond_ms > 0
    found = outcome(made, source, [(NOW, line("a", NOW + 5 * MINUTE_MS + beyond_ms))])
    assert [refusal.reason for _, refusal in found.refused] == [Reason.FUTURE] * refused
    assert found.applied == (not refused)


def test_each_record_of_a_batch_is_judged_by_its_own_append() -> None:
    """Also after one that can't be read, and a tick."""
    lines = [
        (NOW, b"{"),
        (NOW, purchase("a", NOW + 6 * MINUTE_MS)),
        (NOW + MINUTE_MS, purchase("b", NOW + 6 * MINUTE_MS)),
        (NOW + MINUTE_MS, tick(NOW + 7 * MINUTE_MS)),
        (NOW + 2 * MINUTE_MS, tick(NOW + 7 * MINUTE_MS)),
    ]
    made = processor(live=True)
    found = outcome(made, TX, lines)
    assert [at for at, _ in found.refused] == [0, 2]  # indices among what could be read
    assert (found.applied, found.ticks) == (1, 1)
    now(made.commit())
    memory = made._log
    assert isinstance(memory, Memory)
    dead_letters = memory.written[-1].dead_letters
    assert [(one.record.offset, one.reason) for one in dead_letters] == [
        (0, Reason.NOT_JSON),
        (1, Reason.FUTURE),
        (3, Reason.FUTURE),
    ]


# A source whose clock is fast


def with_a_fast_source(line: Line) -> list[tuple[int, bytes]]:
    """Return four minutes of events, appended as they happen; every tenth is dated four minutes ahead."""
    times = range(NOW, NOW + 4 * MINUTE_MS, 1_000)
    return [
        (at, line("fast", at + 4 * MINUTE_MS)) if number % 10 == 0 else (at, line("right", at))
        for number, at in enumerate(times)
    ]


@both_inputs
def test_a_fast_source_makes_nobody_late_on_the_live_clock(source: Input, line: Line) -> None:
    """Its records count as any other, but take time no further than to when they were appended."""
    made, lines = processor(live=True), with_a_fast_source(line)
    found = outcome(made, source, lines)
    assert (found.applied, found.late, found.refused) == (len(lines), 0, [])
    assert made.partition.clock(source) == lines[-1][0] - LATENESS_MS


@both_inputs
def test_a_fast_source_makes_the_others_late_on_the_event_clock_as_in_replay(
    source: Input, line: Line
) -> None:
    made, lines = processor(live=False), with_a_fast_source(line)
    found = outcome(made, source, lines)
    replayed = replay(source, [line for _, line in lines])
    assert found.late == len(lines) * 9 // 10
    assert (found.applied, found.late, found.refused) == (replayed.applied, replayed.late, replayed.refused)


def replay(source: Input, lines: Iterable[bytes]) -> Outcome:
    """Return what becomes of lines of a file, where nobody knows when they were appended."""
    partition, decode = Partition(IDENTITY.rules), RecordDecoder("USD", 0, 1)
    found = [decode(source, RawRecord(0, 0, key_of(line), line), partition.knows) for line in lines]
    events = [one for one in found if not isinstance(one, Refusal | Erasure)]
    return partition.apply(source, events, repeat(NOW + HOUR_MS))


@pytest.mark.parametrize("ahead_ms", [-1, 0, 1, MINUTE_MS])
@both_inputs
def test_a_record_moves_its_input_as_if_its_time_were_no_later_than_its_append(
    source: Input, line: Line, ahead_ms: int
) -> None:
    made = processor(live=True)
    outcome(made, source, [(NOW, line("a", NOW + ahead_ms))])
    assert made.partition.clock(source) == NOW + min(ahead_ms, 0) - LATENESS_MS
    assert made.partition.newest_of(source) == NOW + ahead_ms


# What the processor takes note of


def test_the_delay_of_one_purchase_in_sixteen_is_looked_at_and_of_the_first() -> None:
    """Of 65 in a batch these are five, which are enough to tell; of 64 they are four."""
    for purchases, held_back in [(64, 0), (65, 4_000)]:
        made = processor(live=True)
        outcome(made, TX, [(NOW + at, purchase(f"c-{at}", NOW + at - 3_500)) for at in range(purchases)])
        assert made.delay.ms == held_back


def test_only_purchases_tell_the_upstream_delay_but_all_events_their_source() -> None:
    made = processor(live=True)
    for at in range(0, 40, 2):
        made.take(Fetched(CT, at, batch(CT, [(NOW, contact("a", NOW - 9_000 - at))]).records, at + 2))
    ticks = [(NOW + 1, tick(NOW - 1_000 * MINUTE_MS))] * 400
    outcome(made, TX, ticks)
    assert made.delay.ms == 0
    assert {source: list(one.times) for source, one in made.sources.items() if one.times} == {CT: ["test"]}
    assert made.sources[CT].times["test"].delay == 9_000 + 38


def slow(purchases: int, delay_ms: int = 3_500) -> list[tuple[int, bytes]]:
    """Return purchases of as many customers, one appended each ms."""
    return [(NOW + at, purchase(f"c-{at}", NOW + at - delay_ms)) for at in range(purchases)]


def test_what_was_refused_and_what_came_before_tell_nothing() -> None:
    """The producer sends all anew 50 minutes later, among lines that are far ahead, and no JSON."""
    made = processor(live=True)
    outcome(made, TX, slow(320))
    again = [
        one
        for when, line in slow(320)
        for one in [(when, b"{"), (when + 50 * MINUTE_MS, line), (when, purchase("d", when + 6 * MINUTE_MS))]
    ]
    for at in range(10):
        taken = made.take(Fetched(TX, 320 + at * 960, batch(TX, again).records, 320 + (at + 1) * 960))
        assert taken is not None
        assert (taken.outcome.applied, taken.outcome.duplicate, len(taken.outcome.refused)) == (0, 320, 320)
    assert made.delay.ms == 4_000
    assert made.sources[TX].times["test"].appended == NOW + 304


def test_the_delay_outlives_a_rebalance() -> None:
    """Until enough is known again; a processor of the other clock keeps nothing back."""
    memory = Memory()
    made = PartitionProcessor(IDENTITY, memory, lambda: NOW, live=True)
    now(made.open())
    outcome(made, TX, slow(320))
    now(made.commit())
    again = PartitionProcessor(IDENTITY, memory, lambda: NOW, live=True)
    now(again.open())
    assert again.delay.ms == 4_000
    for purchases, held_back in [(1, 4_000), (18 * 16, 4_000), (1, 0)]:
        start = again.positions[TX]
        lines = [(NOW + 500 + at, purchase(f"d-{start + at}", NOW + 500 + at)) for at in range(purchases)]
        assert again.take(Fetched(TX, start, batch(TX, lines).records, start + purchases))
        assert again.delay.ms == held_back


def test_when_a_source_last_brought_something_outlives_a_rebalance() -> None:
    memory = Memory()
    made = PartitionProcessor(IDENTITY, memory, lambda: NOW, live=True)
    now(made.open())
    outcome(made, CT, [(NOW, contact("a", NOW - 9_000))])
    now(made.commit())
    again = PartitionProcessor(IDENTITY, memory, lambda: NOW, live=True)
    now(again.open())
    assert {source: one.known() for source, one in again.sources.items() if one.times} == {
        CT: {"test": (NOW, 9_000)}
    }


def test_what_takes_no_time_does_not_make_late_what_does() -> None:
    """Every other purchase is 3.5 s old when it comes, and its source as slow as ever."""
    made, rounds = processor(live=True), 320
    outcome(made, TX, slow(rounds))
    at = NOW + MINUTE_MS
    lines = [
        one
        for second in range(60)
        for when in [at + second * 1_000]
        for one in [
            (when, purchase(f"prompt-{second}", when)),
            (when + 1, purchase(f"slow-{second}", when - 8_000)),
        ]
    ]
    taken = made.take(Fetched(TX, rounds, batch(TX, lines).records, rounds + len(lines)))
    assert taken is not None
    assert (taken.outcome.applied, taken.outcome.late) == (120, 0)
    assert made.partition.clock(TX) == lines[-1][0] - 1 - 4_000 - LATENESS_MS
