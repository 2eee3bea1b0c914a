"""Evidence that spend fell to a quarter, and the hour at which silence alone would be enough.

S is the log-likelihood ratio of a compound Poisson-gamma (Tweedie, p = 1.5) spend process that fell to
1/4 against one that goes on, with the customer's own dispersion.
"""

import math
from typing import Final

from msgspec import Struct

from streams.core.ruleset import Ruleset
from streams.core.time import DAY_HOURS

_WAKE_TOLERANCE: Final = 1e-3
"""Hours by which a wake-up may come early: waking for nothing costs little, waking late is wrong."""


class Yardstick(Struct, array_like=True, frozen=True):
    """What an episode froze when it opened."""

    usual_per_day: float
    """m, cents a day."""
    irregularity_days: float
    """D."""
    first_hour: int
    """h0: the hour after the anchor's moment."""


class Evidence(Struct, frozen=True):
    """The evidence at one hour."""

    spend: int
    """X, cents since `first_hour`."""
    working_days: float
    """e, days since `first_hour` in which the feed worked."""
    silence: float
    """S, nats."""


def evidence(yardstick: Yardstick, hour: int, spend: int, working_hours: int) -> Evidence:
    """Return the evidence at an hour, of spend (may be below zero) and working hours since `first_hour`."""
    if hour <= yardstick.first_hour:
        return Evidence(0, 0.0, 0.0)
    days = working_hours / DAY_HOURS
    spent = max(0, spend)
    silence = (days - 2 * spent / yardstick.usual_per_day) / yardstick.irregularity_days
    return Evidence(spent, days, silence)


def log_odds(frustration: float, silence: float, rules: Ruleset) -> float:
    """Return L."""
    return rules.prior + frustration + rules.temperature * silence


def probability(log_odds_: float) -> float:
    """Return P of log-odds, however large."""
    if log_odds_ >= 0:
        return 1 / (1 + math.exp(-log_odds_))
    odds = math.exp(log_odds_)
    return odds / (1 + odds)


def hours_until(yardstick: Yardstick, need: float, spend: int, working_hours: int, rules: Ruleset) -> int:
    """Return the fewest further working hours without spend after which `temperature * S` reaches `need`.

    Spend is what is known since `first_hour`, in cents, at its lowest from now on.
    """
    days = (
        yardstick.irregularity_days * need / rules.temperature
        + 2 * max(0, spend) / yardstick.usual_per_day
        - working_hours / DAY_HOURS
    )
    return max(0, math.ceil(DAY_HOURS * days - _WAKE_TOLERANCE))
