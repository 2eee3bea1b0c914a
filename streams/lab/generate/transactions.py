"""The table of transactions: purchases that stay; refunds, subscriptions and cancellations on top."""

import numpy as np
import polars as pl

from streams.core.time import HOUR_MS
from streams.lab.generate.options import GenerateOptions
from streams.lab.generate.purchases import DAY_MS, Flags, Ints, Purchases

REFUNDS_SOURCE = "synthetic-refunds"
SUBSCRIPTIONS_SOURCE = "synthetic-subscriptions"
BILLING_DAYS = 30
FEE_SHARE = 0.05  # of the subscription charges
CANCEL_SHARE = 0.10  # of the subscribers, at a random moment
BOYCOTT_CANCEL_SHARE = 0.30  # of the subscribers who boycott, within two weeks of its start
FEED_GUARD_DAYS = 35  # the feed guard compares with the four weeks before: a holiday after that can be seen

SCHEMA = {
    "time_ms": pl.Int64,
    "customer": pl.Int64,
    "kind": pl.String,
    "cents": pl.Int64,  # null: no amount
    "source": pl.String,
    "event_id": pl.String,
    "order_id": pl.String,
    "original_ms": pl.Int64,
    "synthetic": pl.String,  # what of the line is made up, beside what its source says; null: nothing
}


def holidays(options: GenerateOptions, purchases: Purchases, rng: np.random.Generator) -> list[int]:
    """Draw the days with closed shops: the first ms of each, ascending.

    They come after the first weeks where the history is long enough.
    """
    days = (purchases.end_ms - purchases.start_ms) // DAY_MS
    choices = np.arange(FEED_GUARD_DAYS if days >= FEED_GUARD_DAYS + options.holidays else 0, days)
    chosen = rng.choice(choices, min(options.holidays, len(choices)), replace=False)
    return [purchases.start_ms + int(day) * DAY_MS for day in np.sort(chosen)]


def open_shops(purchases: Purchases, closed_ms: list[int]) -> Flags:
    """Return which purchases fall on no holiday."""
    day = (purchases.time_ms - purchases.start_ms) // DAY_MS
    closed = (np.array(closed_ms, dtype=np.int64) - purchases.start_ms) // DAY_MS
    return ~np.isin(day, closed)


def purchase_table(purchases: Purchases, stays: Flags, cents: Ints) -> pl.DataFrame:
    """Return the purchases that stay; baskets that a boycott shrank say so."""
    number = pl.Series(purchases.number[stays]).cast(pl.String)
    shrunk = pl.Series(cents[stays] != purchases.cents[stays])
    columns = {
        "time_ms": pl.Series(purchases.time_ms[stays]),
        "customer": pl.Series(purchases.customer[stays]),
        "cents": pl.Series(cents[stays]),
        "order_id": number,
    }
    return _table(columns).with_columns(
        kind=pl.lit("purchase"),
        source=pl.lit(purchases.source),
        event_id=pl.lit("basket-") + pl.col("order_id"),
        synthetic=pl.when(shrunk).then(pl.lit("amount")),
    )


def refund_table(bought: pl.DataFrame, share: float, end_ms: int, rng: np.random.Generator) -> pl.DataFrame:
    """Draw refunds and chargebacks of some purchases, within the history; most say when the purchase was."""
    back = bought.filter(rng.random(len(bought)) < share)
    count = len(back)
    part = np.where(rng.random(count) < 0.5, 1.0, rng.uniform(0.1, 0.9, count))
    told = pl.Series(rng.random(count) < 0.8)
    delay_ms = pl.Series((rng.uniform(0.2, 20, count) * DAY_MS).astype(np.int64))
    charged_back = pl.Series(rng.random(count) < 0.1)
    refunds = back.with_columns(
        kind=pl.when(charged_back).then(pl.lit("chargeback")).otherwise(pl.lit("refund")),
        cents=(pl.col("cents") * pl.Series(part)).ceil().cast(pl.Int64),
        source=pl.lit(REFUNDS_SOURCE),
        event_id=pl.lit("refund-") + pl.col("order_id"),
        original_ms=pl.when(told).then(pl.col("time_ms")),
        time_ms=pl.col("time_ms") + delay_ms,
        synthetic=pl.lit("true"),
    )
    return refunds.filter(pl.col("time_ms") < end_ms)


def subscription_table(
    purchases: Purchases, share: float, boycott_start_ms: dict[int, int], rng: np.random.Generator
) -> pl.DataFrame:
    """Draw charges every 30 days, a fee now and then, and cancellations.

    `boycott_start_ms` is the start of each boycotting customer's first boycott.
    """
    subscribers = np.flatnonzero(rng.random(len(purchases.customer_ids)) < share)
    rows: list[tuple[int, int, str, int | None]] = []
    for customer in subscribers.tolist():
        ends = _cancelled_ms(purchases, boycott_start_ms.get(customer), rng)
        price = int(rng.integers(5, 40)) * 100 + 99
        first = purchases.start_ms + int(rng.integers(0, BILLING_DAYS * DAY_MS))
        for charge in range(first, min(ends, purchases.end_ms), BILLING_DAYS * DAY_MS):
            rows.append((charge, customer, "subscription_charge", price))
            if rng.random() < FEE_SHARE:
                rows.append((charge + HOUR_MS, customer, "fee", 500))
        if ends < purchases.end_ms:
            rows.append((ends, customer, "subscription_cancelled", None))
    rows = [row for row in rows if row[0] < purchases.end_ms]
    names = ("time_ms", "customer", "kind", "cents")
    columns = {
        name: pl.Series([row[at] for row in rows], dtype=SCHEMA[name]) for at, name in enumerate(names)
    }
    return _table(columns).with_columns(
        source=pl.lit(SUBSCRIPTIONS_SOURCE),
        event_id=pl.lit("subscription-") + pl.int_range(1, pl.len() + 1).cast(pl.String),
        synthetic=pl.lit("true"),
    )


def _cancelled_ms(purchases: Purchases, boycott_ms: int | None, rng: np.random.Generator) -> int:
    if boycott_ms is not None and rng.random() < BOYCOTT_CANCEL_SHARE:
        return boycott_ms + int(rng.uniform(0, 14) * DAY_MS)
    if rng.random() < CANCEL_SHARE:
        return int(rng.integers(purchases.start_ms, purchases.end_ms))
    return purchases.end_ms


def _table(columns: dict[str, pl.Series]) -> pl.DataFrame:
    missing = {name: pl.lit(None, dtype=kind) for name, kind in SCHEMA.items() if name not in columns}
    return pl.DataFrame(columns).with_columns(**missing).select(list(SCHEMA))


def all_transactions(tables: list[pl.DataFrame]) -> pl.DataFrame:
    """Return one table of all, by time, then source and id."""
    return pl.concat([table.select(list(SCHEMA)) for table in tables]).sort("time_ms", "source", "event_id")
