"""Tables beside a mapping: customers by phone number, rates by day, ids that were merged."""

import csv
from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Final

import phonenumbers

from schemas.money import check_currency
from streams.mapping.config import Config, Lookup, MappingError
from streams.mapping.expression import ExpressionError, number, plain

OLDEST_RATE_DAYS: Final = 7
"""A rate holds until the next one, over week-ends and holidays, but for no longer."""


def phone_number(text: str, region: str) -> str | None:
    """Return a phone number in its one international form; None if it is none."""
    try:
        found = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(found):
        return None
    return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)


class Tables:
    """The tables of a mapping, read once. Raises MappingError."""

    def __init__(self, config: Config) -> None:
        self._lookups = {name: _lookup(name, table) for name, table in config.lookup.items()}
        self._rates = _rates(config.rates.file) if config.rates else {}
        self.has_rates: Final = config.rates is not None
        self._merged = _merged(config.merged.file) if config.merged else {}

    def has(self, name: str) -> bool:
        """Return whether there is a table of this name."""
        return name in self._lookups

    def look_up(self, name: str, value: str) -> str | None:
        """Return what a table has for a value; None if it has nothing."""
        return self._lookups[name](value)

    def rate(self, currency: str, day: date) -> str | None:
        """Return the rate of a day: its own, or that of the last day before, at most 7 days old."""
        days, rates = self._rates.get(currency, ([], []))
        place = bisect_right(days, day)
        if not place or (day - days[place - 1]).days > OLDEST_RATE_DAYS:
            return None
        return rates[place - 1]

    def survivor(self, customer_id: str) -> str:
        """Return the id under which a customer goes on."""
        while customer_id in self._merged:
            customer_id = self._merged[customer_id]
        return customer_id


def _merged(path: Path) -> dict[str, str]:
    """Return the ids that ended by the ids they went into. Raises MappingError if one leads nowhere."""
    merged: dict[str, str] = {}
    for line, ended, into in _two(path, "customer_id", "merged_into"):
        if merged.setdefault(ended, into) != into:
            raise MappingError(f"{path.name}, line {line}: this id went into another one further up")
    if not all(_goes_on(merged, one) for one in merged):
        raise MappingError(f"{path.name}: ids go in a circle; each must lead to one that goes on")
    return merged


def _goes_on(merged: dict[str, str], one: str) -> bool:
    seen = set[str]()
    while one in merged and one not in seen:
        seen.add(one)
        one = merged[one]
    return one not in merged


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or []]
            for row in reader:
                yield reader.line_num, row
    except OSError as error:
        raise MappingError(f"{path.name} can't be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise MappingError(f"{path.name} is no CSV in UTF-8") from None


def _two(path: Path, key: str, value: str) -> Iterator[tuple[int, str, str]]:
    """Yield each line's number and what it has in two columns. Raises MappingError."""
    for line, row in _rows(path):
        if key not in row or value not in row:
            raise MappingError(f"{path.name} has no columns {key} and {value}")
        one, other = (row[key] or "").strip(), (row[value] or "").strip()
        if not one or not other:
            raise MappingError(f"{path.name}, line {line}: {key} and {value} are both needed")
        yield line, one, other


def _lookup(name: str, table: Lookup) -> Callable[[str], str | None]:
    region = table.phone
    if region is None:
        return dict(_unique(name, table, lambda text: text)).get
    found = dict(_unique(name, table, lambda text: phone_number(text, region)))

    def look_up(value: str) -> str | None:
        key = phone_number(value, region)
        return None if key is None else found.get(key)

    return look_up


def _unique(name: str, table: Lookup, form: Callable[[str], str | None]) -> Iterator[tuple[str, str]]:
    """Yield keys and values; a key that stands for two values is left out, for nobody is guessed."""
    found: dict[str, set[str]] = {}
    if table.file is None:
        return
    for _, key, value in _two(table.file, table.key, table.value):
        formed = form(key)
        if formed is not None:
            found.setdefault(formed, set()).add(value)
    if not found:
        raise MappingError(f"lookup.{name}: {table.file.name} has no usable line")
    for key, values in found.items():
        if len(values) == 1:
            yield key, values.pop()


def _rates(path: Path) -> dict[str, tuple[list[date], list[str]]]:
    found: dict[str, dict[date, str]] = {}
    for line, row in _rows(path):
        if not {"day", "currency", "rate"} <= row.keys():
            raise MappingError(f"{path.name} has no columns day, currency and rate")
        try:
            day, rate = date.fromisoformat(row["day"] or ""), number(row["rate"])
        except (ValueError, ExpressionError):
            raise MappingError(
                f"{path.name}, line {line}: a day is written 2026-03-01, a rate 1.0843"
            ) from None
        if rate <= 0:
            raise MappingError(f"{path.name}, line {line}: a rate is above 0")
        currency = (row["currency"] or "").strip()
        try:
            check_currency(currency)
        except ValueError:
            raise MappingError(f"{path.name}, line {line}: a currency is written USD") from None
        if found.setdefault(currency, {}).setdefault(day, plain(rate)) != plain(rate):
            raise MappingError(f"{path.name}, line {line}: this day has another rate further up")
    return {currency: (sorted(days), [days[day] for day in sorted(days)]) for currency, days in found.items()}
