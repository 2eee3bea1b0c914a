"""Refused purchases as signs of life."""

from schemas.events import Event, Refusal, SignOfLife, Transaction


def sign_of_life(refused: Refusal | Event) -> SignOfLife | None:
    """Return what a record still tells when it is refused: that somebody bought, and when; else None."""
    if isinstance(refused, Refusal):
        customer_id, time = refused.customer_id, refused.time
        return None if customer_id is None or time is None else SignOfLife(customer_id, time)
    if isinstance(refused, Transaction) and refused.kind == "purchase":
        return SignOfLife(refused.customer_id, refused.time)
    return None
