"""The upstream delay that time is held back for, and the newest record of each source."""

import pytest

from streams.runtime.upstream_delay import LONGEST_MS, OTHER, Sources, SourceTimes, UpstreamDelay

NOW = 1_800_000_000_000
MINUTE_MS = 60_000


def of(*delays: int, apart_ms: int = 1_000) -> UpstreamDelay:
    """Return what is known after purchases with these delays (ms)."""
    found = UpstreamDelay()
    for at, delay in enumerate(delays):
        found.note(NOW + at * apart_ms, NOW + at * apart_ms - delay)
    return found


@pytest.mark.parametrize(("count", "ms"), [(19, 0), (20, 16_000), (21, 16_000)])
def test_twenty_purchases_are_enough(count: int, ms: int) -> None:
    assert of(*[10_000] * count).ms == ms


@pytest.mark.parametrize(
    ("delay", "ms"),
    [
        (-240_000, 0),
        (0, 0),
        (1, 1_000),
        (1_000, 1_000),
        (1_001, 2_000),
        (10_000, 16_000),
        (2_048_001, LONGEST_MS),
        (LONGEST_MS, LONGEST_MS),
        (LONGEST_MS + 1, 0),
    ],
)
def test_it_is_the_next_power_of_two_in_seconds_up_to_an_hour(delay: int, ms: int) -> None:
    """What takes longer is a feed by night; time can't wait for that."""
    assert of(*[delay] * 30).ms == ms


@pytest.mark.parametrize(("slow", "ms"), [(29, 1_000), (30, 1_000), (31, 256_000)])
def test_a_source_that_is_less_than_three_tenths_holds_up_nobody(slow: int, ms: int) -> None:
    assert of(*[240_000] * slow, *[500] * (100 - slow)).ms == ms


def test_a_delay_that_is_over_is_forgotten_after_twenty_minutes() -> None:
    delay = of(*[240_000] * 600)
    for seconds in range(600, 1_900):
        delay.note(NOW + seconds * 1_000, NOW + seconds * 1_000 - 500)
        if seconds == 660:
            assert delay.ms == 256_000
    assert delay.ms == 1_000


def test_where_few_buy_more_is_remembered() -> None:
    """Once in ten minutes: twenty purchases are a few hours of them."""
    assert of(*[10_000] * 30, apart_ms=10 * MINUTE_MS).ms == 16_000


def test_the_newest_record_of_each_source_is_known() -> None:
    sources = Sources()
    sources.note("web", NOW, NOW + 240_000)
    sources.note("till", NOW, NOW - 1)
    sources.note("web", NOW + 5, NOW + 5 - 2_000)
    assert sources.times == {"web": SourceTimes(NOW + 5, 2_000), "till": SourceTimes(NOW, 1)}


def test_of_many_sources_those_beyond_twenty_are_one() -> None:
    sources = Sources()
    for at in range(30):
        sources.note(f"s{at}", NOW + at, NOW)
    assert len(sources.times) == 21
    assert sources.times[OTHER] == SourceTimes(NOW + 29, 29)
