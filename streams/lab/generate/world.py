"""All that is drawn, before a line is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from streams.lab.generate import transactions
from streams.lab.generate.boycotts import Outcome, apply, decide
from streams.lab.generate.journeys import ContactRecord, Journey, play
from streams.lab.generate.lines import ProfileLine, TruthLine
from streams.lab.generate.noise import Arrival, arrive
from streams.lab.generate.options import GenerateOptions
from streams.lab.generate.populations import load
from streams.lab.generate.profiles import draw_profiles
from streams.lab.generate.purchases import Flags, Ints, Purchases
from streams.lab.generate.truth import tell

Progress = Callable[[str, int, int], None]
"""Told the step's name, how much of it is done, and of how much."""

Rates = Callable[[Sequence[Journey], Sequence[ContactRecord]], Sequence[float]]
"""Returns the chance of a boycott after each journey; the records are those of all of them."""


@dataclass(frozen=True, slots=True)
class World:
    """What happened, what of it is told, and in which order it arrives."""

    purchases: Purchases
    """Of the population, before anything was drawn on top."""
    outcomes: list[Outcome]
    stays: Flags
    """Which purchases no boycott took away."""
    bought: Flags
    """Which of these fell on no holiday."""
    cents: Ints
    """What each purchase came to."""
    closed_ms: list[int]
    """First ms of each holiday."""
    transactions: pl.DataFrame
    transactions_arrival: Arrival
    contacts: list[ContactRecord]
    contacts_arrival: Arrival
    profiles: list[ProfileLine]
    truth: list[TruthLine]


@dataclass(frozen=True, slots=True)
class _Streams:
    """A generator for each concern, so that an option of one leaves the others' draws as they were."""

    population: np.random.Generator
    journeys: np.random.Generator
    decisions: np.random.Generator
    boycotts: np.random.Generator
    holidays: np.random.Generator
    refunds: np.random.Generator
    subscriptions: np.random.Generator
    profiles: np.random.Generator
    transactions_arrival: np.random.Generator
    contacts_arrival: np.random.Generator

    @classmethod
    def of(cls, seed: int) -> "_Streams":
        seeds = np.random.SeedSequence(seed).spawn(len(cls.__slots__))
        return cls(*(np.random.default_rng(each) for each in seeds))


def draw_world(options: GenerateOptions, progress: Progress, rates: Rates | None = None) -> World:
    """Draw everything; boycotts by `rates`, or else by the severity of the journeys.

    Raises `ModuleNotFoundError` when the population's package is not installed.
    """
    streams = _Streams.of(options.seed)
    progress("purchases", 0, 1)
    purchases = load(options, streams.population)
    progress("purchases", 1, 1)
    journeys, contacts = play(purchases, options, streams.journeys, partial(progress, "contacts"))
    contacts.sort(key=lambda record: (record.time_ms, record.line.event_id))
    contact_ms = np.array([record.time_ms for record in contacts], dtype=np.int64)
    chances = _by_severity(journeys, options) if rates is None else rates(journeys, contacts)
    outcomes = decide(journeys, chances, options, streams.decisions, purchases.end_ms)
    stays, cents = apply(purchases, outcomes, streams.boycotts)
    closed_ms = transactions.holidays(options, purchases, streams.holidays)
    bought = stays & transactions.open_shops(purchases, closed_ms)
    table = _transactions(
        purchases, options, outcomes, transactions.purchase_table(purchases, bought, cents), streams
    )
    return World(
        purchases=purchases,
        outcomes=outcomes,
        stays=stays,
        bought=bought,
        cents=cents,
        closed_ms=closed_ms,
        transactions=table,
        transactions_arrival=arrive(table["time_ms"].to_numpy(), options, streams.transactions_arrival),
        contacts=contacts,
        contacts_arrival=arrive(contact_ms, options, streams.contacts_arrival),
        profiles=draw_profiles(purchases, options.profile_share, streams.profiles),
        truth=tell(purchases, outcomes, bought, cents),
    )


def _by_severity(journeys: Sequence[Journey], options: GenerateOptions) -> list[float]:
    return [options.boycott_rate(journey.severity) for journey in journeys]


def _transactions(
    purchases: Purchases,
    options: GenerateOptions,
    outcomes: list[Outcome],
    bought: pl.DataFrame,
    streams: _Streams,
) -> pl.DataFrame:
    first_boycott = {
        each.journey.customer: each.boycott.start_ms for each in reversed(outcomes) if each.boycott
    }
    refunds = transactions.refund_table(bought, options.refund_share, purchases.end_ms, streams.refunds)
    subscriptions = transactions.subscription_table(
        purchases, options.subscription_share, first_boycott, streams.subscriptions
    )
    return transactions.all_transactions([bought, refunds, subscriptions])
