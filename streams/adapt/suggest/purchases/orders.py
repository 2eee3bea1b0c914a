"""A file of orders as it is taken apart: its columns, and what was found out about its rows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from streams.adapt.suggest.fields import SHOWN, Clues, Customer, Timed, customer, guarded, skip_rule, timed
from streams.adapt.suggest.names import PURCHASES, assigned, is_price
from streams.adapt.suggest.numbers import NumberForm, marks_of, negative
from streams.adapt.suggest.purchases.marks import Marks, marks_beside
from streams.adapt.suggest.sheet import NOTHING, Column, Sheet
from streams.adapt.suggest.toml import DECIDE, GUESS, literal, one_of, path, shown, without
from streams.adapt.suggest.words import FLAGS, ORDERS, SKIPPED, meanings, share_known

_BACK: Final = ("refunded", "chargeback")
_MOST_WORDS: Final = 12
_KNOWN: Final = 0.8
_HALF: Final = 0.5


@dataclass
class Words:
    """What the words of a column of states or kinds say about each row."""

    column: Column
    meaning: dict[str, str]

    def of(self, *meanings_: str) -> list[str]:
        """Return the words that mean one of some things."""
        return [word for word in self.column.words if self.meaning.get(word) in meanings_]

    def rows(self, *meanings_: str) -> list[bool]:
        """Return of which rows the word means one of some things."""
        words = set(self.of(*meanings_))
        return [value in words for value in self.column.values]


@dataclass
class Orders:
    """A file of orders, taken apart."""

    sheet: Sheet
    columns: dict[str, Column]
    time: Timed
    customer: Customer
    clues: Clues
    words: list[Words]
    money: Column
    """The amount of a row, or the price of one piece."""
    form: NumberForm
    """How it is written."""
    marks: Marks
    quantity: Column | None
    """By which the price of one piece is multiplied."""
    notes: list[str] = field(default_factory=list)
    skips: list[str] = field(default_factory=list)
    skipped: list[bool] = field(default_factory=list)
    back: list[bool] = field(default_factory=list)
    """Rows that are refunds."""
    is_back: list[str] = field(default_factory=list)
    """Conditions, one of which is true of rows that are refunds."""
    later: list[str] = field(default_factory=list)
    """Words of orders that were refunded after they were written down."""

    def rows(self, *, back: bool = False) -> list[int]:
        """Return the rows that are purchases, or refunds."""
        pairs = zip(self.skipped, self.back, strict=True)
        return [row for row, (skipped, is_back) in enumerate(pairs) if not skipped and is_back is back]


def taken_apart(sheet: Sheet, clues: Clues) -> Orders | None:
    """Return a file of orders, taken apart; None if it does not say who bought what, and when."""
    columns = assigned(sheet.columns, PURCHASES)
    if (
        "quantity" in columns
        and "price" not in columns
        and "amount" in columns
        and is_price(columns["amount"])
    ):
        columns["price"] = columns.pop("amount")
    whose = customer(sheet.columns, columns)
    when, quantity = columns.get("time"), columns.get("quantity")
    money = columns.get("amount") or (None if quantity is None else columns.get("price"))
    if whose is None or when is None or money is None or money.number is None:
        return None
    clock = columns.get("clock")
    time = timed(when, clues)
    if clock is not None and time is not None and time.form.days:
        time = timed(when, clues, clock) or time
    if time is None:
        return None
    words = _word_columns(sheet, columns)
    marks = marks_beside(money, has_currency="currency" in columns, reporting=clues.currency)
    by = None if money is columns.get("amount") else quantity
    orders = Orders(sheet, columns, time, whose, clues, words, money, money.number, marks, by)
    orders.notes += marks.notes
    _skips(orders)
    _refunds(orders)
    return orders


def _word_columns(sheet: Sheet, columns: dict[str, Column]) -> list[Words]:
    """Return the columns that say what a row is: by their names, else by their words."""
    named = [columns[one] for one in ("kind", "status") if one in columns]
    told = [column for column in named if share_known(column.words, ORDERS) > _HALF] or [
        column
        for column in sheet.columns
        if 0 < len(column.words) <= _MOST_WORDS and share_known(column.words, ORDERS) >= _KNOWN
    ]
    return [Words(column, meanings(column.words, ORDERS)) for column in told]


def _skips(orders: Orders) -> None:
    """Find which rows are no events."""
    orders.skipped = [False] * len(orders.sheet.columns[0].values)
    if orders.customer.skip is not None:
        orders.skips.append(orders.customer.skip)
    _skip_further_lines(orders)
    for words in orders.words:
        for why in SKIPPED:
            found = words.of(why)
            if found:
                orders.skips.append(skip_rule(one_of(path(words.column.name), found), why))
                orders.skipped = _either(orders.skipped, words.rows(why))
        unknown = [word for word in words.column.words if word not in words.meaning]
        if unknown:
            orders.notes.append(
                f"{DECIDE}what do these words of {words.column.name} mean? They count as purchases: "
                f"{shown(islice(unknown, SHOWN))}"
            )
    test = orders.columns.get("test")
    true = (
        []
        if test is None
        else [word for word, means in meanings(test.words, FLAGS).items() if means == "true"]
    )
    if test is not None and true:
        orders.skips.append(skip_rule(one_of(path(test.name), true), "test order"))


def _skip_further_lines(orders: Orders) -> None:
    """Find rows that go on with the order of another row, which has the amount of all: as Shopify's do."""
    ids = orders.columns.get("event_id")
    if ids is None or orders.quantity is not None:
        return
    empty = [not value for value in orders.money.values]
    whole = {one for one, is_empty in zip(ids.values, empty, strict=True) if not is_empty}
    further = [one for one, is_empty in zip(ids.values, empty, strict=True) if is_empty]
    if further and all(not one or one in whole for one in further):
        nothing = f"!{path(orders.money.name)}"
        when = nothing if any(further) else f"!{path(ids.name)} && {nothing}"
        orders.skips.append(skip_rule(when, "further line of an order"))
        orders.skipped = _either(orders.skipped, empty)


