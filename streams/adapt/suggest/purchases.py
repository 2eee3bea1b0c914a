"""A source of transactions, proposed from the columns of a file of orders."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from streams.adapt.suggest.fields import (
    SHOWN,
    Clues,
    Customer,
    Timed,
    customer,
    event_lines,
    followed,
    joined,
    number,
    repeated,
    skip_rule,
    source_lines,
    text,
    timed,
    zone_lines,
)
from streams.adapt.suggest.names import PURCHASES, assigned, only_currencies
from streams.adapt.suggest.numbers import NumberForm, currency_of, negative
from streams.adapt.suggest.sheet import Column, Sheet
from streams.adapt.suggest.toml import (
    DECIDE,
    GUESS,
    Field,
    Found,
    always,
    literal,
    one_of,
    path,
    quoted,
    shown,
    table,
    written,
)
from streams.adapt.suggest.words import FLAGS, ORDERS, SKIPPED, meanings, share_known

_CENTS: Final = frozenset(("cents", "cent", "ct", "pence", "minor"))
_BACK: Final = ("refunded", "chargeback")
_OWN_KINDS: Final = ("fee", "subscription_charge")
_MOST_WORDS: Final = 12
_KNOWN: Final = 0.8
_HALF: Final = 0.5
_ENOUGH: Final = 10


@dataclass
class _Words:
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
class _Orders:
    """A file of orders as it is taken apart: its columns, and what was found out about its rows."""

    sheet: Sheet
    columns: dict[str, Column]
    time: Timed
    customer: Customer
    clues: Clues
    words: list[_Words]
    amount: Column | None
    form: NumberForm | None
    notes: list[str] = field(default_factory=list)
    skips: list[str] = field(default_factory=list)
    skipped: list[bool] = field(default_factory=list)
    back: list[bool] = field(default_factory=list)
    """Rows that are refunds."""
    is_back: list[str] = field(default_factory=list)
    """Conditions, one of which is true of rows that are refunds."""
    later: list[str] = field(default_factory=list)
    """Words of orders that were refunded after they were written down."""


def purchases_lines(
    name: str, files: str, sheet: Sheet, clues: Clues
) -> tuple[list[str], list[str], str | None] | None:
    """Return the lines of the tables and of a source of transactions, and its one currency if it has one.

    None if the columns do not say who bought what, and when.
    """
    orders = _taken_apart(sheet, clues)
    if orders is None:
        return None
    _skips(orders)
    _refunds(orders)
    currency, only = _currency(orders)
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


def _taken_apart(sheet: Sheet, clues: Clues) -> _Orders | None:
    columns = assigned(sheet.columns, PURCHASES)
    whose = customer(sheet.columns, columns)
    amount, when = columns.get("amount"), columns.get("time")
    if whose is None or when is None or not (amount or {"price", "quantity"} <= columns.keys()):
        return None
    clock = columns.get("clock")
    time = timed(when, clues)
    if clock is not None and time is not None and time.form.days:
        time = timed(when, clues, clock) or time
    if time is None:
        return None
    form = None if amount is None else amount.number
    return _Orders(sheet, columns, time, whose, clues, _word_columns(sheet, columns), amount, form)


def _word_columns(sheet: Sheet, columns: dict[str, Column]) -> list[_Words]:
    """Return the columns that say what a row is: by their names, else by their words."""
    named = [columns[one] for one in ("kind", "status") if one in columns]
    told = [column for column in named if share_known(column.words, ORDERS) > _HALF] or [
        column
        for column in sheet.columns
        if 0 < len(column.words) <= _MOST_WORDS and share_known(column.words, ORDERS) >= _KNOWN
    ]
    return [_Words(column, meanings(column.words, ORDERS)) for column in told]


def _skips(orders: _Orders) -> None:
    """Find which rows are no events."""
    orders.skipped = [False] * len(orders.sheet.columns[0].values)
    if orders.customer.skip is not None:
        orders.skips.append(orders.customer.skip)
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


def _either(one: list[bool], other: list[bool]) -> list[bool]:
    return [first or second for first, second in zip(one, other, strict=True)]


def _refunds(orders: _Orders) -> None:
    """Find which rows are refunds: those below 0, and those whose word says so."""
    amount, form = orders.amount, orders.form
    below = [False] * len(orders.skipped)
    if amount is not None and form is not None and form.signs:
        below = [negative(value) for value in amount.values]
        where = path(amount.name)
        signs = [sign for sign in form.signs if sign not in ")+"]
        orders.is_back += [f"contains({where}, {literal(sign)})" for sign in signs]
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


def _have_orders(ids: Column | None, rows: list[bool]) -> bool:
    """Return whether refunds stand beside the orders that they are of: their ids come in other rows too."""
    if ids is None:
        return False
    others = {one for one, is_back in zip(ids.values, rows, strict=True) if not is_back}
    of = [one for one, is_back in zip(ids.values, rows, strict=True) if is_back]
    return sum(one in others for one in of) > _HALF * len(of)


def _currency(orders: _Orders) -> tuple[Field, str | None]:
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
    return _currency_of_marks(orders)


def _currency_of_marks(orders: _Orders) -> tuple[Field, str | None]:
    marks = orders.form.marks if orders.form is not None else ()
    codes = {mark: code for mark in marks if (code := currency_of(mark))}
    if not codes or orders.amount is None:
        own = orders.clues.currency
        note = (
            f"{DECIDE}no column tells the currency; {own} is your RETENTION_REPORTING_CURRENCY. Is it right?"
        )
        return always("currency", own, note), own
    if len(codes) == 1:
        (mark, code), *_ = codes.items()
        said = [f"{GUESS}{mark} is {code}"] if mark != code else []
        return always("currency", code, *said), code
    where = path(orders.amount.name)
    ways = [quoted(f"contains({where}, {literal(mark)}) && {literal(code)}") for mark, code in codes.items()]
    return Field("currency", ways, [f"{GUESS}the currencies of {shown(codes)}"]), None


def _negated(conditions: list[str]) -> str:
    """Return the expression that is true if none of some conditions is."""
    only = len(conditions) == 1 and conditions[0].startswith("contains(")
    return f"!{conditions[0]}" if only else f"!({' || '.join(conditions)})"


def _amount(orders: _Orders, *, back: bool = False) -> Field:
    """Return how the amount is found; of a refund without the sign that it has."""
    if orders.amount is None or orders.form is None:
        price, quantity = (path(orders.columns[one].name) for one in ("price", "quantity"))
        note = f"{GUESS}no column has the whole amount, so it is price times quantity"
        return Field("amount", [quoted(f"times({price}, {quantity})")], [note])
    cents = bool(_CENTS & set(orders.amount.tokens))
    form = orders.form if back else replace(orders.form, signs=())
    found = number("amount", orders.amount, form, unit="cents" if cents else None)
    if orders.form.whole and not cents and len(orders.amount.words) >= _ENOUGH:
        found.notes.append(
            f"{DECIDE}no amount has places: does it count the currency, as is taken, or cents?"
        )
    return found


def _purchase(name: str, orders: _Orders, currency: Field) -> Iterator[str]:
    more = {"name": '"purchase"'}
    if orders.is_back:
        more["when"] = quoted(_negated(orders.is_back))
    ids, follow = _purchase_id(orders)
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
    fields = [ids, orders.customer.field, orders.time.as_field("time"), kind, _amount(orders), currency]
    fields += [text(one, columns[one]) for one in ("channel", "category") if one in columns]
    if "exchange_rate" in columns:
        fields.append(text("exchange_rate", columns["exchange_rate"]))
    return event_lines(name, "transaction", fields, more)


def _row_id(orders: _Orders) -> str:
    """Return the expression for an id of a row that has none: who, when, how much."""
    whole = orders.amount or orders.columns["price"]
    whose = [path(orders.columns["customer_id"].name)] if "customer_id" in orders.columns else []
    return joined(*whose, path(orders.columns["time"].name), path(whole.name))


def _purchase_id(orders: _Orders) -> tuple[Field, str | None]:
    """Return how the id of a purchase is found, and how it is followed if several rows tell of it."""
    column = orders.columns.get("event_id")
    if column is None:
        note = f"{DECIDE}no column has an id for each row, so others make one; rows that are alike count once"
        return Field("event_id", [quoted(_row_id(orders))], [note]), None
    where = path(column.name)
    rows = [
        row
        for row, (skipped, back) in enumerate(zip(orders.skipped, orders.back, strict=True))
        if not skipped and not back
    ]
    again = repeated(column.values[row] for row in rows)
    if not again:
        return Field("event_id", [quoted(where)]), None
    share = f"{len(again):,} ids of {column.name} have several rows; "
    changed = orders.columns.get("changed")
    if changed is not None:
        later = timed(changed, orders.clues)
        if later is not None:
            note = f"{DECIDE}{share}each is taken for the order as it was at {changed.name}. Is that so?"
            return Field("event_id", [quoted(where)], [note]), followed(where, "total", later)
    line = orders.columns.get("line")
    amount = orders.amount or orders.columns["price"]
    amounts: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        amounts[column.values[row]].add(amount.values[row])
    if all(len(amounts[one]) == 1 for one in again):
        note = (
            f"{DECIDE}{share}all have one amount, so the first counts. Is it of the order, not of the line?"
        )
        return Field("event_id", [quoted(where)], [note]), None
    other = amount if line is None else line
    note = f"{DECIDE}{share}each is taken for a line of the order, with its own amount. Is that so?"
    return Field("event_id", [quoted(joined(where, path(other.name)))], [note]), None


def _silent(one: Field) -> Field:
    """Return a field without what was said of it before."""
    return Field(one.name, one.ways)


def _back_fields(orders: _Orders, currency: Field, ids: Field, amount: Field, *notes: str) -> list[Field]:
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


def _refund(name: str, orders: _Orders, currency: Field) -> Iterable[str]:
    """Return the rule for rows that are refunds."""
    if not orders.is_back:
        return []
    column = orders.columns.get("event_id")
    expression, notes = _row_id(orders), []
    if column is not None:
        expression = path(column.name)
        if repeated(one for one, back in zip(column.values, orders.back, strict=True) if back):
            parts = [path(one.name) for one in (orders.columns["time"], orders.amount) if one is not None]
            expression = joined(expression, *parts)
            notes.append(f"{GUESS}several refunds of one order are told apart by their time and amount")
    ids = Field("event_id", [str(Found(expression, {"prefix": quoted("refund-")}))], notes)
    fields = _back_fields(orders, currency, ids, _silent(_amount(orders, back=True)))
    more = {"name": quoted("refund"), "when": quoted(" || ".join(orders.is_back))}
    return event_lines(name, "transaction", fields, more)


def _refunded_later(name: str, orders: _Orders, currency: Field) -> Iterable[str]:
    """Return the rule for orders of which a column says what came back, or a word that all did."""
    found = _came_back(orders)
    if found is None:
        return []
    when, amount = found
    if orders.is_back:
        when = f"{_negated(orders.is_back)} && {when}"
    column = orders.columns.get("event_id")
    expression = _row_id(orders) if column is None else path(column.name)
    ids = Field("event_id", [str(Found(expression, {"prefix": quoted("returned-")}))])
    note = f"{GUESS}no column tells when it came back, so it counts from the time of the order"
    fields = _back_fields(orders, currency, ids, amount, note)
    return event_lines(name, "transaction", fields, {"name": quoted("returned"), "when": quoted(when)})


def _came_back(orders: _Orders) -> tuple[str, Field] | None:
    """Return of which orders something came back, and how much; None if nothing says so."""
    refund = orders.columns.get("refund")
    form = None if refund is None else refund.number
    if refund is not None and form is not None:
        zeros = [value for value in refund.words if not any(digit in value for digit in "123456789")]
        zeros += refund.holes
        amount = number("amount", refund, form)
        amount.notes.append(f"{GUESS}{refund.name} is what came back of the order in its row")
        where = path(refund.name)
        return f"!({one_of(where, zeros)}) && {where}" if zeros else where, amount
    if not orders.later:
        return None
    words = next(words for words in orders.words if set(orders.later) <= set(words.column.words))
    amount = _silent(_amount(orders))
    amount.notes.append(
        f"{DECIDE}rows that are {shown(orders.later)} are taken for orders of which all came back: "
        "a purchase, and a refund. If they are the refunds alone, let the purchase leave them out."
    )
    return one_of(path(words.column.name), orders.later), amount
