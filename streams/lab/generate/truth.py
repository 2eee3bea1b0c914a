"""The truth beside the data: what every journey really did to its customer's spend."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from schemas.times import format_ms
from streams.lab.generate.boycotts import Outcome
from streams.lab.generate.purchases import DAY_MS, Flags, Floats, Ints, Purchases

BEFORE_DAYS = 364
AFTER_DAYS = 90


class TruthLine(Struct, kw_only=True):
    """One contact journey and what the customer did about it. Moments are RFC 3339, spend is in money."""

    journey: str
    customer_id: str
    story: str
    severity: str
    contact_ids: list[str]
    first_moment: str
    last_moment: str
    recovered_at: str | None
    """Moment of the recovery contact, if one ended the journey."""
    boycott: str | None
    """Shape of the boycott that this journey started; null if none."""
    start: str | None
    """First moment of the boycott; it lasts to `end`, exclusive."""
    end: str | None
    """null: none, or not before the history ends."""
    during: str | None
    """The earlier journey whose boycott was going on; no second one is drawn then."""
    spend_per_day_before: float | None
    """Purchases over up to 364 days before the first moment; null for less than a day."""
    spend_per_day_after: float | None
    """Purchases in [start, end), without a boycott in the 90 days after the last moment; null as above."""
    spend_lost: float
    """Purchases that boycotts took away in that interval."""


def tell(purchases: Purchases, outcomes: Sequence[Outcome], stays: Flags, cents: Ints) -> list[TruthLine]:
    """Return a line per journey, in their order; spend is that of the purchases written, before refunds."""
    kept = np.where(stays, cents, 0)
    customer = np.array([outcome.journey.customer for outcome in outcomes], dtype=np.int64)
    first = np.array([outcome.journey.first_ms for outcome in outcomes], dtype=np.int64)
    start, end = _intervals(purchases, outcomes)
    since = np.maximum(purchases.start_ms, first - BEFORE_DAYS * DAY_MS)
    before = _spend(purchases, kept, customer, since, first)
    after = _spend(purchases, kept, customer, start, end)
    lost = _spend(purchases, purchases.cents, customer, start, end) - after
    per_day_before = _per_day(before, first - since)
    per_day_after = _per_day(after, end - start)
    rates = zip(outcomes, per_day_before, per_day_after, lost.tolist(), strict=True)
    return [_line(purchases, *each) for each in rates]


def _intervals(purchases: Purchases, outcomes: Sequence[Outcome]) -> tuple[Ints, Ints]:
    """Return where "after" is measured: the boycott, else the days after the last moment; cut at the end."""
    starts, ends = [], []
    for outcome in outcomes:
        if outcome.boycott is None:
            starts.append(outcome.journey.last_ms)
            ends.append(outcome.journey.last_ms + AFTER_DAYS * DAY_MS)
        else:
            starts.append(outcome.boycott.start_ms)
            ends.append(purchases.end_ms if outcome.boycott.end_ms is None else outcome.boycott.end_ms)
    end = np.minimum(np.array(ends, dtype=np.int64), purchases.end_ms)
    return np.minimum(np.array(starts, dtype=np.int64), end), end


def _spend(purchases: Purchases, cents: Ints, customer: Ints, start: Ints, end: Ints) -> Ints:
    """Return the sum of `cents` of each customer's purchases in [start, end)."""
    total = np.concatenate([[0], np.cumsum(cents)])
    spent: Ints = total[purchases.position(customer, end)] - total[purchases.position(customer, start)]
    return spent


def _per_day(cents: Ints, span_ms: Ints) -> list[float | None]:
    days: Floats = span_ms / DAY_MS
    return [
        round(spent / 100 / span, 4) if span >= 1 else None
        for spent, span in zip(cents.tolist(), days.tolist(), strict=True)
    ]


def _line(
    purchases: Purchases, outcome: Outcome, before: float | None, after: float | None, lost_cents: int
) -> TruthLine:
    journey, boycott = outcome.journey, outcome.boycott
    end_ms = None if boycott is None else boycott.end_ms
    return TruthLine(
        journey=journey.name,
        customer_id=purchases.customer_ids[journey.customer],
        story=journey.story,
        severity=journey.severity.value,
        contact_ids=journey.contact_ids,
        first_moment=format_ms(journey.first_ms),
        last_moment=format_ms(journey.last_ms),
        recovered_at=None if journey.recovered_ms is None else format_ms(journey.recovered_ms),
        boycott=None if boycott is None else boycott.shape.value,
        start=None if boycott is None else format_ms(boycott.start_ms),
        end=None if end_ms is None else format_ms(end_ms),
        during=None if outcome.during is None else outcome.during.name,
        spend_per_day_before=before,
        spend_per_day_after=after,
        spend_lost=lost_cents / 100,
    )
