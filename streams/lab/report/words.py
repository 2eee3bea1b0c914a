"""How numbers, times and hostile text read to people: one place for the report and the terminal."""

import math
from datetime import UTC, datetime
from decimal import Decimal

from streams.core.odds.odds import probability
from streams.core.time import DAY_MS

WEEK_MS = 7 * DAY_MS

SIGNALS = {
    "unresolved": "left unresolved",
    "worst_score": "gave the worst score",
    "escalation_refused": "escalation refused",
    "complaint": "complaint",
    "slow_reply": "first reply after more than a day",
    "transfers": "passed from hand to hand",
    "long_hold": "kept on hold",
    "deflected": "sent to another channel",
    "ivr_dead_end": "dead end in the phone menu",
    "hung_up_on": "cut off by the company",
    "zero_outs": "pressed 0 for a person again and again",
    "queue_abandoned": "gave up in the queue",
    "repeated_information": "had to say it all again",
    "powerless_phrase": "“the system won’t let me”, “policy”",
    "self_service": "half an hour or more of self-service",
    "repeat": "had to come back about it",
    "unnotified_change": "a change without notice",
    "subscription_cancelled": "subscription cancelled",
    "silence": "spend fell silent",
}

# From how many nats on: weak is less than twice the odds, very strong five times as high or more.
STRENGTHS = ((math.log(5), "very strong"), (math.log(2), "strong"), (0.005, "weak"))
STRONGEST = 2.0
"""Nats that fill a bar of strength: those of the worst score, the heaviest single sign."""

RESOLUTIONS = {
    "returned": "returned",
    "expired": "expired",
    "closed": "closed by the CRM",
    "withdrawn": "withdrawn",
    "erased": "erased",
    "merged": "goes on under another id",
}


def signal_label(signal: str) -> str:
    """Return the signal in plain words; an unknown one as it is, underscores as blanks."""
    return SIGNALS.get(signal, signal.replace("_", " "))


def resolution_label(resolution: str) -> str:
    """Return what became of an episode in plain words."""
    return RESOLUTIONS.get(resolution, resolution)


def to_cents(amount: str) -> int:
    """Parse a decimal string of the wire (2 places) into hundredths."""
    return int((Decimal(amount) * 100).to_integral_value())


def money(cents: float, currency: str = "") -> str:
    """Format hundredths as `12,345` (whole units from 100 up), `12.34` below, with the currency if given."""
    number = f"{cents / 100:,.0f}" if abs(cents) >= 10_000 else f"{cents / 100:,.2f}"
    return f"{number} {currency}" if currency else number


def exact_money(cents: int, currency: str) -> str:
    """Format hundredths to the last one: `1,234.56 USD`; for sums that are compared."""
    return f"{cents / 100:,.2f} {currency}"


def count(number: int, noun: str = "", plural: str = "") -> str:
    """Format `1,234`, or `1 alert` / `1,234 alerts` with a noun."""
    if not noun:
        return f"{number:,}"
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def nats(value: float) -> str:
    """Format nats with a sign that is as wide as a digit: `+1.85`, `−2.94`."""
    # Adding 0 makes minus zero plain.
    return f"{round(value, 2) + 0:+.2f}".replace("-", "−")


def strength(value: float) -> str:
    """Return how strong a sign of leaving some nats are, in words; below zero it speaks against it."""
    word = next((word for least, word in STRENGTHS if abs(value) >= least), "none")
    return f"{word}, against it" if value <= -STRENGTHS[-1][0] else word


def strength_share(value: float) -> float:
    """Return how much of a bar some nats fill, in [0, 1]."""
    return min(abs(value) / STRONGEST, 1)


def percent(share: float) -> str:
    """Format a share as whole percent, unbroken; only nothing reads as 0 % and only all as 100 %."""
    if 0 < share < 0.01:
        return "<\u00a01\u00a0%"
    if 0.99 < share < 1:
        return ">\u00a099\u00a0%"
    return f"{share * 100:.0f}\u00a0%"


def chance(log_odds: float) -> str:
    """Format log-odds as percent; never as certainty, which no evidence gives."""
    return percent(min(max(probability(log_odds), 0.0001), 0.9999))


def moment(time_ms: int) -> datetime:
    """Return the effective time as an aware UTC datetime."""
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC)


def day(time_ms: int) -> str:
    """Format the UTC day: `3 Jan 2017`."""
    when = moment(time_ms)
    return f"{when.day} {when:%b %Y}"


def day_and_time(time_ms: int) -> str:
    """Format the UTC minute: `3 Jan 2017 14:05`."""
    return f"{day(time_ms)} {moment(time_ms):%H:%M}"