def _either(one: list[bool], other: list[bool]) -> list[bool]:
    return [first or second for first, second in zip(one, other, strict=True)]


def _refunds(orders: Orders) -> None:
    """Find which rows are refunds: those below 0, and those whose mark or word says so."""
    below = _below_zero(orders)
    orders.back = below
    ids = orders.columns.get("event_id")
    for words in orders.words:
        found, rows = words.of(*_BACK), words.rows(*_BACK)
        positive = [is_back and not is_below for is_back, is_below in zip(rows, below, strict=True)]
        if not any(positive):
            continue
        if words.column is orders.columns.get("kind") or _have_orders(ids, rows):
            orders.is_back.append(one_of(path(words.column.name), found))
            orders.back = _either(orders.back, rows)
        else:
            orders.later = found
    partial = [word for words in orders.words for word in words.of("partial")]
    if partial and "refund" not in orders.columns:
        orders.notes.append(
            f"{DECIDE}no column tells what came back of orders that are {shown(partial)}; they count whole"
        )
    count = len(orders.rows(back=True))
    if sum(orders.back) > _HALF * len(orders.back):
        orders.notes.append(
            f"{DECIDE}{sum(orders.back) / len(orders.back):.0%} of the rows are taken for refunds. Is it so?"
        )
    elif count:
        orders.notes.append(f"{GUESS}{count:,} of {len(orders.back):,} rows are taken for refunds")


def _below_zero(orders: Orders) -> list[bool]:
    """Return of which rows the amount or the quantity is below 0, or has the mark of a credit."""
    below = [False] * len(orders.skipped)
    signed: list[str] = []
    for column in (orders.money, orders.columns.get("quantity")):
        form = None if column is None else column.number
        if column is None or form is None or not form.signs:
            continue
        rows = [negative(value) and value.lower() not in NOTHING for value in column.values]
        if any(first and second for first, second in zip(below, rows, strict=True)) and orders.quantity:
            both = " and ".join((*signed, column.name))
            orders.notes.append(f"{DECIDE}of some rows {both} are below 0; they are taken for refunds")
        below = _either(below, rows)
        signed.append(column.name)
        orders.is_back += _conditions(column, (sign for sign in form.signs if sign not in ")+"))
    if orders.marks.credit:
        below = _either(below, [bool(orders.marks.credit & marks_of(one)) for one in orders.money.values])
        orders.is_back += _conditions(orders.money, sorted(orders.marks.credit))
    return below


def _conditions(column: Column, parts: Iterator[str] | list[str]) -> list[str]:
    form = column.number
    where = without(path(column.name), () if form is None else form.dashes)
    return [guarded(f"contains({where}, {literal(part)})", column) for part in parts]


def _have_orders(ids: Column | None, rows: list[bool]) -> bool:
    """Return whether refunds stand beside the orders that they are of: their ids come in other rows too."""
    if ids is None:
        return False
    others = {one for one, is_back in zip(ids.values, rows, strict=True) if not is_back}
    of = [one for one, is_back in zip(ids.values, rows, strict=True) if is_back]
    return sum(one in others for one in of) > _HALF * len(of)
