"""Synthetic histories that several benchmarks measure with."""

from dataclasses import replace
from typing import Final

from streams.core.time import HOUR_MS
from streams.lab.generate import GenerateOptions, GenerateSummary, Population, Weights

SEED: Final = 1
DAYS: Final = 400
START_MS: Final = 1_704_067_200_000  # 2024-01-01
PURCHASE_HOURS: Final = 60
"""Hours of a year in which a customer buys, where each does so once in every slot."""
SLOT_MS: Final = 365 * 24 // PURCHASE_HOURS * HOUR_MS
_CONTACTS_PER_TRANSACTION: Final = 0.01
_CONTACTS_PER_JOURNEY: Final = 1.72
"""Mean of `generate`, further versions and notices included."""


def options(  # noqa: PLR0913 - all by name that have a default
    customers: int,
    transactions: int,
    weights: Weights,
    *,
    contacts: bool = True,
    profile_share: float = 0.0,
    plain: bool = False,
) -> GenerateOptions:
    """Return options for purchases over 400 days, with one contact in a hundred events unless left out.

    On top come refunds and subscriptions, one transaction in 13, unless the history is to be plain.
    """
    years = customers * DAYS / 365.25
    rate = transactions * _CONTACTS_PER_TRANSACTION / _CONTACTS_PER_JOURNEY / years
    found = GenerateOptions(
        population=Population.SYNTHETIC,
        seed=SEED,
        customers=customers,
        days=DAYS,
        transactions=transactions,
        weights=weights,
        contact_rate=rate if contacts else 0.0,
        profile_share=profile_share,
    )
    return replace(found, refund_share=0.0, subscription_share=0.0) if plain else found


def line_counts(made: GenerateSummary) -> str:
    """Return how many lines were generated, by file, but for the truth."""
    return ", ".join(f"{lines:,} {path.stem}" for path, lines in made.lines.items() if path.stem != "truth")
