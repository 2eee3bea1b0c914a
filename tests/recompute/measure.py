"""What the hours since h0 say of one customer, held against their yardstick."""

from tests.recompute.feed import Feed
from tests.recompute.ledger import Ledger
from tests.recompute.pace import PopulationClock
from tests.recompute.records import Silence, Yardstick
from tests.recompute.rules import Rules


class Measure:
    """Reads one customer's panes; every window ends at an hour b, and what b forgets is not seen."""

    def __init__(self, ledger: Ledger, feed: Feed, clock: PopulationClock, rules: Rules) -> None:
        self._ledger = ledger
        self._feed = feed
        self._clock = clock
        self._rules = rules

    def since(self, frozen: Yardstick, b: int) -> Silence:
        """Give what [h0, b) holds, and what that says; nothing while b is not after h0."""
        if b <= frozen.h0:
            return Silence(b)
        return Silence(
            until=b,
            spend=self._spend(frozen.h0, b),
            days=self._days(frozen, b),
            nats=self._nats(frozen, frozen.h0, b),
            visits=len(self._ledger.visits.hours(frozen.h0, b)),
            unread=len(self._ledger.unread.hours(frozen.h0, b)),
        )

    def nats_of_28_days(self, frozen: Yardstick, b: int) -> float:
        """Give S of the last 28 days up to b, or of all since h0 if these are fewer."""
        return self._nats(frozen, self._28_days_before(frozen, b), b)

    def spends_as_usual(self, frozen: Yardstick, b: int) -> bool:
        """Whether 28 days hold 14 usual days: in whole numbers, since m is a sum of blocks over 28 n."""
        if frozen.usual is None:
            return False
        blocks = frozen.usual.blocks
        spend = self._ledger.spend_of_known_purchases(self._28_days_before(frozen, b), b, b)
        return spend * 28 * len(blocks) >= self._rules.returned_usual_days * sum(blocks)

    def _28_days_before(self, frozen: Yardstick, b: int) -> int:
        return max(frozen.h0, b - self._rules.returned_hours)

    def _spend(self, start: int, b: int) -> int:
        return max(0, self._ledger.spend_of_known_purchases(start, b, b))

    def _days(self, frozen: Yardstick, b: int) -> float:
        """Days of working feed from h0 to b, no more of them than the population usually takes (e)."""
        if b <= frozen.h0:
            return 0.0
        days = (b - frozen.h0 - self._feed.broken_hours(frozen.h0, b)) / 24
        if frozen.purchases is None:
            return days
        return min(days, self._clock.days(frozen.purchases, b))

    def _nats(self, frozen: Yardstick, start: int, b: int) -> float:
        """Evidence of [start, b) that spend fell, or trips or spend under ruleset 2 (S)."""
        if frozen.usual is None:
            return 0.0
        spend, days = self._spend(start, b), self._days(frozen, b) - self._days(frozen, start)
        if frozen.paces is None:
            return (days - self._rules.spend_weight * spend / frozen.per_day) / frozen.irregularity
        signs = self._ledger.signs(start, b)
        trips = self._ledger.trips_of_known_purchases(start, b, b)
        a_visit = frozen.paces.spend.per_day / frozen.paces.trips.per_day
        return frozen.paces.nats(trips + signs, spend + signs * a_visit, days, self._rules)
