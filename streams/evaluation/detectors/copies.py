"""Copies of the purchases around each anchor: untouched, or with one boycott from the anchor on."""

from dataclasses import dataclass

import numpy as np

from streams.core.time import DAY_HOURS, HOUR_MS
from streams.evaluation.detectors.results import DAYS
from streams.lab.generate.boycotts import DELAY_DAYS, EFFECTS
from streams.lab.generate.options import Shape
from streams.lab.generate.purchases import DAY_MS, Floats, Ints, Purchases

_BITS = 24


@dataclass(frozen=True, slots=True)
class Copies:
    """One copy of each case's purchases, sorted by case and time.

    A case is a number from 0 on; `hour` is the hour since the epoch that a purchase lies in. Each case has a
    purchase before every hour that is asked about.
    """

    cases: int
    case: Ints
    time_ms: Ints
    cents: Ints

    @property
    def hour(self) -> Ints:
        """Return the pane of each purchase."""
        return self.time_ms // HOUR_MS

    @property
    def first_hour(self) -> Ints:
        """Return the pane of each case's first purchase."""
        return np.asarray(self.hour[self._starts()], np.int64)

    def spend_before(self, hours: Ints) -> Ints:
        """Return the cents of each case in all panes before its hours (cases x hours)."""
        total = np.r_[0, np.cumsum(self.cents)]
        return np.asarray(total[self._position(hours)] - total[self._starts()][:, None], np.int64)

    def trips_before(self, hours: Ints) -> Ints:
        """Return the number of panes with a purchase of each case before its hours (cases x hours)."""
        return self._distinct_before(self.hour, hours)

    def buying_days_before(self, hours: Ints) -> Ints:
        """Return the number of days (UTC) on which each case bought, before its hours (cases x hours)."""
        return self._distinct_before(self.time_ms // DAY_MS, hours)

    def last_before(self, hours: Ints) -> Ints:
        """Return the pane of each case's last purchase before its hours (cases x hours)."""
        return np.asarray(self.hour[self._position(hours) - 1], np.int64)

    def treated(self, shape: Shape, first_hours: Ints, luck: Floats) -> "Copies":
        """Return the copies with a boycott from each case's first hour on; `luck` is one draw a purchase."""
        effect = EFFECTS[shape]
        begin = first_hours[self.case] * HOUR_MS + (DELAY_DAYS * DAY_MS if shape is Shape.DELAYED else 0)
        days = (self.time_ms - begin) / DAY_MS
        before = days < 0
        stays = before | (luck < effect.trips(days))
        smaller = np.maximum(1, np.rint(self.cents * effect.basket)).astype(np.int64)
        cents = np.where(before, self.cents, smaller)
        return Copies(self.cases, self.case[stays], self.time_ms[stays], cents[stays])

    def _distinct_before(self, bucket: Ints, hours: Ints) -> Ints:
        new = np.r_[True, (np.diff(self.case) != 0) | (np.diff(bucket) != 0)]
        total = np.r_[0, np.cumsum(new)]
        return np.asarray(total[self._position(hours)] - total[self._starts()][:, None], np.int64)

    def _starts(self) -> Ints:
        return np.searchsorted(self.case, np.arange(self.cases)).astype(np.int64)

    def _position(self, hours: Ints) -> Ints:
        """Return the index of the first purchase at or after each case's hours."""
        keys = (self.case << _BITS) + self.hour
        wanted = (np.arange(self.cases)[:, None] << _BITS) + hours
        return np.searchsorted(keys, wanted).astype(np.int64)


def untouched(purchases: Purchases, customers: Ints, first_hours: Ints) -> Copies:
    """Return the purchases of each case's customer, up to the last hour that is asked about."""
    start = np.searchsorted(purchases.customer, customers)
    last_ms = (first_hours + DAYS * DAY_HOURS) * HOUR_MS
    end = purchases.position(customers, last_ms)
    counts = end - start
    case = np.repeat(np.arange(len(customers)), counts)
    at = np.arange(len(case)) - np.repeat(np.cumsum(counts) - counts - start, counts)
    return Copies(len(customers), case.astype(np.int64), purchases.time_ms[at], purchases.cents[at])
