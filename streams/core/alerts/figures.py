"""How an open episode stands at a time up to which everything is decided: what lookup and report state."""

from dataclasses import dataclass
from typing import Final, Literal

from streams.core.alerts.alert import days_usual, value_at_risk
from streams.core.alerts.view import CustomerView
from streams.core.odds.odds import Odds
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_HOURS, HOUR_MS

_LEVELS: Final[tuple[Literal["watch", "alert"] | None, ...]] = (None, "watch", "alert")


@dataclass(frozen=True, slots=True)
class Standing:
    """An open episode in figures. Money is cents, times are ms; `days` leave out those of a broken feed."""

    time: int
    """As of when."""
    alert_id: str
    level: Literal["watch", "alert"] | None
    """The highest level sent; None while nothing was."""
    odds: Odds
    usual_per_day: int
    recurring_per_day: int
    """Subscription charges."""
    spend: int
    """Since `days` count."""
    days: float
    days_usual_spend: float
    """`spend` in days of usual spend."""
    at_risk: int
    """What 90 days without the part that was lost would cost, times the probability."""
    deadline: int
    """Nothing is raised after it."""

    @property
    def overdue(self) -> bool:
        """Tell whether the deadline has passed: on it something may still be raised."""
        return self.time > self.deadline

    @property
    def kept_share(self) -> float | None:
        """Return spend as a share of what is usual in the days; None before there are any."""
        return self.days_usual_spend / self.days if self.days > 0 else None


def standing_of(view: CustomerView, rules: Ruleset) -> Standing | None:
    """Return how the open episode of a customer stands under the rules that it keeps; None without one."""
    if view.episode is None:
        return None
    episode, found, odds = view.episode.episode, view.episode.evidence, view.episode.odds
    yardstick = episode.yardstick
    return Standing(
        time=view.time,
        alert_id=episode.alert_id,
        level=_LEVELS[episode.sent],
        odds=odds,
        usual_per_day=round(yardstick.usual_per_day),
        recurring_per_day=round(yardstick.recurring_per_day),
        spend=found.spend,
        days=found.working_days,
        days_usual_spend=days_usual(found.spend, yardstick),
        at_risk=round(value_at_risk(odds.probability, yardstick, found, rules)),
        deadline=(episode.starts + rules.raise_days * DAY_HOURS) * HOUR_MS,
    )
