"""What tells the rows of orders apart: the id of an order, or that of each of its lines."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
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


def purchase_id(orders: Orders) -> tuple[Field, str | None]:
    """Return how the id of a purchase is found, and how it is followed if several rows tell of it."""
    column, rows = orders.columns.get("event_id"), orders.rows()
    if column is None:
        parts, lost = _telling(orders, _whose_and_when(orders), rows)
        note = f"{DECIDE}no column has an id for each row, so others make one; rows that are alike count once"
        return _joined(parts, [note, *_lost(lost)]), None
    again = repeated(column.values[row] for row in rows)
    notes = rounded(column)
    if not again:
        return _joined([column], notes), None
    share = f"{len(again):,} ids of {column.name} have several rows; "
    later = _changed(orders)
    if later is not None:
        changed, time = later
        notes.append(f"{DECIDE}{share}each is taken for the order as it was at {changed.name}. Is that so?")
        return _joined([column], notes), followed(path(column.name), "total", time)
    amounts: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        amounts[column.values[row]].add(orders.money.values[row])
    if orders.quantity is None and all(len(amounts[one]) == 1 for one in again):
        notes.append(
            f"{DECIDE}{share}all have one amount, so the first counts. Is it of the order, not of the line?"
        )
        return _joined([column], notes), None
    parts, lost = _telling(orders, [column], rows)
    notes.append(f"{DECIDE}{share}each is taken for a line of the order, with its own amount. Is that so?")
    return _joined(parts, [*notes, *_lost(lost)]), None


def refund_id(orders: Orders) -> Field:
    """Return how the id of a row that is a refund is found."""
    column, rows = orders.columns.get("event_id"), orders.rows(back=True)
    parts, notes = _whose_and_when(orders) if column is None else [column], []
    lost = 0
    if column is None or repeated(column.values[row] for row in rows):
        parts, lost = _telling(orders, parts, rows)
    if column is not None and len(parts) > 1:
        notes.append(f"{GUESS}several refunds of one order are told apart by {_names(parts[1:])}")
    found = Found(_expression(parts), {"prefix": quoted("refund-")})
    return Field("event_id", [str(found)], [*notes, *_lost(lost)])


def order_id(orders: Orders) -> str:
    """Return the expression for the id of the order of a row."""
    column = orders.columns.get("event_id")
    if column is not None:
        return path(column.name)
    return _expression(_telling(orders, _whose_and_when(orders), orders.rows())[0])


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


def _joined(parts: list[Column], notes: list[str]) -> Field:
    return Field("event_id", [quoted(_expression(parts))], notes)
