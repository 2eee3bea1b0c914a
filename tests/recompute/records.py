"""What is known of an episode, and the alert records that come of it."""

import json
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID, uuid5

from tests.recompute.events import Contact
from tests.recompute.pace import TripsOrSpend, UsualPurchases
from tests.recompute.rules import Rules
from tests.recompute.spending import Baseline

_NAMESPACE = UUID("731beb54-e8c9-5a95-9036-e6143143d599")


@dataclass(frozen=True, kw_only=True)
class Expected:
    """One alert record as the text has it; money in whole units, reals unrounded."""

    time_ms: int
    customer_id: str
    alert_id: str
    revision: int
    state: str
    level: str
    resolution: str | None
    rule: str
    anchor_contact_id: str | None
    anchor_source: str | None
    arm: str
    probability: float
    prior: float
    frustration: float
    silence: float
    usual_spend_per_day: float
    recurring_per_day: float
    spend_since: float
    visits_since: int
    unread_since: int
    days_since: float
    irregularity_days: float
    value_at_risk: float
    trailing_spend: float
    value_cutoff: float | None
    deadline_ms: int


@dataclass(frozen=True)
class Silence:
    """Spend in [h0, b) in hundredths (X), days of working feed (e), nats (S); panes of visits, and unread."""

    until: int
    spend: int = 0
    days: float = 0.0
    nats: float = 0.0
    visits: int = 0
    unread: int = 0


@dataclass(frozen=True)
class Evidence:
    """What silence says, alone (in nats, tempered) and with all else (L, P); b is `since.until`."""

    since: Silence
    silence: float
    log_odds: float
    probability: float


@dataclass(frozen=True)
class Yardstick:
    """What is frozen when an episode opens or a watch begins; money in hundredths.

    `usual` is None of a subscriber who has no baseline. `paces` are those of ruleset 2; `purchases` of the
    partition are None where time runs by the calendar. `recurring` is what subscriptions come to a day, `lag`
    by how many hours the customer's purchases are delivered late.
    """

    h0: int
    usual: Baseline | None
    irregularity: float
    paces: TripsOrSpend | None
    purchases: UsualPurchases | None
    trailing_spend: int
    cutoff: int | None
    recurring: float
    lag: int

    @property
    def per_day(self) -> float:
        """Usual spend per day, in hundredths (m)."""
        return self.usual.per_day if self.usual else 0.0


@dataclass
class Episode:
    """An open episode; `sent` is an index of the levels, 0 when nothing was sent yet.

    Raising, closing and the deadline count from the hour `since`: h0 after a contact, o of a silent episode.
    What happens to subscriptions counts from `plans_since_ms` on.
    """

    alert_id: str
    anchor: Contact | None
    frozen: Yardstick
    since: int
    plans_since_ms: int
    prior: float
    counts_contacts: bool
    is_cancelled: bool = False
    sent: int = 0
    snooze_until_ms: int | None = None


def alert_id_of(customer_id: str, source: str, contact_id: str) -> str:
    """Deterministic id of all alerts that are anchored in one contact."""
    name = json.dumps([customer_id, source, contact_id], ensure_ascii=False, separators=(",", ":"))
    return str(uuid5(_NAMESPACE, name))


def silent_alert_id_of(customer_id: str, z: int) -> str:
    """Deterministic id of all alerts of the silent episode whose watch began at hour z."""
    return str(uuid5(_NAMESPACE, f"{customer_id}/silent/{z}"))


def arm_of(customer_id: str, rules: Rules) -> str:
    """Arm of the hold-out experiment that a customer is in."""
    digest = sha256(f"{rules.holdout_salt}\0{customer_id}".encode()).digest()
    return "holdout" if int.from_bytes(digest[:8], "big") < rules.holdout_share * 2**64 else "treated"
