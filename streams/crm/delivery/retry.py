"""When a delivery that failed is tried again, and when it is given up. Pure."""

from random import Random
from typing import Final

FIRST_SECONDS: Final = 1.0
MOST_SECONDS: Final = 600.0
_DOUBLINGS: Final = 10
"""After so many the most is reached; a power of two of any number of tries would overflow."""


def next_try_ms(tries: int, now_ms: int, rng: Random, retry_after: float | None = None) -> int:
    """Return when to try again after so many tries, 1 or more.

    The wait is drawn from the whole of a span that doubles (full jitter), so that what failed together does
    not come back together. It is 1 s to 10 min, and never shorter than the `retry_after` seconds that the
    CRM asked for.
    """
    span = min(MOST_SECONDS, FIRST_SECONDS * 2 ** min(tries, _DOUBLINGS))
    wait = max(rng.uniform(FIRST_SECONDS, span), retry_after or 0.0)
    return now_ms + round(wait * 1000)


def is_given_up(first_try_ms: int, now_ms: int, give_up_hours: float) -> bool:
    """Return whether a message has failed for so long that it is given up."""
    return now_ms - first_try_ms >= give_up_hours * 3_600_000
