"""An open episode in figures: all that its alerts, a lookup, a report and their sentences state.

`figures_of` computes them once. Alerts, lookup and report only format them.
"""

from dataclasses import dataclass
from typing import Final, Literal

from streams.core.alerts.arm import Arm, arm
from streams.core.customer.customer import Customer
from streams.core.customer.pending import Episode
from streams.core.odds.odds import Odds, odds_of
from streams.core.ruleset import Ruleset
from streams.core.spend.evidence import Evidence, Yardstick
from streams.core.time import DAY_HOURS, HOUR_MS

Level = Literal["watch", "alert"]
LEVELS: Final[tuple[Level, ...]] = ("watch", "alert")


@dataclass(frozen=True, slots=True)
class Figures:
    """An open episode in figures. Money is cents of `currency`, rounded; times are ms; reals are exact."""

    episode: Episode
    rules: Ruleset
    """The rules that the episode opened under, and keeps."""
    arm: Arm
    currency: str
    time: int
    """When these figures hold."""
    evidence: Evidence
    odds: Odds
    usual_per_day: int
    recurring_per_day: int
    """Subscription charges."""
    days_usual_spend: float
    """`spend` in days of usual spend; 0 for a subscriber who buys nothing."""
    at_risk: int
    """What 90 days without the part that was lost would cost, times the probability."""
    visits: int
    """Panes with an order of 0.00, since spend is weighed."""
    unread: int
    """Panes with a refused purchase, since then."""
    signs: int
    """Panes with either of these and without spend, since then."""

    @property
    def level(self) -> Level | None:
        """Return the highest level sent; None while nothing was."""
        return LEVELS[self.episode.sent - 1] if self.episode.sent else None

    @property
    def spend(self) -> int:
        """Return the cents spent since spend is weighed."""
        return self.evidence.spend

    @property
    def days(self) -> float:
        """Return the days since spend is weighed, without those of a broken feed."""
        return self.evidence.working_days

    @property
    def deadline(self) -> int:
        """Return the time (ms) after which nothing is raised."""
        return (self.episode.starts + self.rules.raise_days * DAY_HOURS) * HOUR_MS

    @property
    def overdue(self) -> bool:
        """Return whether the deadline has passed; at the deadline itself something may still be raised."""
        return self.time > self.deadline

    @property
    def kept_share(self) -> float | None:
        """Return spend as a share of what is usual in the days; None before there are any."""
        return self.days_usual_spend / self.days if self.days > 0 else None


def figures_of(  # noqa: PLR0913, PLR0917 - all that they follow from
    customer: Customer,
    episode: Episode,
    evidence: Evidence,
    time: int,
    hour: int,
    rules: Ruleset,
    currency: str,
) -> Figures:
    """Return the figures of an episode at a time (ms), under the rules that it keeps.

    Orders of 0.00 and refused purchases count before `hour`.
    """
    yardstick = episode.yardstick
    odds = odds_of(episode, customer.body.frustration, evidence.silence, rules)
    since = yardstick.first_hour, hour
    usual = yardstick.usual_per_day
    return Figures(
        episode=episode,
        rules=rules,
        arm=arm(customer.customer_id, rules),
        currency=currency,
        time=time,
        evidence=evidence,
        odds=odds,
        usual_per_day=round(usual),
        recurring_per_day=round(yardstick.recurring_per_day),
        days_usual_spend=evidence.spend / usual if usual else 0.0,
        at_risk=round(value_at_risk(odds.probability, yardstick, evidence, rules)),
        visits=customer.visits(*since),
        unread=customer.unread(*since),
        signs=customer.signs(*since),
    )


def value_at_risk(probability: float, yardstick: Yardstick, evidence: Evidence, rules: Ruleset) -> float:
    """Return the cents that 90 days without the part that was lost would cost, times the probability.

    Subscriptions are at risk as a whole.
    """
    lost, usual = 1.0, yardstick.usual_per_day
    if evidence.working_days >= 1 and usual:
        lost = max(0.0, 1 - evidence.spend / (usual * evidence.working_days))
    recurring = probability * yardstick.recurring_per_day * rules.raise_days
    return probability * usual * rules.raise_days * lost + recurring
