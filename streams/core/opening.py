"""Who is judged: the gates that a bad contact must pass, and the episode that it opens."""

from typing import Final
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from streams.core.baseline import KEPT_HOURS, YEAR_HOURS, Baseline, baseline, block_starts
from streams.core.customer import Customer
from streams.core.evidence import Yardstick
from streams.core.facts import Episode
from streams.core.frustration import TOLERANCE, Known
from streams.core.panes import Panes
from streams.core.population import Refresh
from streams.core.ruleset import Ruleset
from streams.core.time import hour_of

_NAMESPACE: Final = UUID("731beb54-e8c9-5a95-9036-e6143143d599")


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

    @property
    def opened(self) -> bool:
        """Tell whether all gates were passed."""
        return self.bad and self.valuable and self.usual is not None


def gates_of(
    customer: Customer, anchor: Known, instant: int, refresh: Refresh | None, rules: Ruleset
) -> Gates:
    """Return what a contact meets at an instant (ms), by the latest population refresh."""
    hour = hour_of(anchor.moment)
    panes = _visible(customer.panes, hour_of(instant))
    trailing = panes.spend(hour - YEAR_HOURS, hour)
    cutoff = None if refresh is None else refresh.cutoff
    profile = customer.body.profile
    protected = profile is not None and profile.tier in rules.protected_tiers
    return Gates(
        time=instant,
        contact_id=anchor.contact_id,
        frustration=customer.body.frustration,
        bad=customer.body.frustration >= rules.opening_frustration - TOLERANCE,
        usual=baseline(panes, customer.first_pane, hour, rules),
        blocks=0 if customer.first_pane is None else len(block_starts(hour, customer.first_pane)),
        trailing_spend=trailing,
        cutoff=cutoff,
        protected=protected,
        valuable=protected or (cutoff is not None and trailing >= cutoff),
        irregularity_days=rules.irregularity_default_days if refresh is None else refresh.irregularity_days,
    )


def open_episode(customer_id: str, anchor: Known, gates: Gates, usual: Baseline, rules: Ruleset) -> Episode:
    """Return the episode that an anchor opens, with its yardstick frozen."""
    irregularity = usual.irregularity(gates.irregularity_days, rules)
    return Episode(
        anchor=anchor,
        alert_id=alert_id(customer_id, anchor.source, anchor.contact_id),
        yardstick=Yardstick(usual.usual_per_day, irregularity, hour_of(anchor.moment) + 1),
        opened=gates.time,
        cutoff=gates.cutoff,
        trailing_spend=gates.trailing_spend,
        ruleset=rules.hash,
    )


def alert_id(customer_id: str, source: str, contact_id: str) -> str:
    """Return the id of every alert about an anchor."""
    name = msgspec.json.encode([customer_id, source, contact_id]).decode()
    return str(uuid5(_NAMESPACE, name))


def _visible(panes: Panes, hour: int) -> Panes:
    """Return the panes that are not yet forgotten at an hour."""
    visible = panes.copy()
    visible.drop_before(hour - KEPT_HOURS)
    return visible
