"""Four hundred days on the live clock, each with a trouble that ordinary days bring.

The alerts are those of the whole truth, told in order of time; what may differ is said in each test. Every
trouble is seen to have happened, and `test_without_..` shows that rules which do not reckon with it go wrong.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Final

import pytest

from streams.core.ruleset import VERSIONS
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS
from tests.live.clocks import SetWrong
from tests.live.dataset import BERLIN, DAYS, Happening, contacts, happenings, is_live, purchases
from tests.live.faults import DELAYS, by_night, delayed, held_up, jittered, lost, moved, off_by
from tests.live.live import (
    FINE_TURN_SECONDS,
    RULES,
    TURN_SECONDS,
    Difference,
    Lived,
    Told,
    difference,
    live_through,
    whole_truth,
)

pytestmark = pytest.mark.slow

TX, CT = FACTS
NIGHTLY: Final = replace(RULES, settle_hours=27)
"""For a feed that brings a day at two o'clock of the next."""
OLD: Final = replace(VERSIONS["2"], population_minimum=5, high_value_quantile=0.1)
LONGEST_MS: Final = 2 * HOUR_MS
"""So far behind is time at most for no other reason than that all look so seldom."""

Alerts = dict[Told, int]


@pytest.fixture(scope="module")
def dataset() -> list[Happening]:
    """Give what happens."""
    return happenings()


@pytest.fixture(scope="module")
def truth(dataset: list[Happening]) -> Alerts:
    """Give the alerts of who knows all."""
    return whole_truth(dataset)


def same(lived: Lived, truth: Alerts) -> None:
    """Check that alerts, levels and times are those of the truth."""
    found = difference(lived.alerts, truth)
    assert (found.missing, found.invented) == ([], [])
    assert set(found.later_ms) == {0}
    assert lived.refused == 0


def tell(name: str, lived: Lived, found: Difference) -> None:
    """Print a row of the table in docs/decisions."""
    print(
        f"{name}: {len(lived.alerts)} alerts, {lived.late:,} purchases late, "
        f"{lived.broken_days} days broken, held back {lived.held_back_ms // 1000} s; "
        f"{len(found.missing)} missing, {len(found.invented)} invented, "
        f"{min(found.later_ms) / HOUR_MS:+.0f} to {max(found.later_ms) / HOUR_MS:+.0f} h"
    )


def lived_and_told(
    name: str, written: Sequence[Happening], truth: Alerts, **how: object
) -> tuple[Lived, Difference]:
    lived = live_through(written, **how)  # type: ignore[arg-type]
    found = difference(lived.alerts, truth)
    tell(name, lived, found)
    return lived, found


def test_the_dataset_has_all_that_a_year_has(dataset: list[Happening], truth: Alerts) -> None:
    """Both changes of the clocks, alerts of all kinds, and enough purchases for the guard to be on."""
    offsets = [datetime.fromtimestamp(one.time / 1000, BERLIN).utcoffset() for one in dataset if is_live(one)]
    changes = sum(one != another for one, another in pairwise(offsets))
    assert changes == 2
    assert {(one.state, one.level) for one in truth} == {
        (state, level) for state in ("raised", "resolved") for level in ("watch",)
    } | {("updated", "alert"), ("resolved", "alert")}
    assert len(truth) >= 40
    assert len(purchases(dataset)) / (DAYS + 120) > 40


def test_undisturbed(dataset: list[Happening], truth: Alerts) -> None:
    """Over two changes of the clocks of the dataset; all look more often here than in the rest."""
    lived, _ = lived_and_told("undisturbed", dataset, truth, turn_seconds=FINE_TURN_SECONDS)
    same(lived, truth)
    assert (lived.late, lived.stopped, lived.stalled, lived.broken_days) == (0, 0, 0, 0)
    assert max(lived.behind_ms) < LONGEST_MS


def test_an_upstream_delay_that_grows_to_an_hour_and_falls_again(
    dataset: list[Happening], truth: Alerts
) -> None:
    """It is held back, so the alerts are the same, and time is no further behind than the delay."""
    lived, _ = lived_and_told("delay up to an hour", delayed(dataset), truth)
    same(lived, truth)
    longest = max(delay for _, delay in DELAYS)
    assert longest / 1000 <= max(lived.sources["web"])
    assert longest <= lived.held_back_ms <= HOUR_MS
    assert lived.broken_days == 0
    assert max(lived.behind_ms) < LONGEST_MS + HOUR_MS
    assert max(lived.behind_ms[-20:]) < LONGEST_MS


