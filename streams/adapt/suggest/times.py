"""How a column writes times: found out by trying the usual forms on all of its values."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, Literal, TypeAlias

Order: TypeAlias = Literal["day", "month", "year"]
"""What a date begins with."""

CLOCK: Final = re.compile(r"\d{1,2}:\d{2}(:\d{2})?(\.\d+)?( ?[AaPp]\.?[Mm]\.?)?")
"""A time of day, which many sheets keep in a column of its own."""
_YEARS: Final = range(2000, 2101)
_EPOCHS: Final = {
    10: ("epoch_s", 1),
    13: ("epoch_ms", 10**3),
    16: ("epoch_us", 10**6),
    19: ("epoch_ns", 10**9),
}
_DATES: Final[tuple[tuple[str, Order], ...]] = (
    ("%m/%d/%Y", "month"),
    ("%d/%m/%Y", "day"),
    ("%d.%m.%Y", "day"),
    ("%d-%m-%Y", "day"),
    ("%m-%d-%Y", "month"),
    ("%Y/%m/%d", "year"),
    ("%Y.%m.%d", "year"),
    ("%Y-%m-%d", "year"),
    ("%d %b %Y", "day"),
    ("%d-%b-%Y", "day"),
    ("%d %B %Y", "day"),
    ("%b %d, %Y", "month"),
    ("%B %d, %Y", "month"),
    ("%b %d %Y", "month"),
    ("%m/%d/%y", "month"),
    ("%d/%m/%y", "day"),
    ("%d.%m.%y", "day"),
    ("%d-%m-%y", "day"),
    ("%d-%b-%y", "day"),
)
_CLOCKED: Final = re.compile(
    r"(?P<date>.*?\d)(?P<joint>,? |T| - )(?P<clock>\d{1,2}:\d{2}(?P<seconds>:\d{2})?(?P<places>\.\d+)?)"
    r"(?P<half> ?[AaPp][Mm])?(?P<zone> ?(?:[+-]\d{2}:?\d{2}|Z|UTC|GMT))?"
)
"""A day and a time of day, as most systems join them."""


@dataclass(frozen=True)
class TimeForm:
    """A form of times that fits all values of a column."""

    form: str | None
    """As a mapping has it; None for ISO 8601."""
    order: Order = "year"
    naive: bool = False
    """Without an offset from UTC."""
    days: bool = False
    """Without a time of day."""
    utc: bool = False
    """It says by its letters that it is UTC."""

    def read(self, value: str) -> datetime:
        """Return what a value stands for. Raises ValueError."""
        if self.form is None:
            found = datetime.fromisoformat(value)
        elif self.form.startswith("epoch_"):
            unit = next(unit for name, unit in _EPOCHS.values() if name == self.form)
            found = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(value) / unit)
        else:
            found = datetime.strptime(value, self.form)  # noqa: DTZ007 - the zone is not known yet
        if found.year not in _YEARS:
            raise ValueError("no year that an event has")
        return found


def time_forms(values: Iterable[str]) -> list[TimeForm]:
    """Return the forms that fit all of some values: one, or several where day and month may be either."""
    several = list(dict.fromkeys(values))
    if not several or not any(digit in several[0] for digit in "0123456789"):
        return []
    for quick in (_epoch, _iso):
        found = quick(several)
        if found is not None:
            return [found]
    first, *others = several
    fitting = [form for form in _strptime_forms(first) if _fits(form, first)]
    return [form for form in fitting if all(_fits(form, value) for value in others)]


def _fits(form: TimeForm, value: str) -> bool:
    try:
        form.read(value)
    except (ValueError, OverflowError):
        return False
    return True


def _epoch(values: list[str]) -> TimeForm | None:
    name, _ = _EPOCHS.get(len(values[0]), ("", 0))
    if not name or not all(value.isascii() and value.isdigit() for value in values):
        return None
    form = TimeForm(name)
    return form if all(_fits(form, value) for value in values) else None


def _iso(values: list[str]) -> TimeForm | None:
    form = TimeForm(None)
    try:
        found = [form.read(value) for value in values]
    except ValueError:
        return None
    return TimeForm(
        None,
        naive=any(one.tzinfo is None for one in found),
        days=all(len(value) <= len("2026-03-01") for value in values),
    )


def _strptime_forms(example: str) -> Iterable[TimeForm]:
    """Yield the forms that a value may have: several of the day, one of the time of day."""
    parts = _CLOCKED.fullmatch(example)
    if parts is None:
        yield from (TimeForm(date, order, naive=True, days=True) for date, order in _DATES)
        return
    hour = "%I:%M" if parts["half"] else "%H:%M"
    seconds = (":%S" if parts["seconds"] else "") + (".%f" if parts["places"] else "")
    half = parts["half"][:-2] + "%p" if parts["half"] else ""
    zone = parts["zone"] or ""
    utc = zone.strip() in {"UTC", "GMT"}
    offset = zone if utc or not zone else f"{zone[: len(zone) - len(zone.lstrip())]}%z"
    for date, order in _DATES:
        yield TimeForm(
            f"{date}{parts['joint']}{hour}{seconds}{half}{offset}", order, naive=utc or not zone, utc=utc
        )


def in_file_order(form: TimeForm, values: list[str]) -> bool:
    """Return whether values go one way in time, as exports do, up or down."""
    moments = [form.read(value).replace(tzinfo=None) for value in values]
    steps = list(pairwise(moments))
    ways: tuple[Callable[[datetime, datetime], bool], ...] = (datetime.__le__, datetime.__ge__)
    return any(all(way(one, next_) for one, next_ in steps) for way in ways)
