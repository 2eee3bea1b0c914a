"""All that is drawn, before a line is written: what happens, and the order in which it arrives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from streams.lab.generate import transactions
from streams.lab.generate.boycotts import Outcome, apply, decide
from streams.lab.generate.journeys import ContactRecord, Journey, play
from streams.lab.generate.options import GenerateOptions
from streams.lab.generate.populations import ProfileLine, draw_profiles, load
from streams.lab.generate.purchases import DAY_MS, Flags, Floats, Ints, Purchases
from streams.lab.generate.truth import TruthLine, tell

LATE_FROM_MS = 10_000
AGAIN_FROM_MS = 1_000
AGAIN_TO_MS = 2 * DAY_MS

_CONCERNS = (
    "population", "journeys", "decisions", "boycotts", "holidays", "refunds", "subscriptions", "profiles",
    "transactions_arrival", "contacts_arrival",
)  # fmt: skip
"""Each has a generator of its own, so that an option of one leaves the others' draws as they were."""

Progress = Callable[[str, int, int], None]
"""Takes the step's name, how much of it is done, and its size."""


def unseen(_step: str, _done: int, _total: int) -> None:
    """Show nobody how far the work is."""


Rates = Callable[[Sequence[Journey], Sequence[ContactRecord]], Sequence[float]]
"""Returns the chance of a boycott after each journey; the records are those of all of them."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Records in order of arrival, as indices into what was sent; a duplicate's index comes twice."""

    order: Ints
    late: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class World:
    """What happened, the records of it, and the order in which they arrive."""

    purchases: Purchases
    """Of the population, before anything was drawn on top."""
    outcomes: list[Outcome]
    stays: Flags
    """Which purchases no boycott took away."""
    bought: Flags
    """Which of these fell on no holiday."""
    cents: Ints
    """The amount of each purchase after boycotts."""
    closed_ms: list[int]
    """First ms of each holiday."""
    transactions: pl.DataFrame
    transactions_arrival: Arrival
    contacts: list[ContactRecord]
    contacts_arrival: Arrival
    profiles: list[ProfileLine]
    truth: list[TruthLine]


def draw_world(options: GenerateOptions, progress: Progress, rates: Rates | None = None) -> World:
    """Draw everything; boycotts by `rates`, or else by the severity of the journeys.

    Raise `ModuleNotFoundError` when the population's package is not installed.
    """
    seeds = np.random.SeedSequence(options.seed).spawn(len(_CONCERNS))
    rngs = {concern: np.random.default_rng(seed) for concern, seed in zip(_CONCERNS, seeds, strict=True)}
    progress("purchases", 0, 1)
    purchases = load(options, rngs["population"])
    progress("purchases", 1, 1)
    journeys, contacts = play(purchases, options, rngs["journeys"], partial(progress, "contacts"))
    contacts.sort(key=lambda record: (record.time_ms, record.line.event_id))
    contact_ms = np.array([record.time_ms for record in contacts], dtype=np.int64)
    chances = _by_severity(journeys, options) if rates is None else rates(journeys, contacts)
    outcomes = decide(journeys, chances, options, rngs["decisions"], purchases.end_ms)
    stays, cents = apply(purchases, outcomes, rngs["boycotts"])
    closed_ms = transactions.holidays(options, purchases, rngs["holidays"])
    bought = stays & transactions.open_shops(purchases, closed_ms)
    first_boycott = {
        each.journey.customer: each.boycott.start_ms for each in reversed(outcomes) if each.boycott
    }
    paid = transactions.purchase_table(purchases, bought, cents)
    table = transactions.all_transactions(
        [
            paid,
            transactions.refund_table(paid, options.refund_share, purchases.end_ms, rngs["refunds"]),
            transactions.subscription_table(
                purchases, options.subscription_share, first_boycott, rngs["subscriptions"]
            ),
        ]
    )
    return World(
        purchases=purchases,
        outcomes=outcomes,
        stays=stays,
        bought=bought,
        cents=cents,
        closed_ms=closed_ms,
        transactions=table,
        transactions_arrival=arrive(table["time_ms"].to_numpy(), options, rngs["transactions_arrival"]),
        contacts=contacts,
        contacts_arrival=arrive(contact_ms, options, rngs["contacts_arrival"]),
        profiles=draw_profiles(purchases, options.profile_share, rngs["profiles"]),
        truth=tell(purchases, outcomes, bought, cents),
    )


def _by_severity(journeys: Sequence[Journey], options: GenerateOptions) -> list[float]:
    return [options.boycott_rate(journey.severity) for journey in journeys]


def arrive(time_ms: Ints, options: GenerateOptions, rng: np.random.Generator) -> Arrival:
    """Draw when each record arrives. Those that arrive at the same ms keep the order of `time_ms`."""
    count = len(time_ms)
    delay = rng.random(count) * options.jitter_seconds * 1_000
    late = rng.random(count) < options.late_share
    most = max(LATE_FROM_MS, options.late_days * DAY_MS)
    delay[late] = _log_uniform(rng, int(late.sum()), LATE_FROM_MS, most)
    again = np.flatnonzero(rng.random(count) < options.duplicate_share)
    second = delay[again] + _log_uniform(rng, len(again), AGAIN_FROM_MS, AGAIN_TO_MS)
    record = np.concatenate([np.arange(count), again])
    arrival = time_ms[record] + np.concatenate([delay, second]).astype(np.int64)
    order = record[np.argsort(arrival, kind="stable")]
    return Arrival(order, int(late.sum()), len(again))


def _log_uniform(rng: np.random.Generator, count: int, least: float, most: float) -> Floats:
    return np.exp(rng.uniform(np.log(least), np.log(most), count))
