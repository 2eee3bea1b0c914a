"""The upstream delay that is held back, and the newest record of each source."""

from collections.abc import Iterable

import pytest

from streams.runtime.partition.upstream_delay import Sources, UpstreamDelay
from streams.runtime.telemetry.source_metrics import OTHER, SourceTimes

NOW = 1_800_000_000_000
MINUTE_MS = 60_000
PERIOD_MS = 10 * MINUTE_MS


def delay_of(delays: Iterable[int]) -> int:
    """Return what is held back (ms) after purchases with these delays, appended one a millisecond."""
    delay = UpstreamDelay()
    note(delay, delays, NOW)
    return delay.ms


def note(delay: UpstreamDelay, delays: Iterable[int], appended: int) -> None:
    for at, one in enumerate(delays, appended):
        delay.note(at, at - one)


@pytest.mark.parametrize(("purchases", "ms"), [(0, 0), (4, 0), (5, 4_000), (6, 4_000)])
def test_fewer_than_five_purchases_tell_nothing(purchases: int, ms: int) -> None:
    assert delay_of([3_500] * purchases) == ms


@pytest.mark.parametrize(("purchases", "ms"), [(0, 64_000), (19, 64_000), (20, 4_000), (21, 4_000)])
def test_what_was_known_stands_until_twenty_say_otherwise(purchases: int, ms: int) -> None:
    delay = UpstreamDelay(64_000)
    note(delay, [3_500] * purchases, NOW)
    assert delay.ms == ms


@pytest.mark.parametrize(("slow", "ms"), [(5, 1_000), (6, 1_000), (7, 64_000)])
@pytest.mark.parametrize("times", [1, 10, 100])
def test_seven_of_ten_are_waited_for(slow: int, ms: int, times: int) -> None:
    """Of twenty: a source that is slow and the smaller part holds up nobody but itself."""
    assert delay_of(([60_000] * slow + [900] * (20 - slow)) * times) == ms


@pytest.mark.parametrize(
    ("delay", "ms"),
    [
        *((-60_000, 0), (-1, 0), (0, 0)),
        *((1, 31), (31, 31), (32, 62), (62, 62), (63, 125), (126, 250), (251, 500), (500, 500)),
        *((501, 1_000), (999, 1_000), (1_000, 1_000), (1_001, 2_000)),
        *((1_999, 2_000), (2_000, 2_000), (2_001, 4_000)),
        *((4_000, 4_000), (4_001, 8_000)),
        *((2_048_000, 2_048_000), (2_048_001, 3_600_000)),
    ],
)
def test_it_is_rounded_up_to_a_second_by_halves_and_doubles(delay: int, ms: int) -> None:
    assert delay_of([delay] * 20) == ms


@pytest.mark.parametrize(("delay", "ms"), [(3_599_999, 3_600_000), (3_600_000, 3_600_000), (3_600_001, 0)])
def test_an_hour_is_the_most_and_what_takes_longer_is_left_out(delay: int, ms: int) -> None:
    """That is a feed by night, which no delay that time could wait for."""
    assert delay_of([delay] * 20) == ms
    assert delay_of([delay] * 1_000 + [900] * 50) == max(ms, 1_000)


@pytest.mark.parametrize(
    ("after_ms", "ms"), [(PERIOD_MS - 1, 64_000), (PERIOD_MS, 64_000), (PERIOD_MS + 1, 1_000)]
)
def test_what_is_ten_to_twenty_minutes_old_is_forgotten(after_ms: int, ms: int) -> None:
    """A feed that was slow is quick again, with a purchase a second: once the slow ones are a period back."""
    delay = UpstreamDelay()
    delay.note(NOW, NOW - 60_000)
    note(delay, [60_000] * 2_000, NOW)
    for at in range(0, PERIOD_MS + 1, 1_000):
        delay.note(NOW + PERIOD_MS + 1 + at, NOW + PERIOD_MS + 1 + at - 900)
    assert delay.ms == 64_000
    last = NOW + PERIOD_MS + 1 + after_ms
    delay.note(last, last - 900)
    assert delay.ms == ms


@pytest.mark.parametrize(("in_a_period", "ms"), [(19, 64_000), (20, 1_000), (21, 1_000)])
def test_sparse_feeds_remember_longer(in_a_period: int, ms: int) -> None:
    """Nothing is forgotten as long as fewer than twenty came since."""
    delay = UpstreamDelay()
    note(delay, [60_000] * 100, NOW)
    begins = NOW + PERIOD_MS + 1
    note(delay, [900] * in_a_period, begins)
    last = begins + PERIOD_MS + 1
    delay.note(last, last - 900)
    assert delay.ms == ms


def test_a_quiet_night_forgets_nothing() -> None:
    delay = UpstreamDelay()
    note(delay, [3_000] * 20, NOW)
    morning = NOW + 8 * 60 * MINUTE_MS
    delay.note(morning, morning - 900)
    assert delay.ms == 4_000


def test_a_delay_that_grows_is_followed_within_a_period() -> None:
    """Half a minute at first, ten minutes later two: ten minutes on the longer one is held back."""
    delay = UpstreamDelay()
    for at in range(NOW, NOW + PERIOD_MS, 1_000):
        delay.note(at, at - 30_000)
    assert delay.ms == 32_000
    for at in range(NOW + PERIOD_MS, NOW + 2 * PERIOD_MS + 2_000, 1_000):
        delay.note(at, at - 120_000)
    assert delay.ms == 128_000


# Sources


def test_of_each_source_the_newest_record_is_kept() -> None:
    sources = Sources()
    sources.note("shop", NOW, NOW - 1_500)
    sources.note("web", NOW + 1, NOW - 99)
    sources.note("shop", NOW + 5, NOW + 70_005)
    assert sources.times == {"shop": SourceTimes(NOW + 5, -70_000), "web": SourceTimes(NOW + 1, 100)}


def test_what_is_known_of_sources_goes_on_until_they_are_over() -> None:
    """35 days after their last record, by the newest of all: while nothing comes, nothing is forgotten."""
    end = NOW - 35 * 24 * 60 * MINUTE_MS
    known = {"over": (end - 1, 5), "long ago": (end, 5), "newest": (NOW, -7)}
    sources = Sources(known)
    assert sources.known() == {name: known[name] for name in ("long ago", "newest")}
    assert Sources({"over": (5, 1)}).times == {"over": SourceTimes(5, 1)}
    assert Sources(Sources().known()).times == {}


@pytest.mark.parametrize(("before", "name"), [(19, "late"), (20, OTHER), (21, OTHER)])
def test_the_first_twenty_sources_are_told_apart(before: int, name: str) -> None:
    sources = Sources()
    for at in range(before):
        sources.note(f"s{at}", NOW, NOW)
    sources.note("late", NOW + 7, NOW)
    assert sources.times[name] == SourceTimes(NOW + 7, 7)
    assert len(sources.times) == min(before, 20) + 1
    sources.note("s0", NOW + 8, NOW)
    assert sources.times["s0"] == SourceTimes(NOW + 8, 8)


def test_a_source_that_has_rested_for_a_week_makes_room() -> None:
    week = 7 * 24 * 60 * MINUTE_MS
    sources = Sources({f"s{at}": (NOW + at, 0) for at in range(20)})
    sources.note("new", NOW + week, NOW)
    assert sources.times[OTHER] == SourceTimes(NOW + week, week)
    sources.note("new", NOW + week + 1, NOW)
    assert sources.times["new"] == SourceTimes(NOW + week + 1, week + 1)
    assert "s0" not in sources.times
    assert len(sources.times) == 21