def test_without_regard_to_late_purchases_the_delay_takes_alerts_away(
    dataset: list[Happening], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ruleset 2 finds the feed broken; this is what the test above would show if nothing were done."""
    monkeypatch.setattr("streams.runtime.partition.upstream_delay.UpstreamDelay.ms", 0)
    lived, found = lived_and_told("delay, ruleset 2", delayed(dataset), whole_truth(dataset, OLD), rules=OLD)
    assert lived.broken_days > 10
    assert found.missing


@pytest.mark.parametrize("minutes", [4, -4])
def test_a_source_whose_clock_is_wrong(dataset: list[Happening], minutes: int) -> None:
    """Half of the purchases; the alerts are those of the times that it told."""
    written = off_by(dataset, "web", minutes * 60_000)
    truth = whole_truth(written)
    lived, _ = lived_and_told(f"source {minutes:+} min", written, truth)
    same(lived, truth)
    assert min(lived.sources["web"]) // 60 == -minutes
    assert max(lived.behind_ms) < LONGEST_MS + 4 * 60_000 * 2


def test_jitter_beyond_the_allowed_lateness(dataset: list[Happening], truth: Alerts) -> None:
    lived, _ = lived_and_told("jitter of 20 s", jittered(dataset, 20_000), truth)
    same(lived, truth)
    assert lived.late > 0


def test_weekends_and_christmas_without_contacts() -> None:
    """A call centre that is closed holds up nobody."""
    written = happenings(weekends=False)
    truth = whole_truth(written)
    lived, _ = lived_and_told("no contacts at weekends", written, truth)
    same(lived, truth)
    called = sorted(one.time for one in contacts(written))
    assert max(b - a for a, b in pairwise(called)) > 14 * DAY_MS
    assert max(lived.behind_ms) < LONGEST_MS


def test_a_feed_by_night(dataset: list[Happening]) -> None:
    """All of a day's purchases at 02:00; with 27 hours to settle, the alerts are as if they came at once."""
    truth = whole_truth(dataset, NIGHTLY)
    lived, _ = lived_and_told("by night", by_night(dataset), truth, rules=NIGHTLY)
    same(lived, truth)
    assert lived.late > 0.9 * sum(map(is_live, purchases(dataset)))
    assert lived.broken_days == 0
    assert max(lived.behind_ms) < LONGEST_MS


def test_without_regard_to_late_purchases_a_feed_by_night_goes_wrong(dataset: list[Happening]) -> None:
    old = replace(OLD, settle_hours=27)
    lived, found = lived_and_told(
        "by night, ruleset 2", by_night(dataset), whole_truth(dataset, old), rules=old
    )
    assert lived.broken_days > 10
    assert found.missing


def test_purchases_that_are_held_up_for_days(dataset: list[Happening], truth: Alerts) -> None:
    """60 hours of them come at once: time stands still after 36, and goes on."""
    lived, _ = lived_and_told("held up for 60 h", held_up(dataset, 150, 60), truth)
    same(lived, truth)
    assert lived.stalled > 0
    assert lived.broken_days > 0
    assert DAY_MS / 4 < max(lived.behind_ms) < DAY_MS


def test_a_source_that_dies_and_never_makes_up_for_it(dataset: list[Happening], truth: Alerts) -> None:
    """Ten days of half the purchases are gone for good: nobody is taken for silent, none is missed for it.

    What is gone moves the rest a little: spend that would have closed an episode, the usual of later ones.
    """
    lived, found = lived_and_told("a source lost for 10 days", lost(dataset, "web", 150, 10), truth)
    assert lived.broken_days >= 9
    assert (found.missing, found.invented) == ([], [])
    assert max(found.later_ms) <= 11 * DAY_MS
    assert sum(abs(one) > HOUR_MS for one in found.later_ms) <= 0.2 * len(found.later_ms)


def test_a_source_whose_purchases_come_by_another_one(dataset: list[Happening], truth: Alerts) -> None:
    """A shop system that is replaced is no failure, but on a day that is weak by chance."""
    lived, _ = lived_and_told("a source replaced", moved(dataset, "web", "app", 200), truth)
    same(lived, truth)
    assert lived.broken_days <= 2


STEPS: Final = ((50, 55, 2), (120, 400, -3), (200, 203, 30))
"""From a day to a day the wall clock is so many hours ahead of the truth, or behind."""


def _ahead_ms(seconds: float) -> int:
    days = seconds / 86_400
    return next((hours * HOUR_MS for start, end, hours in STEPS[::-1] if start <= days < end), 0)


def test_a_wall_clock_that_is_set_both_ways(dataset: list[Happening], truth: Alerts) -> None:
    """The steady clock and the broker's know better."""
    seen = set[int]()

    def ahead(seconds: float) -> int:
        seen.add(_ahead_ms(seconds) // HOUR_MS)
        return _ahead_ms(seconds)

    lived, _ = lived_and_told("wall clock set", dataset, truth, clock=_clock(ahead))
    same(lived, truth)
    assert seen == {0, 2, -3, 30}
    assert max(lived.behind_ms) < LONGEST_MS


@pytest.mark.parametrize("hours", [2, -2])
def test_a_wall_clock_that_is_wrong_at_the_start_and_is_put_right(
    dataset: list[Happening], truth: Alerts, hours: int
) -> None:
    """It takes ten days: until then only records move time; nothing is refused, and no alert is different."""
    lived, _ = lived_and_told(
        f"wall clock {hours:+} h for 10 days",
        dataset,
        truth,
        clock=_clock(lambda seconds: hours * HOUR_MS if seconds < 10 * 86_400 else 0),
    )
    same(lived, truth)
    assert lived.stopped > 0
    assert max(lived.behind_ms[11:]) < LONGEST_MS


def _clock(ahead: Callable[[float], int]) -> Callable[[], SetWrong]:
    return lambda: SetWrong(ahead, widest_ms=4 * round(TURN_SECONDS * 1000))
