"""A source of transactions, proposed from the columns of a file of orders."""

from collections.abc import Iterable, Iterator
from typing import Final

from streams.adapt.suggest.fields import Clues, event_lines, number, source_lines, text, timed, zone_lines
from streams.adapt.suggest.purchases.money import amount_of, currency_field
from streams.adapt.suggest.purchases.orders import Orders, taken_apart
from streams.adapt.suggest.purchases.row_ids import purchase_id, refund_id, returned_id
from streams.adapt.suggest.sheet import Sheet
from streams.adapt.suggest.toml import (
    DECIDE,
    GUESS,
    Field,
    Found,
    always,
    one_of,
    path,
    quoted,
    shown,
    table,
    written,
)

_OWN_KINDS: Final = ("fee", "subscription_charge")


def purchases_lines(
    name: str, files: str, sheet: Sheet, clues: Clues
) -> tuple[list[str], list[str], str | None] | None:
    """Return the lines of the tables and of a source of transactions, and its one currency if it has one.

    None if the columns do not say who bought what, and when.
    """
    orders = taken_apart(sheet, clues)
    if orders is None:
        return None
    currency, only = currency_field(orders)
    lines = [
        *source_lines(
            name,
            files,
            sheet.separator,
            orders.notes,
            zone_lines([orders.time], clues),
            orders.skips,
        ),
        *_purchase(name, orders, currency),
        *_refund(name, orders, currency),
        *_refunded_later(name, orders, currency),
    ]
    return orders.customer.tables, lines, only


def _negated(conditions: list[str]) -> str:
    """Return the expression that is true if none of some conditions is."""
    only = len(conditions) == 1 and conditions[0].startswith("contains(")
    return f"!{conditions[0]}" if only else f"!({' || '.join(conditions)})"


def _purchase(name: str, orders: Orders, currency: Field) -> Iterator[str]:
    more = {"name": '"purchase"'}
    if orders.is_back:
        more["when"] = quoted(_negated(orders.is_back))
    ids, follow = purchase_id(orders)
    if follow is not None:
        more["follow"] = follow
    columns = orders.columns
    kinds = {
        word: written(words.meaning[word]) for words in orders.words[:1] for word in words.of(*_OWN_KINDS)
    }
    kind = always("kind", "purchase")
    if kinds:
        found = Found(path(orders.words[0].column.name), {"words": table(kinds), "other": quoted("purchase")})
        kind = Field("kind", [str(found)], [f"{GUESS}what {shown(kinds)} mean"])
    fields = [ids, orders.customer.field, orders.time.as_field("time"), kind, amount_of(orders), currency]
    fields += [text(one, columns[one]) for one in ("channel", "category") if one in columns]
    if "exchange_rate" in columns:
        fields.append(text("exchange_rate", columns["exchange_rate"]))
    return event_lines(name, "transaction", fields, more)


def _silent(one: Field) -> Field:
    """Return a field without what was said of it before."""
    return Field(one.name, one.ways)


def _back_fields(orders: Orders, currency: Field, ids: Field, amount: Field, *notes: str) -> list[Field]:
    """Return the fields of a refund, with what is said of its time."""
    time = str(orders.time.found)
    refunded = orders.columns.get("refund_time")
    later = None if refunded is None else timed(refunded, orders.clues)
    times = [Field("time", [time], list(notes))]
    if later is not None:
        times = [Field("time", [str(later.found), time], later.notes), Field("original_time", [time])]
    words = [word for words in orders.words[:1] for word in words.of("chargeback")]
    kind = always("kind", "refund")
    if words:
        pairs = table(dict.fromkeys(words, '"chargeback"'))
        found = Found(path(orders.words[0].column.name), {"words": pairs, "other": quoted("refund")})
        kind = Field("kind", [str(found)])
    return [ids, _silent(orders.customer.field), *times, kind, amount, _silent(currency)]


def _refund(name: str, orders: Orders, currency: Field) -> Iterable[str]:
    """Return the rule for rows that are refunds."""
    if not orders.is_back:
        return []
    fields = _back_fields(orders, currency, refund_id(orders), _silent(amount_of(orders, back=True)))
    more = {"name": quoted("refund"), "when": quoted(" || ".join(orders.is_back))}
    return event_lines(name, "transaction", fields, more)


def _refunded_later(name: str, orders: Orders, currency: Field) -> Iterable[str]:
    """Return the rule for orders of which a column says what came back, or a word that all did."""
    found = _came_back(orders)
    if found is None:
        return []
    when, amount, ids = found
    if orders.is_back:
        when = f"{_negated(orders.is_back)} && {when}"
    note = f"{GUESS}no column tells when it came back, so it counts from the time of the order"
    fields = _back_fields(orders, currency, ids, amount, note)
    return event_lines(name, "transaction", fields, {"name": quoted("returned"), "when": quoted(when)})


def _came_back(orders: Orders) -> tuple[str, Field, Field] | None:
    """Return of which orders something came back, how much, and its id; None if nothing says so."""
    refund = orders.columns.get("refund")
    form = None if refund is None else refund.number
    if refund is not None and form is not None:
        zeros = [value for value in refund.words if not any(digit in value for digit in "123456789")]
        zeros += refund.holes
        amount = number("amount", refund, form)
        rows = [row for row in orders.rows() if (value := refund.values[row]) and value not in zeros]
        amount.notes.append(
            f"{GUESS}{refund.name} is what came back of the order in its row; {len(rows):,} rows have it"
        )
        where = path(refund.name)
        when = f"!({one_of(where, zeros)}) && {where}" if zeros else where
        return when, amount, returned_id(orders, refund, rows)
    if not orders.later:
        return None
    words = next(words for words in orders.words if set(orders.later) <= set(words.column.words))
    amount = _silent(amount_of(orders))
    rows = [row for row in orders.rows() if words.column.values[row] in orders.later]
    amount.notes.append(
        f"{DECIDE}{len(rows):,} rows that are {shown(orders.later)} are taken for orders of which all came "
        "back: a purchase, and a refund. If they are the refunds alone, let the purchase leave them out."
    )
    return one_of(path(words.column.name), orders.later), amount, returned_id(orders, orders.money, rows)
