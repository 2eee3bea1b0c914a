"""BG/NBD, the model of buying customers who at some point drop out: P(alive).

It counts days with a purchase. It is fitted to the whole population as it stands at the earliest anchor, and
again every 13 weeks, never on what comes later; a case is scored by the newest fit before its anchor.
"""

from dataclasses import dataclass

import numpy as np

from streams.evaluation.detectors import bgnbd
from streams.evaluation.detectors.bgnbd import Bought
from streams.evaluation.detectors.copies import Copies
from streams.lab.generate.purchases import DAY_MS, Floats, Ints, Purchases

FIRST_DAYS = 84
EVERY_DAYS = 91
LAST_DAYS = 90

_SENSIBLE = (1e-6, 1e3)
"""A parameter outside has diverged: the likelihood is flat there, and P(alive) almost constant."""

_ALIVE = -50.0
"""Log-odds of having dropped out for who bought on one day only: alive for certain, says the model."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The model's parameters from the purchases before a moment (ms)."""

    before_ms: int
    r: float
    alpha: float
    a: float
    b: float

    @property
    def diverged(self) -> bool:
        """Return whether a parameter left what data can tell."""
        low, high = _SENSIBLE
        return not all(low <= one <= high for one in (self.r, self.alpha, self.a, self.b))

    def dropped_out(self, frequency: Floats, recency: Floats, age: Floats) -> Floats:
        """Return the log-odds of 1 - P(alive), from repeat days, and days to the last purchase and now."""
        waited = (self.r + frequency) * np.log((self.alpha + age) / (self.alpha + recency))
        odds = waited + np.log(self.a / (self.b + np.maximum(frequency, 1) - 1))
        return np.where(frequency == 0, _ALIVE, odds)


def fits(purchases: Purchases) -> tuple[Fit, ...]:
    """Return the fits at the earliest anchor and every 13 weeks, up to the latest."""
    first = purchases.start_ms + FIRST_DAYS * DAY_MS
    last = purchases.end_ms - LAST_DAYS * DAY_MS
    return tuple(_fit(purchases, before) for before in range(first, last, EVERY_DAYS * DAY_MS))


def scores(fits_: tuple[Fit, ...], anchors_ms: Ints, copies: Copies, hours: Ints) -> Floats:
    """Return the log-odds of having dropped out at each hour (cases x hours)."""
    days = copies.buying_days_before(hours)
    first = copies.first_hour[:, None]
    recency = (copies.last_before(hours) - first) / 24
    age = (hours - first) / 24
    which = np.searchsorted([one.before_ms for one in fits_], anchors_ms, side="right") - 1
    found = np.empty(hours.shape)
    for at in np.unique(which):
        mine = which == at
        found[mine] = fits_[max(at, 0)].dropped_out(days[mine] - 1.0, recency[mine], age[mine])
    return found


def notes(fits_: tuple[Fit, ...]) -> list[str]:
    """Return what a reader must know of the fits, in sentences."""
    told = []
    away = [one for one in fits_ if one.diverged]
    if away:
        told.append(
            f"BG/NBD: {len(away)} of {len(fits_)} fits diverged to a or b at the edge of what can be told: "
            "hardly anybody drops out for good in these data."
        )
    newest = fits_[-1]
    figures = f"r {newest.r:.3g}, alpha {newest.alpha:.3g}, a {newest.a:.3g}, b {newest.b:.3g}"
    told.append(f"BG/NBD: {len(fits_)} fits, one each 13 weeks; the last gave {figures}.")
    return told


def _fit(purchases: Purchases, before_ms: int) -> Fit:
    found = bgnbd.fit(_bought(purchases, before_ms))
    if found is None:
        raise ArithmeticError("BG/NBD does not converge")
    return Fit(before_ms, *found.tolist())


def _bought(purchases: Purchases, before_ms: int) -> Bought:
    """Return repeat days, days to the last purchase and days to the moment, of each customer by then."""
    known = purchases.time_ms < before_ms
    customer = purchases.customer[known]
    day = purchases.time_ms[known] // DAY_MS
    new = np.r_[True, (np.diff(customer) != 0) | (np.diff(day) != 0)]
    _, first, days = np.unique(customer[new], return_index=True, return_counts=True)
    last = first + days - 1
    moments = purchases.time_ms[known][new] / DAY_MS
    return Bought(np.asarray(days - 1.0), moments[last] - moments[first], before_ms / DAY_MS - moments[first])
