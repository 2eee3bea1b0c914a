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
_WEEKS: Final = 4
"""So long before the guard looks at."""


class Holes:
    """Counts purchases by hour, for the guard of each partition apart.

    `sampled` says that only a part of the feed is shown: then nobody knows how many purchases are usual.
    """

    question = "Are there holes in the feed of purchases?"

    def __init__(self, rules: Ruleset, partitions: int, *, sampled: bool) -> None:
        self._rules, self._sampled = rules, sampled
        self._hours: Counter[int] = Counter()
        self._guards = [FeedGuard() for _ in range(partitions)]

    def take(self, seen: Seen) -> None:
        """Count a purchase."""
        if isinstance(seen.event, Transaction) and seen.event.kind == "purchase":
            hour = hour_of(seen.event.time)
            self._hours[hour] += 1
            self._guards[seen.partition].counts_of(seen.event.source, self._rules)[hour] += 1

    @property
    def hours(self) -> Counter[int]:
        """Return the purchases by hour."""
        return self._hours

    def answer(self) -> Answer:
        """Return the hours and days that are empty, and what the guards of the partitions make of it."""
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
        advice = []
        if no_days or apart or broken:
            advice = ["Ask what happened then, and send what is missing: in broken hours no alert is raised."]
        off = 0 if self._sampled else self._off(first, last + 1)
        if off:
            many = len(self._guards)
            figure += f"; it is off in {off} of {counted(many, 'partition')}"
            do = "have fewer partitions" if many > 1 else "look twice at what is raised after one"
            advice.append(
                f"Where fewer than {self._rules.guard_minimum} purchases a day are usual, an outage looks "
                f"like silence: {do}."
            )
        verdict = Verdict.LOOK if advice else Verdict.GOOD
        details: list[Detail] = [{"empty": "day", "from": _day(one * DAY_HOURS)} for one in sorted(no_days)]
        details += [{"empty": "hour", "from": _time(one)} for one in apart]
        said = " ".join(advice) or "Nothing: no hole is larger than chance."
        return Answer(self.question, verdict, figure, said, tuple(details[:_DETAILS]))

    def _broken(self, first: int, end: int) -> int:
        """Return the hours in which the guard of any partition calls the feed broken."""
        for guard in self._guards:
            guard.advance(end, self._rules)
        return sum(any(guard.is_broken(hour) for guard in self._guards) for hour in range(first, end))

    def _off(self, first: int, end: int) -> int:
        """Return how many guards had too little to go by in the last whole weeks, four of them at most."""
        weeks = min(_WEEKS, end // WEEK_HOURS - -(-first // WEEK_HOURS))
        if weeks < 1:
            return 0
        usual = (guard.usual_purchases_per_day(end, weeks) or 0 for guard in self._guards)
        return sum(one < self._rules.guard_minimum for one in usual)


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
