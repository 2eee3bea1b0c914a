"""Who is judged: the gates that a bad contact must pass, and the episode that it opens."""

from typing import Final, NamedTuple
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from streams.core.contacts.frustration import TOLERANCE, Known
from streams.core.customer.customer import Customer
from streams.core.customer.pending import Episode
from streams.core.feed.feed_guard import FeedGuard
from streams.core.ruleset import Ruleset
from streams.core.spend.baseline import (
    BLOCK_HOURS,
    KEPT_HOURS,
    YEAR_HOURS,
    Baseline,
    baseline,
    block_starts,
)
from streams.core.spend.evidence import Pace, PopulationClock, Yardstick
from streams.core.spend.panes import Panes
from streams.core.spend.population import Refresh
from streams.core.spend.rare_facts import RareFacts
from streams.core.time import DAY_HOURS, DAY_MS, WEEK_HOURS, hour_of

NAMESPACE: Final = UUID("731beb54-e8c9-5a95-9036-e6143143d599")
"""Of all alert ids."""


class Gates(Struct, frozen=True):
    """What a contact with own nats met that found no episode open: why one opened, or did not."""

    time: int
    """Instant, ms."""
    contact_id: str
    frustration: float
    bad: bool
    """Whether frustration is high enough."""
    usual: Baseline | None
    blocks: int
    trailing_spend: int
    cutoff: int | None
    protected: bool
    valuable: bool
    irregularity_days: float
    """D_pop."""
    recurring_per_day: float = 0.0
    """Subscription charges, cents a day."""
    lag: int = 0
    """How many hours after they happened the customer's purchases may come."""

    @property
    def judged(self) -> bool:
        """Return whether enough is known to judge the customer by."""
        return self.usual is not None or self.recurring_per_day > 0

    @property
    def opened(self) -> bool:
        """Return whether all gates were passed."""
        return self.bad and self.valuable and self.judged


class Past(NamedTuple):
    """What the panes say before a contact; the same for all contacts of an hour."""

    hours: tuple[int, int]
    """That of the contact's moment, and that of its effective time, which tells what is forgotten by then."""
    trailing_spend: int
    usual: Baseline | None
    blocks: int
    recurring_per_day: float = 0.0
    lag: int = 0


def past_of(customer: Customer, hours: tuple[int, int], rules: Ruleset, guard: FeedGuard) -> Past:
    """Return what the panes say before the hour of a contact's moment, at the hour of its effective time."""
    hour, now = hours[0] - rules.guard_delay_hours, hours[1]
    lag = lag_of(customer, hour, guard)
    hour -= lag
    panes, first = _visible(customer.panes, now), customer.first_pane
    charges = _visible(customer.charges(), now)
    return Past(
        hours=hours,
        trailing_spend=trailing_spend(panes, charges, hour),
        usual=baseline(panes, first, hour, rules),
        blocks=0 if first is None else len(block_starts(hour, first)),
        recurring_per_day=recurring_per_day(charges, customer.body.rare, hour, rules),
        lag=lag,
    )


def trailing_spend(panes: Panes, charges: Panes, hour: int) -> int:
    """Return the cents of the year before an hour, subscription charges included."""
    return panes.spend(hour - YEAR_HOURS, hour) + charges.spend(hour - YEAR_HOURS, hour)


def lag_of(customer: Customer, hour: int, guard: FeedGuard) -> int:
    """Return how many hours after they happened the purchases of a customer may come, as of an hour."""
    rare = customer.body.rare
    if rare is None:
        return 0
    groups = (group for group, pane in rare.delivered.items() if pane >= hour - YEAR_HOURS)
    return max((guard.lags.get(group, 0) for group in groups), default=0)


