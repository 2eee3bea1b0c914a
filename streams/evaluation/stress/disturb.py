"""What can happen to a purchase feed, or to trade, without any customer leaving.

A disturbance changes which transactions arrive, and in which order; times stay as they are.
"""

from collections.abc import Mapping
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
    """A feed outage: no transaction comes, neither then nor later."""
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

    def column(self, name: str) -> pl.Series:
        """Return a column in order of arrival."""
        return self.table[name].gather(self.order)

    @property
    def clock(self) -> Ints:
        """Return the time (ms) at which each arrives: that of the newest so far."""
        return np.maximum.accumulate(self.column("time_ms").to_numpy())

    def disturbed(self, what: Disturbance, start_ms: int, rng: np.random.Generator) -> "Feed":
        """Return the feed with a disturbance from a time (ms) on."""
        end_ms = start_ms + COURSES[what].days * DAY_MS
        arrived = _inside(self.clock, start_ms, end_ms)
        inside = _inside(self.column("time_ms").to_numpy(), start_ms, end_ms)
        bought = inside & (self.column("kind") == "purchase").to_numpy()
        match what:
            case Disturbance.LATE:
                arrives = np.where(arrived, end_ms + BACKLOG_MS, self.clock)
                return Feed(self.table, self.order[np.argsort(arrives, kind="stable")])
            case Disturbance.LOST:
                gone = arrived
            case Disturbance.HOLIDAY:
                gone = bought
            case Disturbance.DIP:
                # Drawn by row, not by line: a purchase that comes twice falls away twice.
                gone = bought & (rng.random(len(self.table)) < DIP_SHARE)[self.order]
            case Disturbance.FAILING_SHOP:
                gone = arrived & (self.column("source") == SECOND_SHOP).to_numpy()
        return Feed(self.table, self.order[~gone])


def with_second_shop(table: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Return the transactions with two shop systems, one of which three in ten customers prefer."""
    customer = table["customer"].to_numpy()
    prefer = rng.random(customer.max() + 1) < _SECOND_SHOP_CUSTOMERS
    second = (rng.random(len(table)) < _LOYALTY) == prefer[customer]
    moved = pl.Series(second) & (table["kind"] == "purchase")
    source = pl.when(moved).then(pl.lit(SECOND_SHOP)).otherwise(pl.col("source"))
    return table.with_columns(source=source)


def _inside(time_ms: Ints, start_ms: int, end_ms: int) -> Flags:
    return (time_ms >= start_ms) & (time_ms < end_ms)
