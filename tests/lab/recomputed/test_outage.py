"""R12: for 3 days no transaction comes while contacts go on; the data comes later, or never.

The lines that would have come in the 3 days are taken out of their file. `LOST`: they never come. `LATE`:
they come 6 hours after the feed works again, when every partition has newer ones: too late to be on time,
early enough to be accepted. Six outages of each kind, against the whole histories.

What the guard holds are hour decisions. What contacts raise at once goes on as without the outage,
and is counted with the rest. A decision held in the outage is made after it, so the days that are compared
are those of the outage and the 3 after it.

Where the rules promise less than "never", a test states how much less, in these histories:

- The first hours of an outage look like silence: the guard looks a day back.
- A purchase that is lost can't close an episode, nor outweigh the silence that follows.
- Spend that is missing when the population is refreshed moves the cut-off until the next refresh, and spend
  that is lost weighs on its customer for a year: who is judged changes a little, either way.
- Late purchases count, the broken hours they were made in do not: episodes close sooner or are raised later.
  So what would have been found on the last of 90 days is found after them (a fading boycott, 3.5 days later).
- Who goes on buying a little may buy once more before a decision that was held is made.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product
from pathlib import Path

import pytest

from schemas.alert import Alert
from schemas.partitioner import Routes
from schemas.times import parse_ms
from streams.core.ruleset import DEFAULT, Ruleset
from streams.lab.generate import GenerateOptions, Shape
from streams.lab.replay import ReplayResult, replay_directory
from tests.lab.generated import DAY_MS, Generated, lines, make
from tests.lab.recomputed.test_against_recomputation import BUILT_IN, NOW, assert_same

pytestmark = pytest.mark.slow

HOUR_MS = 3_600_000
PARTITIONS = 3
SEEDS = (1, 2, 3)
STARTS = (parse_ms("2017-06-13T00:00:00Z"), parse_ms("2017-09-20T12:00:00Z"))
OUTAGE_MS = 3 * DAY_MS
BACKLOG_MS = 6 * HOUR_MS
"""From the feed's return to the coming of what it missed."""

GUARD_OFF = replace(DEFAULT, guard_minimum=1_000_000_000)
LONGEST_MS = 90 * DAY_MS
LATER_MS = 4 * DAY_MS
"""An outage makes what is found later by its own length, and by some hours: the guard looks a day back."""


class Kind(StrEnum):
    """What becomes of the transactions of an outage."""

    LOST = "lost"
    LATE = "late"


@dataclass(frozen=True)
class Outage:
    """A history with an outage, and the same history without."""

    kind: Kind
    start_ms: int
    made: Generated
    directory: Path
    whole: ReplayResult
    broken: ReplayResult

    @property
    def end_ms(self) -> int:
        """When transactions come again."""
        return self.start_ms + OUTAGE_MS

    def count(self, of: Callable[[Sequence[Alert]], int]) -> tuple[int, int]:
        """Return a figure of the outage and the 3 days after it: without the outage, and with it."""
        span = (self.start_ms, self.end_ms + OUTAGE_MS)
        return of(sent(self.whole, *span)), of(sent(self.broken, *span))


def replayed(directory: Path, rules: Ruleset = DEFAULT) -> ReplayResult:
    return replay_directory(directory, partitions=PARTITIONS, now_ms=NOW, ruleset=rules)


def write_outage(made: Generated, kind: Kind, start_ms: int, directory: Path) -> Path:
    """Write the history with an outage into a new directory."""
    directory.mkdir()
    for name in ("contacts", "customers"):
        (directory / f"{name}.jsonl").symlink_to(made.directory / f"{name}.jsonl")
    times = [event.time for event in made.transactions]

    def first_at(moment_ms: int) -> int:
        return next(at for at, time in enumerate(times) if time >= moment_ms)

    stop, again = first_at(start_ms), first_at(start_ms + OUTAGE_MS)
    backlog = first_at(start_ms + OUTAGE_MS + BACKLOG_MS)
    every = lines(made.directory, "transactions")
    missed = every[stop:again] if kind is Kind.LATE else []
    kept = [*every[:stop], *every[again:backlog], *missed, *every[backlog:]]
    (directory / "transactions.jsonl").write_bytes(b"".join(line + b"\n" for line in kept))
    return directory


