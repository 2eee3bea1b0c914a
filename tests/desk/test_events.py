"""What pages are told: in order, from where they were, or that they have to begin afresh."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from streams.desk.web.events import Events


async def told(stream: AsyncIterator[str], number: int) -> list[str]:
    """Return what the next lines tell, as `event: data`; the first is a beat, with when to come again."""
    found = []
    async with asyncio.timeout(10):
        async for text in stream:
            fields = dict(
                line.split(": ", 1) for line in text.strip().split("\n") if not line.startswith(":")
            )
            found.append(f"{fields['event']} {fields['data']}" if "event" in fields else text.strip())
            if len(found) == number:
                break
    return found


def test_who_comes_back_is_told_what_came_since() -> None:
    async def live() -> None:
        events = Events()
        place = events.place
        events.tell("change", ["a"])
        events.tell("health", "<b>\n")
        stream = events.since(place)
        assert await told(stream, 3) == ["beat 10.0", 'change ["a"]', 'health "<b>\\n"']
        assert events.pages == 1
        events.tell("change", [])
        assert await told(stream, 1) == ["change []"]

    asyncio.run(live())


@pytest.mark.parametrize(
    "place", ["", "other.1", "nothing", "{life}.99", "{life}.x", "{life}.-1", "{life}.1" + "0" * 5000]
)
def test_who_was_never_here_or_is_of_another_life_begins_afresh(place: str) -> None:
    async def live() -> None:
        events = Events()
        events.tell("change", ["a"])
        stream = events.since(place.format(life=events.life))
        assert await told(stream, 2) == ["beat 10.0", "reset null"]

    asyncio.run(live())


def test_who_was_away_too_long_or_is_too_slow_begins_afresh() -> None:
    async def live() -> None:
        events = Events()
        first = events.place
        slow = events.since(first)
        assert await told(slow, 1) == ["beat 10.0"]
        for one in range(1_500):
            events.tell("change", [str(one)])
        assert await told(events.since(first), 2) == ["beat 10.0", "reset null"]
        assert await told(slow, 1) == ["reset null"]

    asyncio.run(live())


def test_silence_has_a_beat_that_a_page_can_see() -> None:
    async def live() -> None:
        events = Events(beat_seconds=0.01)
        assert await told(events.since(events.place), 3) == ["beat 0.01"] * 3

    asyncio.run(live())
