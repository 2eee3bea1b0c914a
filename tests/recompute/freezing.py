"""Who is judged, and by which yardstick."""

from dataclasses import dataclass

from tests.recompute.delivery import Deliveries, group_of
from tests.recompute.feed import Feed
from tests.recompute.ledger import Ledger
from tests.recompute.pace import PopulationClock, TripsOrSpend, UsualPurchases, pace
from tests.recompute.records import Yardstick
from tests.recompute.rules import Rules
from tests.recompute.spending import Baseline, Refresh, baseline, subscription_value, usual_trips


@dataclass(frozen=True)
class Surroundings:
    """What a customer's partition contributes to the decisions."""

    refreshes: dict[int, Refresh]
    feed: Feed
    clock: PopulationClock
    deliveries: Deliveries
    rules: Rules

    def refresh(self, now: int) -> Refresh:
        """Give the latest refresh at hour `now`."""
        r = now // self.rules.refresh_hours * self.rules.refresh_hours
        return self.refreshes.get(r, Refresh(None, self.rules.dispersion_default))


class Freezing:
    """Freezes yardsticks of one customer: what is known at hour `now` of the time before an hour."""

    def __init__(self, ledger: Ledger, around: Surroundings, now: int) -> None:
        self._ledger = ledger
        self._around = around
        self._rules = around.rules
        self._refresh = around.refresh(now)
        self._now = now

    def yardstick(self, before: int, h0: int, *, is_protected: bool) -> Yardstick | None:
        """Freeze what is settled of the time before an hour; None without a baseline or high value."""
        lag = self._lag(before - self._rules.lag_hours)
        h = before - self._rules.lag_hours - lag
        usual = baseline(self._ledger, h, self._now, self._rules)
        recurring = subscription_value(self._ledger, h, self._now, self._rules)
        trailing = self._ledger.value(h - self._rules.year_hours, h, self._now)
        cutoff = self._refresh.cutoff
        is_of_high_value = is_protected or (cutoff is not None and trailing >= cutoff)
        if not is_of_high_value or (usual is None and not recurring):
            return None
        paces = self._paces(usual, h)
        return Yardstick(
            h0=h0,
            usual=usual,
            irregularity=self._irregularity(usual, paces),
            paces=paces,
            purchases=self._usual_purchases(usual, h0, lag),
            trailing_spend=trailing,
            cutoff=cutoff,
            recurring=recurring,
            lag=lag,
        )

    def _lag(self, h: int) -> int:
        """Hours by which the sources of the customer's delayed purchases deliver late."""
        sources = self._ledger.sources_with_delay(h - self._rules.year_hours)
        lags = (self._around.deliveries.lag(group_of(source), self._now) for source in sources)
        return max(lags, default=0)

    def _irregularity(self, usual: Baseline | None, paces: TripsOrSpend | None) -> float:
        if usual is None:
            return self._refresh.dispersion
        return (
            paces.spend.irregularity if paces else usual.irregularity(self._refresh.dispersion, self._rules)
        )

    def _paces(self, usual: Baseline | None, h: int) -> TripsOrSpend | None:
        if usual is None or self._rules.evidence == "spend":
            return None
        trips = usual_trips(self._ledger, h, self._now, usual, self._rules)
        return TripsOrSpend(*(pace(each, self._refresh.dispersion, self._rules) for each in (trips, usual)))

    def _usual_purchases(self, usual: Baseline | None, h0: int, lag: int) -> UsualPurchases | None:
        if usual is None or not self._rules.population_clock:
            return None
        return self._around.clock.usual(h0, len(usual.blocks), self._now, lag)
