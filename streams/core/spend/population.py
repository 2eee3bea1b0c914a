"""The population of a partition: who counts as high value, and how irregular such customers are.

A sample of the customers with the smallest hashes stands for all. Its spend is kept by week in columns, one
row a customer, because everything a refresh asks for is made of whole weeks; so a refresh costs the same
however many customers and purchases there are.
"""

import math
from bisect import insort
from collections.abc import Callable, Iterable
from decimal import Decimal
from hashlib import sha256
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from streams.core.ruleset import Ruleset
from streams.core.spend.baseline import BLOCK_DAYS, BLOCKS
from streams.core.spend.panes import Panes
from streams.core.time import NO_END, WEEK_HOURS

_BLOCK_WEEKS: Final = 4
_YEAR_WEEKS: Final = BLOCKS * _BLOCK_WEEKS
MONTH_HOURS: Final = _BLOCK_WEEKS * WEEK_HOURS
_MEDIAN_OF: Final = 256
"""Of so many of the sample, those with the smallest hashes, the median of trips is taken."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Spending(NamedTuple):
    """What is known of a customer's spend."""

    first_pane: int | None
    panes: Panes
    charges: Panes = Panes()
    """Of subscriptions."""

    @property
    def begins(self) -> int:
        """Return the first pane with spend, or a charge; there is one."""
        charged = self.charges.hours[:1]
        return min(charged if self.first_pane is None else [self.first_pane, *charged])


History = Callable[[str], Spending | None]
"""Gives a customer's; None for a customer not known any more, or of whom no spend is known."""


class Mark(Protocol):
    """Is told who joins the sample, and who leaves it."""

    def __call__(self, customer_id: str, *, sampled: bool) -> None:
        """Note a customer."""


class Refresh(Struct, array_like=True, frozen=True):
    """What a refresh found; final."""

    hour: int
    cutoff: int | None
    """Cents in a year from which on a customer is high value; None while there are too few to say."""
    irregularity_days: float
    """D_pop."""
    median_trips: int = 1
    """Hours with purchases in the 28 days before, of the customer in the middle."""


def customer_hash(customer_id: str) -> int:
    """Return the place of a customer in the sample's order: the first 8 bytes of SHA-256, big-endian."""
    return int.from_bytes(sha256(customer_id.encode()).digest()[:8], "big")


