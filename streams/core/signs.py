"""Refused purchases as signs of life."""

from schemas.events import Refusal, SignOfLife


def sign_of_life(refusal: Refusal) -> SignOfLife | None:
    """Return what a refusal still tells: that somebody bought, and when; None if it does not."""
    if refusal.customer_id is None or refusal.time is None:
        return None
    return SignOfLife(refusal.customer_id, refusal.time)
