"""6: hours and days without a purchase that usually have some, and what the feed guard makes of it."""

from collections import Counter
from datetime import UTC, datetime
from typing import Final

from schemas.events import Transaction
from streams.check.answer import Answer, Detail, Verdict, counted
from streams.check.seen import Seen
from streams.core.feed.feed_guard import FeedGuard
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_HOURS, HOUR_MS, WEEK_HOURS, hour_of

_USUAL: Final = 10
"""With so many purchases on average, none at all comes about once in 22,000 times."""
_DETAILS: Final = 20


class Holes:
    """Counts purchases by hour, for all partitions together."""

    question = "Are there holes in the feed of purchases?"

    def __init__(self, rules: Ruleset) -> None:
        self._rules = rules
        self._hours: Counter[int] = Counter()
        self._guard = FeedGuard()

    def take(self, seen: Seen) -> None:
        """Count a purchase."""
        if isinstance(seen.event, Transaction) and seen.event.kind == "purchase":
            hour = hour_of(seen.event.time)
            self._hours[hour] += 1
            self._guard.counts_of(seen.event.source, self._rules)[hour] += 1

    @property
    def hours(self) -> Counter[int]:
        """Return the purchases by hour."""
        return self._hours

    def answer(self) -> Answer:
        """Return the hours and days that are empty, and those in which the feed guard calls it broken."""
        if not self._hours:
            return Answer(
                self.question, Verdict.BAD, "no purchase", "Send purchases: silence is their absence."
            )
        first, last = min(self._hours), max(self._hours)
        broken = self._broken(first, last + 1)
        hours = _empty(self._hours, first, last, WEEK_HOURS)
        days = Counter[int]()
        for hour, count in self._hours.items():
            days[hour // DAY_HOURS] += count
        # The first and the last day may be cut.
        no_days = _empty(days, first // DAY_HOURS + 1, last // DAY_HOURS - 1, 7)
        apart = [hour for hour in hours if hour // DAY_HOURS not in no_days]
        figure = (
            f"{counted(len(no_days), 'day')} and {counted(len(apart), 'hour')} besides are empty that "
            f"usually are not; the feed guard counts {counted(broken, 'broken hour')}"
        )
        if no_days or apart or broken:
            verdict = Verdict.LOOK
            advice = "Ask what happened then, and send what is missing: in broken hours no alert is raised."
        else:
            verdict, advice = Verdict.GOOD, "Nothing: no hole is larger than chance."
        details: list[Detail] = [{"empty": "day", "from": _day(one * DAY_HOURS)} for one in sorted(no_days)]
        details += [{"empty": "hour", "from": _time(one)} for one in apart]
        return Answer(self.question, verdict, figure, advice, tuple(details[:_DETAILS]))

    def _broken(self, first: int, end: int) -> int:
        """Return the hours in which the guard calls the feed broken."""
        self._guard.advance(end, self._rules)
        return end - first - self._guard.working_hours(first, end)


def _empty(counts: Counter[int], first: int, last: int, week: int) -> list[int]:
    """Return the hours, or days, without any that in other weeks have `_USUAL` on average."""
    sums, of = Counter[int](), Counter[int]()
    for one in range(first, last + 1):
        sums[one % week] += counts.get(one, 0)
        of[one % week] += 1
    return [
        one
        for one in range(first, last + 1)
        if one not in counts and sums[one % week] >= _USUAL * max(1, of[one % week] - 1)
    ]


def _time(hour: int) -> str:
    return datetime.fromtimestamp(hour * HOUR_MS // 1000, UTC).strftime("%Y-%m-%dT%H:00Z")


def _day(hour: int) -> str:
    return _time(hour)[:10]
