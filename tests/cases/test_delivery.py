"""c20: purchases that are delivered by the day or week. Silence before the next delivery is no evidence."""

from typing import Final

import pytest

from tests.cases.runs import CONTROL, Run, dataset, disagreements, replayed
from tests.cases.world import (
    ANCHOR,
    DAY,
    END,
    FIRST,
    HOUR,
    Event,
    World,
    bad_contact,
    crowd_lines,
    shopping,
    stays,
    stops,
)

pytestmark = pytest.mark.slow

WEEK: Final = 7 * DAY


def delivered(events: list[Event], every: int, begun: int, source: str = "partner") -> list[Event]:
    """Return purchases as a source delivers them, all since the last delivery at once; others as they are."""
    return [
        event | {"source": source, "arrives": _next(event, every, begun)}
        if event["type"] == "transaction"
        else event
        for event in events
    ]


def _next(event: Event, every: int, begun: int) -> int:
    moment = _MOMENTS[event["time"]]
    return begun + -(-(moment - begun) // every) * every


_MOMENTS: Final = {
    event["time"]: when
    for every in (1.0, 2.0, 3.5)
    for when, event in zip(range(FIRST, END, round(every * DAY)), shopping(END, every=every), strict=True)
}

MONDAY: Final = FIRST + 4 * DAY - 6 * HOUR
"""Monday, 5 January, 03:00."""
TUESDAY: Final = FIRST + 5 * DAY + 3 * HOUR

WEEKLY: Final = {
    "weekly": delivered(stays(), WEEK, MONDAY),
    "weekly, on the day of the call": delivered(stays(), WEEK, TUESDAY, "other partner"),
    "weekly, every other day": delivered(stays(every=2.0, amount="120.00"), WEEK, MONDAY),
    "nightly": delivered(stays(), DAY, MONDAY, "till"),
    "nightly, every day": delivered(stays(every=1.0, amount="60.00"), DAY, MONDAY, "till"),
    "part at once, part weekly": [
        *stays(every=7.0),
        *delivered(shopping(END, every=7.0, since=FIRST + round(3.5 * DAY)), WEEK, MONDAY),
    ],
}
"""Who goes on buying, by how the purchases come."""

STOPPED: Final = {
    "weekly": (delivered(stops(), WEEK, MONDAY), 15),
    "weekly, every other day": (delivered(stops(every=2.0, amount="120.00"), WEEK, MONDAY), 15),
    "nightly": (delivered(stops(), DAY, MONDAY, "till"), 3),
    "at once": (stops(), 0),
}
"""Who stops, with how many days more than at once it may take to tell."""

PEOPLE: Final = {**WEEKLY, **{f"stops, {name}": events for name, (events, _) in STOPPED.items()}}


@pytest.fixture(name="seen", scope="module")
def seen_fixture(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Replay all of them at once, most of the dataset's purchases coming at once."""
    return replayed(dataset(PEOPLE).write(tmp_path_factory.mktemp("delivery") / "here"))


@pytest.mark.parametrize("name", WEEKLY)
def test_silence_before_the_next_delivery_is_no_evidence(seen: Run, name: str) -> None:
    assert seen.of(name) == []


@pytest.mark.parametrize("name", STOPPED)
def test_who_stops_is_found_once_their_purchases_should_have_come(seen: Run, name: str) -> None:
    found, days = seen.levels(f"stops, {name}")["alert"], STOPPED[name][1]
    assert 0 <= days_of(found) - days_of(CONTROL[None]["alert"]) <= days


def days_of(hour: str) -> int:
    """Return days since the end of August."""
    return int(hour[8:10]) + {"09": 0, "10": 30}[hour[5:7]]


def test_what_one_source_takes_its_time_for_delays_nobody_else(seen: Run) -> None:
    assert seen.levels("stops, at once") == CONTROL[None]


@pytest.mark.parametrize("name", PEOPLE)
def test_the_words_agree_with_the_figures(seen: Run, name: str) -> None:
    assert [said for one in seen.of(name) for said in disagreements(one)] == []


@pytest.mark.parametrize(("every", "days"), [(DAY, 3), (WEEK, 15)])
def test_a_dataset_whose_purchases_all_come_in_bulk(
    tmp_path_factory: pytest.TempPathFactory, every: int, days: int
) -> None:
    """Only the contacts come at once."""
    world = World(0)
    world.transactions += [
        (MONDAY + -(-(moment - MONDAY) // every) * every, line) for moment, line in crowd_lines(200)
    ]
    world.add("stays", delivered(stays(), every, MONDAY, "shop"))
    world.add("stops", delivered(stops(), every, MONDAY, "shop"))
    world.add("crowd-1", [bad_contact(ANCHOR, "k2")])
    seen = replayed(world.write(tmp_path_factory.mktemp("bulk") / "here"))
    assert seen.letters == []
    assert seen.of("stays") == []
    assert days_of(seen.levels("stops")["alert"]) - days_of(CONTROL[None]["alert"]) <= days