class Population:
    """The sample of one partition and its spend by week."""

    __slots__ = (
        "_charges",
        "_columns",
        "_firsts",
        "_free",
        "_mark",
        "_members",
        "_months",
        "_newcomers",
        "_rules",
        "_stale",
        "rows",
    )

    def __init__(self, rules: Ruleset, mark: Mark) -> None:
        self._rules = rules
        self._mark = mark
        size = rules.population_sample
        self.rows: dict[str, int] = {}
        self._members: list[tuple[int, str]] = []
        self._free = list(range(size))
        self._firsts: Ints = np.zeros(size, np.int64)
        self._columns: dict[int, Ints] = {}
        self._charges: dict[int, Ints] = {}
        self._months: dict[str, Panes] = {}
        """The spend of the last 28 days, and later, of those whose trips the last median was taken of."""
        self._stale: set[str] = set()
        """Members whose history another event made another one."""
        self._newcomers: list[str] = []

    def offer(self, customer_id: str) -> None:
        """Consider a customer with a pane, from the next refresh on that comes after it."""
        self._newcomers.append(customer_id)

    def renew(self, customer_id: str) -> None:
        """Draw a member of the sample up again at the next refresh: its history is another one."""
        self._stale.add(customer_id)

    def add(self, customer_id: str, hour: int, cents: int, *, charge: bool = False) -> None:
        """Add spend of a member of the sample, or a subscription charge."""
        row = self.rows[customer_id]
        if self._rules.as_meant and not charge and hour < self._firsts[row]:
            self._stale.add(customer_id)
            return
        self._add(row, hour, cents, charge=charge)
        month = self._months.get(customer_id)
        if month is not None and not charge:
            month.add(hour, cents)

    def _add(self, row: int, hour: int, cents: int, *, charge: bool = False) -> None:
        week, columns = hour // WEEK_HOURS, self._charges if charge else self._columns
        column = columns.get(week)
        if column is None:
            column = columns[week] = np.zeros(self._rules.population_sample, np.int64)
        column[row] += cents
        if not charge:
            self._firsts[row] = min(self._firsts[row], hour)

    def erase(self, customer_id: str, others: Iterable[str]) -> None:
        """Forget a customer; if it was a member, all others are considered again for its place."""
        row = self.rows.get(customer_id)
        if row is None:
            return
        self._members.remove((customer_hash(customer_id), customer_id))
        self._vacate(customer_id)
        self._newcomers = [one for one in others if one not in self.rows and one != customer_id]

    def refresh(self, hour: int, history: History) -> Refresh:
        """Return the cut-off and irregularity at an hour divisible by 168, from the panes before it."""
        self._renew(history)
        self._enrol(hour, history)
        self._forget(hour)
        year = range(_YEAR_WEEKS)
        spend = np.maximum(self._spend(hour, year) + self._sum(self._charges, hour, year), 0)
        count = int(np.count_nonzero(spend))
        median = self._median_trips(hour, history)
        if count < self._rules.population_minimum:
            return Refresh(hour, None, self._rules.irregularity_default_days, median)
        rank = math.ceil(Decimal(repr(self._rules.high_value_quantile)) * count)
        cutoff = int(np.sort(spend[spend > 0])[rank - 1])
        return Refresh(hour, cutoff, self._irregularity(hour, np.flatnonzero(spend >= cutoff)), median)

    def _median_trips(self, hour: int, history: History) -> int:
        """Return the trips that ids which many share are held against, where the rules ask for it."""
        if not self._rules.shared_trips_factor:
            return 1
        months, self._months = self._months, {}
        for _, customer_id in self._members[:_MEDIAN_OF]:
            month = months.get(customer_id)
            if month is None:
                found = history(customer_id)
                if found is None:
                    continue
                month = found.panes.copy()
            month.drop_before(hour - MONTH_HOURS)
            self._months[customer_id] = month
        counts = (month.trips(hour - MONTH_HOURS, hour) for month in self._months.values())
        return median_trips(counts, self._rules.population_minimum)

    def _spend(self, hour: int, weeks_before: range) -> Ints:
        """Return the spend of each row in some of the whole weeks before an hour, 0 being the last."""
        return self._sum(self._columns, hour, weeks_before)

    def _sum(self, columns: dict[int, Ints], hour: int, weeks_before: range) -> Ints:
        last = hour // WEEK_HOURS - 1
        total: Ints = np.zeros(self._rules.population_sample, np.int64)
        for week in weeks_before:
            column = columns.get(last - week)
            if column is not None:
                total += column
        return total

    def _irregularity(self, hour: int, rows: Ints) -> float:
        """Return the geometric mean of the irregularity of those rows that have a baseline."""
        blocks = np.stack(
            [
                np.maximum(self._spend(hour, range(start, start + _BLOCK_WEEKS))[rows], 0)
                for start in range(0, _YEAR_WEEKS, _BLOCK_WEEKS)
            ],
            axis=1,
        ).astype(np.float64)
        counts = np.clip((hour - self._firsts[rows]) // (_BLOCK_WEEKS * WEEK_HOURS), 0, BLOCKS)
        inside = np.arange(BLOCKS) < counts[:, None]
        sums = (blocks * inside).sum(axis=1)
        judged = (counts >= self._rules.minimum_blocks) & (sums > 0)
        if np.count_nonzero(judged) < self._rules.population_minimum:
            return self._rules.irregularity_default_days
        dispersion = _dispersion(blocks[judged], inside[judged], counts[judged], sums[judged])
        logs = np.log(np.maximum(dispersion, self._rules.dispersion_floor_days))
        # Exact, because the order of rows is another one after a restore.
        return math.exp(math.fsum(logs) / len(logs))

    def _renew(self, history: History) -> None:
        """Draw up again the rows of those whose history is another one now."""
        for customer_id in self._stale:
            found = history(customer_id)
            if found is not None:
                self._clear(self.rows[customer_id])
                self._fill(self.rows[customer_id], found)
            self._months.pop(customer_id, None)
        self._stale.clear()

    def _enrol(self, hour: int, history: History) -> None:
        """Take newcomers with a pane before the hour into the sample, if their hash is small enough."""
        waiting = []
        for entry in sorted((customer_hash(one), one) for one in self._newcomers):
            if not self._free and entry >= self._members[-1]:
                break
            found = history(entry[1])
            if found is None:
                continue
            if found.begins >= hour:
                waiting.append(entry[1])
            else:
                self._admit(entry, found)
        self._newcomers = waiting

    def _admit(self, entry: tuple[int, str], found: Spending) -> None:
        customer_id = entry[1]
        if customer_id in self.rows:
            return
        if not self._free:
            self._vacate(self._members.pop()[1])
        insort(self._members, entry)
        row = self.rows[customer_id] = self._free.pop()
        self._mark(customer_id, sampled=True)
        self._fill(row, found)

    def _fill(self, row: int, found: Spending) -> None:
        """Draw up a row with nothing in it."""
        # A subscriber who bought nothing has no first pane.
        self._firsts[row] = NO_END if found.first_pane is None else found.first_pane
        for pane, cents in found.panes:
            self._add(row, pane, cents)
        for pane, cents in found.charges:
            self._add(row, pane, cents, charge=True)

    def _vacate(self, customer_id: str) -> None:
        row = self.rows.pop(customer_id)
        self._mark(customer_id, sampled=False)
        self._free.append(row)
        self._stale.discard(customer_id)
        self._months.pop(customer_id, None)
        self._clear(row)

    def _clear(self, row: int) -> None:
        for column in (*self._columns.values(), *self._charges.values()):
            column[row] = 0

    def _forget(self, hour: int) -> None:
        oldest = hour // WEEK_HOURS - _YEAR_WEEKS
        for columns in (self._columns, self._charges):
            for week in [one for one in columns if one < oldest]:
                del columns[week]


def median_trips(counts: Iterable[int], least: int) -> int:
    """Return the median of those above 0, by nearest rank; 1 where they are fewer than `least`."""
    some = sorted(one for one in counts if one > 0)
    return some[(len(some) + 1) // 2 - 1] if len(some) >= max(1, least) else 1


def _dispersion(blocks: Floats, inside: npt.NDArray[np.bool_], counts: Ints, sums: Floats) -> Floats:
    """Return 28 CV² of each row's blocks that lie inside its time."""
    means = sums / counts
    squares = (((blocks - means[:, None]) * inside) ** 2).sum(axis=1)
    variances = squares / np.maximum(counts - 1, 1)
    return np.asarray(BLOCK_DAYS * variances / means**2, np.float64)