def recurring_per_day(charges: Panes, rare: RareFacts | None, hour: int, rules: Ruleset) -> float:
    """Return the subscription charges before an hour in cents a day; 0 for who has too short a history.

    Each charge pays for the time until the next one, so the last one is left out; one alone pays for a year.
    """
    if rare is None or rare.first_charge is None:
        return 0.0
    if hour - rare.first_charge < rules.minimum_blocks * BLOCK_HOURS:
        return 0.0
    paid = [(pane, cents) for pane, cents in charges if hour - YEAR_HOURS <= pane < hour]
    if len(paid) <= 1:
        return sum(cents for _, cents in paid) / (YEAR_HOURS // DAY_HOURS)
    hours = max(rules.minimum_blocks * BLOCK_HOURS, paid[-1][0] - paid[0][0])
    return sum(cents for _, cents in paid[:-1]) * DAY_HOURS / hours


def gates_of(  # noqa: PLR0913, PLR0917 - all that a contact meets
    customer: Customer,
    anchor: Known,
    past: Past,
    effective_time: int,
    refresh: Refresh | None,
    rules: Ruleset,
) -> Gates:
    """Return what a contact meets at an effective time (ms), by the latest population refresh."""
    cutoff = None if refresh is None else refresh.cutoff
    protected = is_protected(customer, rules)
    return Gates(
        time=effective_time,
        contact_id=anchor.contact_id,
        frustration=customer.body.frustration,
        bad=is_bad(customer, rules),
        usual=past.usual,
        blocks=past.blocks,
        trailing_spend=past.trailing_spend,
        cutoff=cutoff,
        protected=protected,
        valuable=protected or is_valuable(past.trailing_spend, cutoff),
        irregularity_days=rules.irregularity_default_days if refresh is None else refresh.irregularity_days,
        recurring_per_day=past.recurring_per_day,
        lag=past.lag,
    )


def is_bad(customer: Customer, rules: Ruleset) -> bool:
    """Return whether frustration is high enough to open an episode."""
    return customer.body.frustration >= rules.opening_frustration - TOLERANCE


def open_episode(customer_id: str, anchor: Known, gates: Gates, rules: Ruleset, guard: FeedGuard) -> Episode:
    """Return the episode that an anchor opens, with its yardstick frozen."""
    first_hour = hour_of(anchor.moment) + 1
    judged = hour_of(gates.time) - rules.guard_delay_hours - gates.lag
    yardstick = Yardstick(0.0, gates.irregularity_days, first_hour)
    if gates.usual is not None:
        yardstick = yardstick_of(gates.usual, gates.irregularity_days, first_hour, judged, rules, guard)
    return Episode(
        anchor=anchor,
        alert_id=alert_id(customer_id, anchor.source, anchor.contact_id),
        yardstick=replace(yardstick, recurring_per_day=gates.recurring_per_day, lag=gates.lag),
        opened=gates.time,
        cutoff=gates.cutoff,
        trailing_spend=gates.trailing_spend,
        ruleset=rules.hash,
        plan_from=plan_from(anchor.moment, rules),
    )


def plan_from(time: int, rules: Ruleset) -> int:
    """Return from when (ms) on plan events count for an episode that begins at a time."""
    return time - rules.cancellation_near_days * DAY_MS if rules.as_meant else 0


def left_of(customer: Customer, since: int, rules: Ruleset) -> float:
    """Return the share that is left of a customer's subscriptions, by the plan events since a time (ms)."""
    rare = customer.body.rare
    return 1.0 if rare is None or not rules.as_meant else rare.left_since(since)


def is_protected(customer: Customer, rules: Ruleset) -> bool:
    """Return whether a customer is judged whatever the spend."""
    profile = customer.body.profile
    return profile is not None and profile.tier in rules.protected_tiers


def is_valuable(trailing_spend: int, cutoff: int | None) -> bool:
    """Return whether the spend of a year is of high value; nobody's is without a cut-off."""
    return cutoff is not None and trailing_spend >= cutoff


def yardstick_of(  # noqa: PLR0913, PLR0917 - all that a yardstick is made of
    usual: Baseline, population_days: float, first_hour: int, judged: int, rules: Ruleset, guard: FeedGuard
) -> Yardstick:
    """Return the yardstick of a baseline for spend from an hour on; `population_days` is D_pop.

    The guard has judged all hours before `judged`.
    """
    pace = None
    irregularity = usual.irregularity(population_days, rules)
    if usual.trips is not None:
        irregularity = usual.recent_irregularity(population_days, rules)
        pace = Pace(
            spend_per_day=usual.recent_per_day(rules),
            trips_per_day=usual.trips.recent_per_day(rules),
            spend_irregularity_days=irregularity,
            trips_irregularity_days=usual.trips.recent_irregularity(population_days, rules),
        )
    clock = population_clock(min(first_hour - 1, judged), len(usual.blocks), rules, guard)
    return Yardstick(usual.usual_per_day, irregularity, first_hour, pace, clock)


def population_clock(hour: int, blocks: int, rules: Ruleset, guard: FeedGuard) -> PopulationClock | None:
    """Return the clock of operational time from an hour on, against the blocks before it.

    None where the rules have none, the partition buys too little to tell, or the hour is long gone.
    """
    if not rules.population_clock:
        return None
    before = guard.purchases_before(hour)
    usual = guard.usual_purchases_per_day(hour, blocks * BLOCK_HOURS // WEEK_HOURS)
    if before is None or usual is None or usual < rules.guard_minimum:
        return None
    return PopulationClock(before, usual)


def alert_id(customer_id: str, source: str, contact_id: str) -> str:
    """Return the id of every alert about an anchor."""
    name = msgspec.json.encode([customer_id, source, contact_id]).decode()
    return str(uuid5(NAMESPACE, name))


def silent_alert_id(customer_id: str, reset: int) -> str:
    """Return the id of every alert of the silent rule about spend since a hour."""
    return str(uuid5(NAMESPACE, f"{customer_id}/silent/{reset}"))


def _visible(panes: Panes, hour: int) -> Panes:
    """Return the panes that are not yet forgotten at an hour."""
    visible = panes.copy()
    visible.drop_before(hour - KEPT_HOURS)
    return visible
