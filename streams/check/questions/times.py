"""9: times that look wrong: ahead of now, dates without a time of day, a local time that is called UTC."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from streams.check.answer import Answer, Detail, Verdict, percent, share
from streams.check.seen import Seen, Sources
from streams.core.time import DAY_HOURS, HOUR_MS, WEEK_HOURS
from streams.core.watermark import FACTS, Input

_MOSTLY: Final = 0.5
_BAD: Final = 0.01
_LEAST: Final = 20
_USUAL: Final = 5.0
_SKIPPED: Final = (1, 2, 3)
"""The hours of a day that a clock may skip where summer time begins: western Europe, most of it, the east."""


class Times:
    """Looks at the times as they were written."""

    question = "Are the times right?"

    def __init__(self) -> None:
        self._sources = Sources()
        self._events: Counter[tuple[Input, str]] = Counter()
        self._hours: defaultdict[tuple[Input, str], Counter[str]] = defaultdict(Counter)
        """Those on a whole hour, by the hour."""
        self._future = 0

    def take(self, seen: Seen) -> None:
        """Look at the time of an event."""
        if seen.source not in FACTS:
            return
        key = self._sources.name(seen.source, seen.event.source)
        self._events[key] += 1
        text = seen.fields.get("time")
        # Seconds may be left out, and decimals may follow.
        if isinstance(text, str) and text[13:16] == ":00" and (text[16:17] != ":" or text[17:19] == "00"):
            self._hours[key][text[11:13]] += 1

    def take_future(self) -> None:
        """Note an event that lies ahead of now, or a year ahead of those around it."""
        self._future += 1

    def answer(self, purchases: Counter[int]) -> Answer:
        """Return what is wrong; `purchases` are those by hour, as their times say."""
        total = self._events.total() + self._future
        dated = [key for key in self._events if self._on_one_hour(key) > _MOSTLY]
        whole = [key for key in self._events if key not in dated and self._on_hours(key) > _MOSTLY]
        skipped = list(_skipped(purchases))
        on_hours = sum(one.total() for one in self._hours.values())
        missing = "1 hour" if len(skipped) == 1 else f"{len(skipped)} hours"
        figure = (
            f"{percent(self._future, total)} in the future, {percent(on_hours, total)} on a whole hour; "
            f"{missing} missing where summer time begins"
        )
        verdict = Verdict.LOOK
        if self._future:
            verdict = Verdict.BAD if share(self._future, total) > _BAD else Verdict.LOOK
            ahead = "1 event lies" if self._future == 1 else f"{self._future:,} events lie"
            advice = f"Mend the clock or the zone of the sender: {ahead} ahead of now."
        elif skipped:
            advice = (
                "State the zone: a local time is called UTC, for the hour that summer time skips is empty."
            )
        elif dated:
            advice = f"Send the time of day if it is known: {self._named(dated)} has dates alone."
        elif whole:
            advice = f"Ask whether times are rounded: {self._named(whole)} has whole hours."
        else:
            verdict, advice = Verdict.GOOD, "Nothing: times look like times."
        return Answer(self.question, verdict, figure, advice, tuple(self._details()))

    def _on_one_hour(self, key: tuple[Input, str]) -> float:
        most = max(self._hours[key].values(), default=0)
        return share(most, self._events[key]) if self._events[key] >= _LEAST else 0.0

    def _on_hours(self, key: tuple[Input, str]) -> float:
        return share(self._hours[key].total(), self._events[key]) if self._events[key] >= _LEAST else 0.0

    @staticmethod
    def _named(keys: list[tuple[Input, str]]) -> str:
        more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
        return f"source {keys[0][1]} of {keys[0][0].value}{more}"

    def _details(self) -> Iterator[Detail]:
        for key, events in self._events.items():
            yield {
                "input": key[0].value,
                "source": key[1],
                "events": events,
                "midnight share": share(self._hours[key]["00"], events),
                "whole hour share": share(self._hours[key].total(), events),
            }


def _skipped(purchases: Counter[int]) -> Iterator[int]:
    """Yield the hours that a local clock skips, where there is none and usually are some."""
    if not purchases:
        return
    first, last = (_day(one) for one in (min(purchases), max(purchases)))
    for year in range(first.year, last.year + 1):
        for day in (_sunday(year, 3, 25), _sunday(year, 3, 8)):  # Europe, North America
            for hour in _SKIPPED:
                skipped = _hour(day) + hour
                around = [purchases.get(skipped + week * WEEK_HOURS, 0) for week in (-2, -1, 1, 2)]
                if skipped not in purchases and sum(around) / len(around) >= _USUAL and min(around):
                    yield skipped


def _sunday(year: int, month: int, from_day: int) -> date:
    """Return the first Sunday from a day on."""
    start = date(year, month, from_day)
    return start + timedelta(days=6 - start.weekday())


def _day(hour: int) -> date:
    return datetime.fromtimestamp(hour * HOUR_MS // 1000, UTC).date()


def _hour(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY_HOURS
