"""The arm of a customer: treated, or held out to see what the alerts are worth."""

from hashlib import sha256
from typing import Literal

from streams.core.ruleset import Ruleset

Arm = Literal["treated", "holdout"]


def arm(customer_id: str, rules: Ruleset) -> Arm:
    """Return the arm of a customer: a share of all, by a salted hash, is held out."""
    digest = sha256(f"{rules.holdout_salt}\0{customer_id}".encode()).digest()
    return "holdout" if int.from_bytes(digest[:8], "big") / 2**64 < rules.holdout_share else "treated"