def outages_of(made: Generated) -> Iterator[Outage]:
    whole = replayed(made.directory)
    for kind, (at, start_ms) in product(Kind, enumerate(STARTS)):
        directory = write_outage(made, kind, start_ms, made.directory.with_name(f"{kind}-{at}"))
        yield Outage(kind, start_ms, made, directory, whole, replayed(directory))


@pytest.fixture(name="outages", scope="module")
def outages_fixture(tmp_path_factory: pytest.TempPathFactory) -> list[Outage]:
    """Replay 800 households who get in touch 8 times a year, with and without each outage."""
    outages: list[Outage] = []
    for seed in SEEDS:
        options = GenerateOptions(seed=seed, customers=800, contact_rate=8)
        outages += outages_of(make(tmp_path_factory.mktemp(f"seed-{seed}") / "whole", options))
    return outages


def sent(result: ReplayResult, start_ms: int, end_ms: int) -> list[Alert]:
    """Return what was raised or updated in [start_ms, end_ms)."""
    return [
        alert
        for alert in result.alerts
        if alert.state != "resolved" and start_ms <= parse_ms(alert.time) < end_ms
    ]


def purchase_times(made: Generated) -> list[list[int]]:
    """Return when each partition's customers bought, in order."""
    routes = Routes(PARTITIONS)
    times: list[list[int]] = [[] for _ in range(PARTITIONS)]
    for customer_id, purchases in made.purchases.items():
        times[routes[customer_id]] += [event.time for event in purchases]
    return [sorted(mine) for mine in times]


def customers(alerts: Sequence[Alert]) -> int:
    return len({alert.customer_id for alert in alerts})


def is_of_an_hour(alert: Alert) -> bool:
    """Tell an hour decision, which the guard can hold, from one made at the effective time of an item."""
    return parse_ms(alert.time) % HOUR_MS == 0


def test_the_guard_is_on_in_every_partition(outages: list[Outage]) -> None:
    """Its mean over the same 24 hours of the 4 weeks before is at least 20 at every hour of the outage."""
    for outage in outages:
        times = purchase_times(outage.made)
        for hour in range(outage.start_ms, outage.end_ms, HOUR_MS):
            ends = [hour + HOUR_MS - week * 7 * DAY_MS for week in (1, 2, 3, 4)]
            for mine in times:
                assert sum(bisect_left(mine, end) - bisect_left(mine, end - DAY_MS) for end in ends) >= 4 * 20
        assert outage.broken.tally["held_by_feed_guard"] > outage.whole.tally["held_by_feed_guard"]


def test_late_data_is_accepted_and_lost_data_is_missing(outages: list[Outage]) -> None:
    for outage in outages:
        whole, broken = (result.outcomes["transactions.jsonl"] for result in (outage.whole, outage.broken))
        assert not outage.broken.dead_letters
        if outage.kind is Kind.LATE:
            assert broken["applied"] == whole["applied"]
            assert broken["late"] > whole["late"] + 250
        else:
            assert broken["applied"] < whole["applied"] - 250


@pytest.mark.parametrize("of", [len, customers])
def test_no_more_alerts_come_in_the_outage_and_after_it(
    outages: list[Outage], of: Callable[[Sequence[Alert]], int]
) -> None:
    """Lost: one of the six outages has one more, of a customer whose purchases were among the lost."""
    late = [outage.count(of) for outage in outages if outage.kind is Kind.LATE]
    assert all(broken <= whole for whole, broken in late)
    lost = [outage.count(of) for outage in outages if outage.kind is Kind.LOST]
    assert sum(broken > whole for whole, broken in lost) <= 1
    assert all(broken <= whole + 1 for whole, broken in lost)
    assert sum(broken for _, broken in lost) < sum(whole for whole, _ in lost)


def test_without_the_guard_more_would_come(outages: list[Outage]) -> None:
    """The same outages do raise more if nothing holds them: the histories are a test of the guard."""
    lost = [outage for outage in outages if outage.kind is Kind.LOST][: len(STARTS)]
    for outage in lost:
        unguarded = replayed(outage.directory, GUARD_OFF)
        whole, guarded = outage.count(len)
        assert len(sent(unguarded, outage.start_ms, outage.end_ms + OUTAGE_MS)) > max(whole, guarded)


def test_no_hour_decision_raises_once_a_day_is_empty(outages: list[Outage]) -> None:
    """Every window [g-23, g+1) of the hours from 24 h into the outage to its end is empty, or nearly."""
    spans = [(outage, (outage.start_ms + DAY_MS, outage.end_ms + HOUR_MS)) for outage in outages]
    assert not [one for outage, span in spans for one in sent(outage.broken, *span) if is_of_an_hour(one)]
    assert any(is_of_an_hour(one) for outage, span in spans for one in sent(outage.whole, *span))


