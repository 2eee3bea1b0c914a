"""Which lines are dated out of place, told from the times alone."""

from collections.abc import Iterator, Sequence
from typing import Final

import pytest

from streams.core.time import DAY_MS
from streams.core.watermark import NEVER
from streams.files import spot_misdated

HOUR: Final = 3_600_000
YEAR: Final = 365 * DAY_MS
START: Final = 50 * YEAR


def spotted(times: Sequence[int], *, batch: int = 400) -> list[int]:
    """Return which of the times are out of place, read in batches."""

    def batches() -> Iterator[Sequence[int]]:
        for at in range(0, len(times), batch):
            yield times[at : at + batch]

    found, before = [], 0
    for held, out in spot_misdated(batches(), lambda held: held):
        found += [before + at for at in out]
        before += len(held)
    return found


def hourly(lines: int, start: int = START, step: int = HOUR) -> list[int]:
    return [start + at * step for at in range(lines)]


@pytest.mark.parametrize("batch", [1, 7, 400, 10_000])
@pytest.mark.parametrize("at", [0, 1, 1000, 2999])
def test_next_year_in_place_of_this_one_is_out_of_place_wherever_it_stands(at: int, batch: int) -> None:
    times = hourly(3000)
    times[at] += YEAR
    assert spotted(times, batch=batch) == [at]


@pytest.mark.parametrize(
    ("at", "days"), [(0, 45), (0, 200), (0, 330), *((at, days) for at in (1000, 2999) for days in (45, 364))]
)
def test_less_than_a_year_ahead_is_not(at: int, days: int) -> None:
    times = hourly(3000)
    times[at] += days * DAY_MS
    assert spotted(times) == []


@pytest.mark.parametrize("batch", [1, 16, 400])
@pytest.mark.parametrize("after", [101, 999, 3000])
def test_a_gap_of_two_years_after_which_time_goes_on_is_not(after: int, batch: int) -> None:
    """As long as what follows is one in a hundred of what was before, or the file goes on."""
    assert spotted([*hourly(10_000), *hourly(after, START + 10_000 * HOUR + 2 * YEAR)], batch=batch) == []


def test_refused_lines_do_not_make_the_middle_of_a_file_its_end() -> None:
    gap = [*hourly(20_000), *([NEVER] * 5_000), *hourly(3000, START + 20_000 * HOUR + 2 * YEAR)]
    assert spotted(gap) == []
    sparse = [time for one in hourly(3000, START + 20_000 * HOUR + 2 * YEAR) for time in (one, *[NEVER] * 30)]
    assert spotted([*hourly(20_000), *sparse]) == []


@pytest.mark.parametrize(("before", "rest", "out"), [(99, 1, 0), (100, 1, 1), (399, 4, 0), (400, 4, 4)])
def test_at_the_end_of_a_file_fewer_than_one_in_a_hundred_are_out_of_place(
    before: int, rest: int, out: int
) -> None:
    times = [*hourly(before), *hourly(rest, START + before * HOUR + 2 * YEAR)]
    assert spotted(times) == list(range(before, before + rest))[:out]


@pytest.mark.parametrize("step", [HOUR, DAY_MS, 20 * DAY_MS])
def test_of_a_file_with_the_newest_line_first_nothing_is(step: int) -> None:
    """It wants sorting; nothing in it is dated wrong."""
    assert spotted(hourly(900, step=step)[::-1]) == []


def test_a_few_lines_over_years_are_not() -> None:
    assert spotted(hourly(20, step=400 * DAY_MS)) == []


def test_several_wrong_lines_are_all_out_of_place() -> None:
    times = hourly(3000)
    for at in (10, 11, 500, 501, 502, 2000):
        times[at] += 3 * YEAR
    assert spotted(times) == [10, 11, 500, 501, 502, 2000]
