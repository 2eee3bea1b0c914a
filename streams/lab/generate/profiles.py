"""Profiles of some customers: tiers by what they spend, owners for the best."""

import numpy as np

from schemas.times import format_ms
from streams.lab.generate.draw import Draw
from streams.lab.generate.lines import SYNTHETIC, ProfileLine
from streams.lab.generate.purchases import Purchases

PROFILES_SOURCE = "synthetic-profiles"
GOLD_SHARE = 0.05
SILVER_SHARE = 0.15
DO_NOT_CONTACT_SHARE = 0.02
_OWNERS = ("desk-north", "desk-south", "desk-east", "desk-west")
_COUNTRIES = ("US", "US", "US", "CA", "GB", "DE")


def draw_profiles(purchases: Purchases, share: float, rng: np.random.Generator) -> list[ProfileLine]:
    """Profiles of a share of the customers, recorded as the history starts, in the order of the customers."""
    customers = len(purchases.customer_ids)
    spend = np.bincount(purchases.customer, weights=purchases.cents, minlength=customers)
    rank = np.empty(customers, dtype=np.int64)
    rank[np.argsort(-spend, kind="stable")] = np.arange(customers)
    draw = Draw(rng)
    time = format_ms(purchases.start_ms)
    known = np.flatnonzero(rng.random(customers) < share).tolist()
    return [_profile(purchases.customer_ids[each], int(rank[each]) / customers, time, draw) for each in known]


def _profile(customer_id: str, rank: float, time: str, draw: Draw) -> ProfileLine:
    """`rank` is the share of customers who spend more."""
    tier = "gold" if rank < GOLD_SHARE else "silver" if rank < GOLD_SHARE + SILVER_SHARE else "standard"
    return ProfileLine(
        event_id=f"profile-{customer_id}",
        customer_id=customer_id,
        time=time,
        source=PROFILES_SOURCE,
        tier=tier,
        country=draw.pick(_COUNTRIES),
        preferred_owner=draw.pick(_OWNERS) if tier == "gold" else None,
        do_not_contact=draw.chance(DO_NOT_CONTACT_SHARE) or None,
        attributes=SYNTHETIC,
    )
