"""How the amount of a row of orders is found, and its currency."""

from dataclasses import replace
from typing import Final

from streams.adapt.suggest.fields import number, places, text
from streams.adapt.suggest.names import PURCHASES, only_currencies
from streams.adapt.suggest.numbers import currency_of
from streams.adapt.suggest.purchases.orders import Orders
from streams.adapt.suggest.sheet import Column
from streams.adapt.suggest.toml import (
    DECIDE,
    GUESS,
    Field,
    Found,
    always,
    literal,
    path,
    quoted,
    shown,
    table,
    without,
)

_CENTS: Final = frozenset(("cents", "cent", "ct", "pence", "minor"))
_NO_CENTS: Final = frozenset(("JPY", "KRW", "CLP", "ISK", "VND", "XAF", "XOF", "PYG", "UGX"))
"""Currencies whose smallest unit is the currency itself."""
_ENOUGH: Final = 10


def amount_of(orders: Orders, *, back: bool = False) -> Field:
    """Return how the amount is found; of a refund without the sign that it has."""
    cents = bool(_CENTS & set(orders.money.tokens))
    form = replace(orders.form, marks=orders.marks.dropped, signs=orders.form.signs if back else ())
    found = number("amount", orders.money, form, unit="cents" if cents else None)
    if orders.quantity is not None:
        product = f"times({_plain(orders.money, form.marks, back)}, {_plain(orders.quantity, (), back)})"
        options = {"unit": quoted("cents")} if cents else {}
        counted = orders.quantity.number
        said = [] if counted is None else places(orders.quantity, counted)
        notes = [*_product_notes(orders), *found.notes[1:], *said]
        found = Field("amount", [str(Found(product, options))], notes)
    if orders.form.whole and not orders.form.dashes and not cents and len(orders.money.words) >= _ENOUGH:
        found.notes.append(
            f"{DECIDE}no amount has places: does it count the currency, as is taken, or cents?"
        )
    currency = orders.columns.get("currency")
    whole = [] if currency is None else [word for word in currency.words if word.upper() in _NO_CENTS]
    if cents and whole:
        found.notes.append(
            f"{DECIDE}amounts in {shown(whole)} are divided by 100, as all: do they count hundredths too?"
        )
    return found


def _product_notes(orders: Orders) -> list[str]:
    price, quantity = orders.money, orders.quantity
    if quantity is None or price.tokens in PURCHASES["price"]:
        return [f"{GUESS}no column has the whole amount, so it is price times quantity"]
    note = (
        f"{DECIDE}{price.name} is taken for the price of one piece, so the amount is {price.name} times "
        f"{quantity.name}. If it is that of the whole row, take it alone."
    )
    return [note]


def _plain(column: Column, marks: tuple[str, ...], back: bool) -> str:
    """Return the expression for a number as `times` takes it: with a point, without groups and marks.

    What is written in two ways in one column is left, and refused: nothing is guessed.
    """
    form = column.number
    if form is None:
        return path(column.name)
    parts = [*form.dashes, *marks, *(form.signs if back else ())]
    seen = set("".join(column.words))
    parts += [blank for blank in (" ", "\u00a0") if blank in seen]
    if form.mixed:
        return without(path(column.name), parts)
    groups = "." if form.decimal == "comma" else ","
    bare = without(path(column.name), [*parts, *({groups} & seen)])
    return f"replace({bare}, ',', '.')" if form.decimal == "comma" else bare


def currency_field(orders: Orders) -> tuple[Field, str | None]:
    """Return how the currency is found, and which it is if it is one."""
    column = orders.columns.get("currency")
    if column is not None and only_currencies(column):
        words = list(column.words)
        return text("currency", column), words[0] if len(words) == 1 else None
    if column is not None:
        known = {word: currency_of(word.upper()) for word in column.words}
        pairs = {word: quoted(code) for word, code in known.items() if code}
        notes = [f"{GUESS}the currencies of {shown(pairs)}"]
        unknown = [word for word, code in known.items() if not code]
        if unknown:
            notes.append(f"{DECIDE}which currency is meant by {shown(unknown)}?")
        found = Found(path(column.name), {"words": table(pairs)})
        codes = {code for code in known.values() if code}
        return Field("currency", [str(found)], notes), codes.pop() if len(codes) == 1 else None
    return _by_marks(orders)


def _by_marks(orders: Orders) -> tuple[Field, str | None]:
    codes = orders.marks.codes
    if not codes:
        own = orders.clues.currency
        note = (
            f"{DECIDE}no column tells the currency; {own} is your RETENTION_REPORTING_CURRENCY. Is it right?"
        )
        # Signs of currencies are no part of a number for a mapping, so these would count as yours.
        signs = [f"!contains({path(orders.money.name)}, {literal(sign)})" for sign in orders.marks.signs]
        if signs:
            return Field("currency", [quoted(" && ".join([*signs, literal(own)]))], [note]), own
        return always("currency", own, note), own
    only = set(codes.values())
    said = [f"{GUESS}{mark} is {code}" for mark, code in codes.items() if mark != code]
    if len(only) == 1 and orders.marks.everywhere:
        return always("currency", min(only), *said), min(only)
    where = path(orders.money.name)
    ways = [quoted(f"contains({where}, {literal(mark)}) && {literal(code)}") for mark, code in codes.items()]
    if not orders.marks.everywhere:
        last = table({"value": quoted(min(only))})
        said.append(
            f"{DECIDE}some amounts have no mark of a currency, and are refused. Which is theirs? If it is "
            f"{min(only)}, add {last} to this list."
        )
    return Field("currency", ways, said), None
