"""What can happen to a purchase feed, or to trade, without any customer leaving.

A disturbance changes which transactions arrive, and in which order; times stay as they are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl

from streams.core.time import DAY_MS, HOUR_MS
from streams.lab.generate.purchases import Flags, Ints

BACKLOG_MS: Final = 6 * HOUR_MS
"""From the feed's return to the coming of what it missed."""
DIP_SHARE: Final = 0.3
SECOND_SHOP: Final = "second-shop"
_SECOND_SHOP_CUSTOMERS: Final = 0.3
_LOYALTY: Final = 0.9


class Disturbance(StrEnum):
    """What happens."""

    LOST = "lost"
    """A feed outage: no transaction comes, and none is made up for."""
    LATE = "late"
    """A feed outage: what was missed comes 6 hours after the feed works again."""
    HOLIDAY = "holiday"
    """A national holiday week: nobody buys."""
    DIP = "dip"
    """A seasonal dip: 30 % of all purchases fall away."""
    FAILING_SHOP = "failing_shop"
    """The lesser of two shop systems, with a third of all purchases, loses what is bought there."""


@dataclass(frozen=True, slots=True)
class Course:
    """How a disturbance goes: its length, and how far apart two of them may be in one history."""

    days: int
    every_days: int | None
    """None: once only, as what it leaves in the baselines of customers would touch the next."""


COURSES: Final[Mapping[Disturbance, Course]] = MappingProxyType(
    {
        Disturbance.LOST: Course(3, 60),
        Disturbance.LATE: Course(3, 60),
        Disturbance.HOLIDAY: Course(7, 120),
        Disturbance.DIP: Course(56, None),
        Disturbance.FAILING_SHOP: Course(3, 60),
    }
)


@dataclass(frozen=True, slots=True)
class Feed:
    """Transactions and the order in which they arrive, as indices of their rows."""

    table: pl.DataFrame
    order: Ints

    def disturbed(self, what: Disturbance, start_ms: int, rng: np.random.Generator) -> "Feed":
        """Return the feed with a disturbance from a time (ms) on."""
        end_ms = start_ms + COURSES[what].days * DAY_MS
        return Feed(self.table, _ORDERS[what](self, start_ms, end_ms, rng))

    def column(self, name: str) -> pl.Series:
        """Return a column in order of arrival."""
        return self.table[name].gather(self.order)

    @property
    def clock(self) -> Ints:
        """Return the time (ms) at which each arrives: that of the newest so far."""
        return np.maximum.accumulate(self.column("time_ms").to_numpy())


def with_second_shop(table: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Return the transactions with two shop systems, one of which three in ten customers prefer."""
    customer = table["customer"].to_numpy()
    prefer = rng.random(customer.max() + 1) < _SECOND_SHOP_CUSTOMERS
    second = (rng.random(len(table)) < _LOYALTY) == prefer[customer]
    moved = pl.Series(second) & (table["kind"] == "purchase")
    source = pl.when(moved).then(pl.lit(SECOND_SHOP)).otherwise(pl.col("source"))
    return table.with_columns(source=source)


def _lost(feed: Feed, start_ms: int, end_ms: int, _rng: np.random.Generator) -> Ints:
    return feed.order[~_inside(feed.clock, start_ms, end_ms)]


def _late(feed: Feed, start_ms: int, end_ms: int, _rng: np.random.Generator) -> Ints:
    clock = feed.clock
    arrives = np.where(_inside(clock, start_ms, end_ms), end_ms + BACKLOG_MS, clock)
    return feed.order[np.argsort(arrives, kind="stable")]


def _holiday(feed: Feed, start_ms: int, end_ms: int, _rng: np.random.Generator) -> Ints:
    return feed.order[~_bought(feed, start_ms, end_ms)]


def _dip(feed: Feed, start_ms: int, end_ms: int, rng: np.random.Generator) -> Ints:
    # Drawn by row, not by line: a purchase that comes twice falls away twice.
    unlucky = (rng.random(len(feed.table)) < DIP_SHARE)[feed.order]
    return feed.order[~(unlucky & _bought(feed, start_ms, end_ms))]


def _failing_shop(feed: Feed, start_ms: int, end_ms: int, _rng: np.random.Generator) -> Ints:
    second = (feed.column("source") == SECOND_SHOP).to_numpy()
    return feed.order[~(second & _inside(feed.clock, start_ms, end_ms))]


def _inside(time_ms: Ints, start_ms: int, end_ms: int) -> Flags:
    return (time_ms >= start_ms) & (time_ms < end_ms)


def _bought(feed: Feed, start_ms: int, end_ms: int) -> Flags:
    """Tell which are purchases made in [start, end)."""
    purchase: Flags = (feed.column("kind") == "purchase").to_numpy()
    return purchase & _inside(feed.column("time_ms").to_numpy(), start_ms, end_ms)


_ORDERS: Final[Mapping[Disturbance, Callable[[Feed, int, int, np.random.Generator], Ints]]] = (
    MappingProxyType(
        {
            Disturbance.LOST: _lost,
            Disturbance.LATE: _late,
            Disturbance.HOLIDAY: _holiday,
            Disturbance.DIP: _dip,
            Disturbance.FAILING_SHOP: _failing_shop,
        }
    )
)
