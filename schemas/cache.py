"""Times and amounts through bounded caches, which a slow and strict reading fills.

A reading raises ValueError for a text that the models refuse, so only valid texts are ever kept.
"""

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from typing_extensions import override

from schemas.money import AMOUNT_PLACES, MAX_CENTS, RATE_PLACES, check_amount, check_rate
from schemas.times import check_time, parse_ms

Clock: TypeAlias = Callable[[str], int]

HOME_UNITS_PER_CENT: Final = 10 ** (AMOUNT_PLACES - 2)
UNITS_PER_CENT: Final = 10 ** (AMOUNT_PLACES + RATE_PLACES - 2)
"""Of an amount times a rate, in the units of both."""

_FINER_THAN_MS: Final = re.compile(r"(\.[0-9]{3})[0-9]{1,6}(?![0-9])")
_MIDNIGHT = "2000-01-01T00:00:00Z"
_MIDNIGHT_MS = parse_ms(_MIDNIGHT)


class Cache(dict[str, int]):
    """Readings by their text: `cache[text]` reads what is not there. Emptied when `limit` are kept."""

    def __init__(self, read: Callable[[str], int], limit: int = 65_536) -> None:
        super().__init__()
        self._read = read
        self._limit = limit

    def __missing__(self, text: str) -> int:
        value = self._read(text)
        if len(self) >= self._limit:
            self.clear()
        self[text] = value
        return value


class TailCache(Cache):
    """Readings of what follows the second of a time; finer places share the reading of their millisecond."""

    @override
    def __missing__(self, text: str) -> int:
        finer = _FINER_THAN_MS.match(text)
        return super().__missing__(text) if finer is None else self[finer[1] + text[finer.end() :]]


def clock() -> Clock:
    """Return a function from a time of the wire to ms UTC; it raises ValueError for what is not one.

    The pieces are few: the hours of the history, the 3,600 seconds of an hour, the 1,000 ms of a second.
    """
    hours, seconds, tails = pieces()
    return lambda text: hours[text[:13]] + seconds[text[13:19]] + tails[text[19:]]


def pieces() -> tuple[Cache, Cache, Cache]:
    """Return caches of ms by `text[:13]`, `text[13:19]` and `text[19:]` of a time, to be added up."""
    return Cache(_hour_ms), Cache(_second_ms), TailCache(_tail_ms)


def _hour_ms(text: str) -> int:
    return parse_ms(check_time(text + _MIDNIGHT[13:]))


def _second_ms(text: str) -> int:
    return parse_ms(check_time(_MIDNIGHT[:13] + text + _MIDNIGHT[19:])) - _MIDNIGHT_MS


def _tail_ms(text: str) -> int:
    return parse_ms(check_time(_MIDNIGHT[:19] + text)) - _MIDNIGHT_MS


def amount_units(text: str) -> int:
    """Return an amount in millionths."""
    return _units(check_amount(text), AMOUNT_PLACES)


def rate_units(text: str) -> int:
    """Return a rate in millionths of millionths."""
    return _units(check_rate(text), RATE_PLACES)


def _units(text: str, places: int) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(places, "0"))


def home_cents(text: str) -> int:
    """Return an amount of the reporting currency in hundredths, half-even."""
    return cents(amount_units(text), HOME_UNITS_PER_CENT)


def cents(units: int, units_per_cent: int) -> int:
    """Return `units` in hundredths, half-even; raises ValueError if that is more than MAX_CENTS."""
    quotient, rest = divmod(units, units_per_cent)
    if 2 * rest + (quotient & 1) > units_per_cent:
        quotient += 1
    if quotient > MAX_CENTS:
        raise ValueError("more than MAX_CENTS")
    return quotient