def test_contacts_are_judged_on_in_the_outage(outages: list[Outage]) -> None:
    at_once = 0
    for outage in outages:
        whole, broken = (
            {
                (alert.customer_id, alert.level)
                for alert in sent(result, outage.start_ms, outage.end_ms)
                if not is_of_an_hour(alert)
            }
            for result in (outage.whole, outage.broken)
        )
        assert broken == whole
        at_once += len(broken)
    assert at_once >= 10


def test_no_more_customers_are_alerted_in_the_whole_history(outages: list[Outage]) -> None:
    """One more in one of twelve: the cut-off was refreshed in the outage; fewer in sum."""
    more = [customers(one.broken.alerts) - customers(one.whole.alerts) for one in outages]
    assert max(more) <= 1
    assert sum(one > 0 for one in more) <= 1
    assert sum(more) <= 0


@dataclass(frozen=True)
class Found:
    """A boycott after which an alert stood without the outage, and when one stood with it, if ever."""

    whole_ms: int
    broken_ms: int | None


def standing(result: ReplayResult) -> dict[str, list[tuple[int, int]]]:
    """Return [raised, resolved) of each customer's alerts."""
    spans: dict[str, dict[str, tuple[int, int]]] = {}
    for alert in result.alerts:
        time = parse_ms(alert.time)
        mine = spans.setdefault(alert.customer_id, {})
        raised, _ = mine.get(alert.alert_id, (time, NOW))
        mine[alert.alert_id] = (raised, time if alert.state == "resolved" else NOW)
    return {customer_id: list(mine.values()) for customer_id, mine in spans.items()}


def first_standing(spans: list[tuple[int, int]], start_ms: int, end_ms: int) -> int | None:
    """Return when first an alert stands in [start_ms, end_ms)."""
    times = [max(start, start_ms) for start, end in spans if start < end_ms and end > start_ms]
    return min(times, default=None)


def found(outages: list[Outage], kind: Kind, shapes: Sequence[Shape]) -> list[Found]:
    """Return the boycotts of these shapes that are found without the outage, but not before it.

    With the outage each may be found by as much later as an outage may cost, and so after 90 days or its end.
    """
    every = []
    for outage in outages:
        if outage.kind is not kind:
            continue
        whole, broken = standing(outage.whole), standing(outage.broken)
        for customer_id, start_ms, end_ms in (one for shape in shapes for one in outage.made.boycotts(shape)):
            last_ms = min(end_ms, start_ms + LONGEST_MS)
            when = first_standing(whole.get(customer_id, []), start_ms, last_ms)
            if when is not None and when >= outage.start_ms:
                later = first_standing(broken.get(customer_id, []), start_ms, last_ms + LATER_MS)
                every.append(Found(when, later))
    return every


FULL = [Shape.FULL]
PARTIAL = [shape for shape in Shape if shape is not Shape.FULL]


@pytest.mark.parametrize(
    ("kind", "shapes", "not_in_time"),
    [(Kind.LATE, FULL, 0), (Kind.LATE, PARTIAL, 0), (Kind.LOST, FULL, 1), (Kind.LOST, PARTIAL, 0)],
)
def test_true_boycotts_are_found_after_the_outage(
    outages: list[Outage], kind: Kind, shapes: list[Shape], not_in_time: int
) -> None:
    """At most 4 days later.

    One of the lost is a week later: what would have closed an earlier episode of the customer was lost.
    """
    every = found(outages, kind, shapes)
    delays = [None if one.broken_ms is None else one.broken_ms - one.whole_ms for one in every]
    in_time = [delay for delay in delays if delay is not None and delay <= LATER_MS]
    assert len(every) > 50
    assert len(every) - len(in_time) <= not_in_time
    assert max(in_time) > 2 * DAY_MS  # the outage did hold some


@pytest.mark.parametrize("kind", Kind)
def test_an_outage_gives_the_recomputed_alerts(outages: list[Outage], kind: Kind) -> None:
    outage = next(one for one in outages if one.kind is kind)
    assert len(assert_same(outage.directory, BUILT_IN[DEFAULT.version], PARTITIONS)) > 100
    assert outage.broken.alerts != outage.whole.alerts
