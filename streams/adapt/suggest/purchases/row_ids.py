"""What tells the rows of orders apart: the id of an order, or that of each of its lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from streams.adapt.suggest.fields import Timed, followed, joined, repeated, rounded, timed
from streams.adapt.suggest.purchases.orders import Orders
from streams.adapt.suggest.sheet import Column
from streams.adapt.suggest.toml import DECIDE, GUESS, Field, Found, path, quoted

_CHANGE: Final = frozenset(
    ("status", "kind", "test", "refund", "refund_time", "changed", "currency", "exchange_rate")
)
"""Columns that say another thing in the next export, or nothing of the line."""
_LONGEST: Final = 60
"""An id has 128 characters at most."""


@dataclass(frozen=True)
class _Told:
    """How the rows of purchases are told apart."""

    parts: list[Column]
    notes: list[str]
    follow: str | None = None
    repeats: bool = False
    """Whether each line of an order repeats the amount of all."""


def purchase_id(orders: Orders) -> tuple[Field, str | None]:
    """Return how the id of a purchase is found, and how it is followed if several rows tell of it."""
    told = _purchases(orders)
    return Field("event_id", [quoted(_expression(told.parts))], told.notes), told.follow


def _purchases(orders: Orders) -> _Told:
    column, rows = orders.columns.get("event_id"), orders.rows()
    if column is None:
        parts, lost = _telling(orders, _whose_and_when(orders), rows)
        note = f"{DECIDE}no column has an id for each row, so others make one; rows that are alike count once"
        return _Told(parts, [note, *_lost(lost)])
    again = repeated(column.values[row] for row in rows)
    notes = rounded(column)
    if not again:
        return _Told([column], notes)
    share = f"{len(again):,} ids of {column.name} have several rows; "
    later = _changed(orders)
    if later is not None:
        changed, time = later
        notes.append(f"{DECIDE}{share}each is taken for the order as it was at {changed.name}. Is that so?")
        return _Told([column], notes, followed(path(column.name), "total", time))
    if orders.quantity is None and _have_one_amount(column, orders.money, rows):
        notes.append(
            f"{DECIDE}{share}all have one amount, so the first counts. Is it of the order, not of the line?"
        )
        return _Told([column], notes, repeats=True)
    parts, lost = _telling(orders, [column], rows)
    notes.append(f"{DECIDE}{share}each is taken for a line of the order, with its own amount. Is that so?")
    return _Told(parts, [*notes, *_lost(lost)])


def _have_one_amount(ids: Column, money: Column, rows: Sequence[int]) -> bool:
    """Return whether all rows with one id have one amount."""
    return _different([ids, money], rows) == _different([ids], rows)


def refund_id(orders: Orders) -> Field:
    """Return how the id of a row that is a refund is found."""
    column, rows = orders.columns.get("event_id"), orders.rows(back=True)
    parts, notes = _whose_and_when(orders) if column is None else [column], []
    lost = 0
    if column is None:
        parts, lost = _telling(orders, parts, rows)
    elif again := repeated(column.values[row] for row in rows):
        if _purchases(orders).repeats and _have_one_amount(column, orders.money, rows):
            notes.append(
                f"{DECIDE}{len(again):,} ids of {column.name} have several refunds; all have one amount, so "
                "the first counts. Is it of the order, not of the line?"
            )
        else:
            parts, lost = _telling(orders, parts, rows)
    if column is not None and len(parts) > 1:
        notes.append(f"{GUESS}several refunds of one order are told apart by {_names(parts[1:])}")
    found = Found(_expression(parts), {"prefix": quoted("refund-")})
    return Field("event_id", [str(found)], [*notes, *_lost(lost)])


def returned_id(orders: Orders, amount: Column, rows: Sequence[int]) -> Field:
    """Return how the id of what came back of a purchase, in its own row, is found: as that of the purchase.

    An amount that each line of an order repeats is that of the order, and counts once.
    """
    column, parts, notes = orders.columns.get("event_id"), _purchases(orders).parts, []
    again = set() if column is None else repeated(column.values[row] for row in rows)
    if (
        column is not None
        and again
        and len(parts) > 1
        and amount is not orders.money
        and _have_one_amount(column, amount, rows)
    ):
        notes.append(
            f"{DECIDE}{len(again):,} ids of {column.name} have several rows with one {amount.name}, so the "
            "first counts. Is it of the order, not of the line?"
        )
        parts = [column]
    found = Found(_expression(parts), {"prefix": quoted("returned-")})
    return Field("event_id", [str(found)], notes)


def _changed(orders: Orders) -> tuple[Column, Timed] | None:
    changed = orders.columns.get("changed")
    later = None if changed is None else timed(changed, orders.clues)
    return None if changed is None or later is None else (changed, later)


def _whose_and_when(orders: Orders) -> list[Column]:
    """Return what tells a row apart that has no id: who, when, how much."""
    whose = [orders.columns["customer_id"]] if "customer_id" in orders.columns else []
    return [*whose, orders.columns["time"], orders.money]


def _telling(orders: Orders, parts: list[Column], rows: Sequence[int]) -> tuple[list[Column], int]:
    """Return columns that tell some rows apart, these first, and of how many rows they do not.

    What a line is of tells it from the others, else how much: that is the same in each export.
    """
    parts = list(parts)
    apart = _different(parts, rows)
    for column in _candidates(orders):
        if apart == len(rows):
            break
        if column in parts or any(len(word) > _LONGEST for word in column.words):
            continue
        more = _different([*parts, column], rows)
        if more > apart:
            parts.append(column)
            apart = more
    return parts, len(rows) - apart


def _candidates(orders: Orders) -> Iterator[Column]:
    named = orders.columns
    first = [named[one] for one in ("line",) if one in named] + [orders.money]
    first += [named[one] for one in ("quantity", "time", "category", "channel") if one in named]
    yield from first
    roles = [named[one] for one in _CHANGE | {"customer_id", "event_id"} if one in named]
    yield from (one for one in orders.sheet.columns if not any(one is other for other in (*first, *roles)))


def _different(parts: list[Column], rows: Sequence[int]) -> int:
    return len({tuple(column.values[row] for column in parts) for row in rows})


def _lost(rows: int) -> list[str]:
    if not rows:
        return []
    note = (
        f"{DECIDE}{rows:,} rows have the id of another row, for no column tells them apart. They will "
        "be dropped, as if sent twice. If they are lines, and no row is exported twice, add record.topic and "
        "text(record.offset) to the id: their file and their line."
    )
    return [note]


def _names(parts: list[Column]) -> str:
    return ", ".join(column.name for column in parts)


def _expression(parts: list[Column]) -> str:
    first, *others = (path(column.name) for column in parts)
    return joined(first, *others) if others else first
