"""How a field is found in a column, and what is said of it: seen, guessed, or to be decided."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as field_
from itertools import islice
from typing import Final

from streams.adapt.suggest.numbers import CLOCK, NumberForm
from streams.adapt.suggest.sheet import Column, folded
from streams.adapt.suggest.times import Order, TimeForm, in_file_order, time_forms
from streams.adapt.suggest.toml import (
    DECIDE,
    GUESS,
    Field,
    Found,
    Value,
    comment,
    one_of,
    path,
    quoted,
    shown,
    table,
    without,
    written,
)
from streams.adapt.suggest.words import FLAGS, GUESTS, Vocabulary, meanings

SHOWN: Final = 12
"""Words that a comment shows."""
_US: Final = frozenset(
    f"America/{city}"
    for city in ("New_York", "Chicago", "Denver", "Los_Angeles", "Phoenix", "Detroit", "Boise", "Anchorage")
) | {"Pacific/Honolulu"}
"""Zones where dates begin with the month."""
_FLAGS: Final = frozenset(("true", "yes", "y", "t", "1", "false", "no", "n", "f", "0"))
"""Words for yes and no that a mapping knows by itself."""
_NAME: Final = re.compile(r"[^\W\d_]{2,}(,? [^\W\d_]+)+")
_ROUNDED: Final = re.compile(r"\d([.,]\d+)?[Ee]\+\d+")
_OFTEN: Final = 0.1
_TIMES: Final = 5
"""An id is asked about that has more than this share of the rows, and so many times the mean."""


@dataclass(frozen=True)
class Clues:
    """What is known beside the columns of one file."""

    currency: str
    """The reporting currency."""
    zone: str | None = None
    """Of times without an offset, if somebody said it."""
    orders: frozenset[Order] = frozenset()
    """What dates begin with, in all columns that leave no doubt."""


@dataclass
class Timed:
    """A time as it is found."""

    found: Found
    form: TimeForm
    notes: list[str] = field_(default_factory=list)

    def as_field(self, name: str) -> Field:
        """Return it as a field of ours."""
        return Field(name, [str(self.found)], self.notes)


def guarded(expression: str, column: Column) -> str:
    """Return an expression that finds nothing where a column holds what stands for nothing."""
    if not column.holes:
        return expression
    return f"!({one_of(path(column.name), column.holes)}) && {expression}"


def timed(column: Column, clues: Clues, clock: Column | None = None) -> Timed | None:
    """Return how a time is found in a column, with a second one for the time of day; None if it can't be."""
    expression, values = path(column.name), column.filled
    if clock is not None:
        expression = f"{expression} && join(' ', [{expression}, {path(clock.name)}])"
        pairs = zip(column.values, clock.values, strict=True)
        values = [f"{day} {time}" for day, time in pairs if day in column.words]
    forms = column.times if clock is None else time_forms(values)
    if not forms:
        return None
    form, notes = _chosen(forms, values, clues)
    seen = f"{column.name}: {shown(islice(dict.fromkeys(values), 2))}"
    if form.days:
        notes.append(f"{GUESS}{column.name} has no time of day: what happened counts from midnight")
    options = {} if form.form is None else {"time": quoted(form.form)}
    if form.utc:
        options["zone"] = quoted("UTC")
    return Timed(Found(guarded(expression, column), options), form, [seen, *notes])


def _chosen(forms: list[TimeForm], values: list[str], clues: Clues) -> tuple[TimeForm, list[str]]:
    if len(forms) == 1:
        return forms[0], []
    either = f"it can't be told from the values whether {forms[0].form} or {forms[1].form} is meant; "
    sorted_ = [form for form in forms if in_file_order(form, values)]
    if len(sorted_) == 1:
        return sorted_[0], [f"{GUESS}{either}with {sorted_[0].form} the rows are in the order of time"]
    alike = [form for form in forms if clues.orders == {form.order}]
    if alike:
        return alike[0], [f"{GUESS}{either}other columns begin with the {alike[0].order}"]
    order: Order = "month" if clues.zone in _US or "%p" in (forms[0].form or "") else "day"
    form = next((form for form in forms if form.order == order), forms[0])
    return form, [f"{DECIDE}{either}{form.form} is taken"]


def zone_lines(times: Iterable[Timed], clues: Clues) -> tuple[list[str], str | None]:
    """Return what is said of the zone of a source, and the zone; None if its times need none."""
    naive = next((time for time in times if time.form.naive and not time.form.utc), None)
    if naive is None:
        return [], None
    if clues.zone is not None:
        return [f"As --zone says, for times without an offset from UTC ({naive.notes[0]})."], clues.zone
    note = (
        f"{DECIDE}these times have no offset from UTC ({naive.notes[0]}). In which zone were they written? "
        "UTC is a mere placeholder; write one like Europe/Berlin."
    )
    return [note], "UTC"


def number(name: str, column: Column, form: NumberForm, *, unit: str | None = None) -> Field:
    """Return how a number is found in a column; without its sign."""
    options = {"decimal": quoted("comma")} if form.decimal == "comma" else {}
    if unit is not None:
        options["unit"] = quoted(unit)
    expression = guarded(without(path(column.name), (*form.dashes, *form.marks, *form.signs)), column)
    notes = [f"{column.name}: {shown(islice(column.words, 3))}", *places(column, form)]
    return Field(name, [str(Found(expression, options))], notes)


def places(column: Column, form: NumberForm) -> list[str]:
    """Return what is said of what separates places, unless the values of the column leave no doubt."""
    name = column.name
    if form.mixed:
        return [
            f"{DECIDE}some values of {name} have a point before their places, others a comma; which is right?"
        ]
    if form.sure or not form.groups:
        return []
    are_places = (form.decimal == "comma") == ("," in form.groups)
    taken, other = ("places", "thousands") if are_places else ("thousands", "places")
    if column.decimal_of:
        return [
            f"{GUESS}what separates three digits of {name} is for {taken}, as {column.decimal_of} is written"
        ]
    return [
        f"{DECIDE}is what separates three digits of {name} for {taken}, as is taken here, or for {other}?"
    ]


def duration(name: str, column: Column) -> Field | None:
    """Return how a duration is found in a column; None if it can't be."""
    if all(CLOCK.fullmatch(value) for value in column.filled):
        expression = guarded(path(column.name), column)
        notes = [f"{column.name}: {shown(islice(column.words, 2))}, as hours, minutes and seconds"]
        return Field(name, [str(Found(expression, {"unit": quoted("clock")}))], notes)
    form = column.number
    if form is None or form.signs:
        return None
    told = next((unit for unit in ("ms", "min", "s") if unit in column.tokens or unit in form.marks), None)
    units = {"ms": "ms", "min": "minutes"}
    found = number(name, column, form, unit=units.get(told or ""))
    if told is None:
        found.notes.append(f"{GUESS}it counts seconds")
    return found


def count(name: str, column: Column) -> Field | None:
    """Return how a count is found in a column: a number, or yes and no for 1 and 0."""
    form = column.number
    if form is not None:
        return None if form.signs or not form.whole else number(name, column, form)
    known = meanings(column.words, FLAGS)
    if len(known) < len(column.words):
        return None
    words: dict[str, Value] = {word: int(known[word] == "true") for word in known}
    return worded(name, column, words, note=f"{GUESS}yes is 1")


def flag(name: str, column: Column) -> Field | None:
    """Return how yes or no is found in a column; None if it has other words."""
    known = meanings(column.words, FLAGS)
    if len(known) < len(column.words):
        return None
    if not column.holes and {word.lower() for word in known} <= _FLAGS:
        return Field(name, [quoted(path(column.name))], [f"{column.name}: {shown(column.words)}"])
    return worded(name, column, {word: known[word] == "true" for word in known})


def vocabulary(name: str, column: Column, known: Vocabulary, *, least: float = 0.5) -> Field | None:
    """Return our words for those of a column, by a vocabulary; None if it has less than a share of them."""
    found = meanings(column.words, known)
    if not found or len(found) < least * len(column.words):
        return None
    return worded(name, column, dict(found))


def worded(
    name: str, column: Column, words: Mapping[str, Value], *, other: Value = "", note: str | None = None
) -> Field:
    """Return a field by words, with those that are not known in a comment."""
    notes = [] if note is None else [f"{column.name}: {shown(islice(column.words, SHOWN))}", note]
    missing = [word for word in column.words if word not in words]
    if missing and other == "":
        more = "" if len(missing) <= SHOWN else f", and {len(missing) - SHOWN} more"
        notes.append(
            f"{DECIDE}words of {column.name} that are left out: {shown(islice(missing, SHOWN))}{more}"
        )
    pairs = table({word: written(value) for word, value in words.items()})
    found = Found(path(column.name), {"words": pairs, "other": written(other)})
    return Field(name, [str(found)], notes)


@dataclass
class Customer:
    """How it is found whose a record is."""

    field: Field
    skip: str | None = None
    """The rule for records of nobody known."""
    tables: list[str] = field_(default_factory=list)
    """The lines of a look-up table that it needs."""


def customer(columns: list[Column], found: Mapping[str, Column]) -> Customer | None:
    """Return how it is found whose a record is; None if no column tells."""
    column = found.get("customer_id")
    if column is not None:
        return _by_id(column)
    email = address(columns)
    if email is not None:
        note = (
            f"{DECIDE}no column has a customer's id, so the address in {email.name} is taken, and will stand "
            "in alerts. Is it the same in all files? An id that says nothing is better."
        )
        return Customer(Field("customer_id", [quoted(f"lower({path(email.name)})")], [note]))
    phone = found.get("phone")
    return None if phone is None else _by_phone(phone)


def address(columns: Iterable[Column]) -> Column | None:
    """Return the first column of e-mail addresses: it stands for a customer's id where there is none."""
    return next((one for one in columns if one.filled and all("@" in value for value in one.filled)), None)


def _by_id(column: Column) -> Customer:
    expression, notes = path(column.name), rounded(column)
    if column.filled and all(value.endswith(".0") and value[:-2].isdigit() for value in column.filled):
        expression = f"replace({expression}, '.0', '')"
        notes.append(f"{GUESS}the .0 of {column.name} comes from a spreadsheet, and is no part of the id")
    if sum(bool(_NAME.fullmatch(one)) for one in column.words) > len(column.words) / 2:
        notes.append(
            f"{DECIDE}{column.name} looks like names. Two customers may share one, and it will stand in "
            "alerts: is there no id?"
        )
    if "user" in column.tokens:
        notes.append(f"{GUESS}{column.name} is the customer, not the agent")
    nobody = [word for word in column.words if folded(word) in GUESTS] + column.holes
    commonest, times = next(iter(column.words.most_common(1)))
    if commonest not in nobody and times > max(_OFTEN, _TIMES / len(column.words)) * len(column.values):
        notes.append(
            f"{DECIDE}one id has {times / len(column.values):.0%} of the rows. If it stands for guests or "
            "for a till, add a line to skip."
        )
    skip = None
    if nobody:
        skip = skip_rule(one_of(path(column.name), nobody), "guest or unknown customer")
    return Customer(Field("customer_id", [quoted(expression)], notes), skip)


def _by_phone(column: Column) -> Customer:
    options = {"lookup": quoted("phones"), "phone": quoted("US")}
    note = (
        f"{DECIDE}no column has a customer's id. With a file of the columns phone and customer_id, "
        f"`--lookup phones=FILE`, it is found by {column.name}; of which region are numbers without a +?"
    )
    tables = ["[lookup.phones]", 'key = "phone"', 'value = "customer_id"', 'phone = "US"', ""]
    return Customer(Field("customer_id", [str(Found(path(column.name), options))], [note]), None, tables)


def skip_rule(when: str, why: str) -> str:
    """Return a rule for records that are no events."""
    return table({"when": quoted(when), "why": quoted(why)})


def text(name: str, column: Column) -> Field:
    """Return a field whose text is taken as it is."""
    return Field(name, [quoted(guarded(path(column.name), column))])


def rounded(column: Column) -> list[str]:
    """Return what is said of ids that a spreadsheet has rounded."""
    if not any(_ROUNDED.fullmatch(value) for value in column.words):
        return []
    note = (
        f"{DECIDE}a spreadsheet has rounded ids of {column.name}, as 4.9E+12: several became one, and "
        "nothing tells them apart any more. Export them again, with the column as text."
    )
    return [note]


def repeated(ids: Iterable[str]) -> set[str]:
    """Return the ids that come more than once; the empty one does not count."""
    return {one for one, times in Counter(ids).items() if times > 1 and one}


def joined(first: str, *others: str) -> str:
    """Return the expression for an id that is made of several."""
    return f"join('-', [{', '.join((first, *others))}])"


def followed(by: str, way: str, time: Timed, part: Column | None = None) -> str:
    """Return how a thing is followed of which several rows tell, as TOML has it."""
    entries = {"by": by, "as": way, "time": time.found.expression}
    pairs = {key: quoted(value) for key, value in entries.items()}
    if "time" in time.found.options:
        pairs["time_form"] = time.found.options["time"]
    return table(pairs if part is None else pairs | {"part": quoted(path(part.name))})


def source_lines(  # noqa: PLR0913, PLR0917 - the keys of a source
    name: str,
    files: str,
    separator: str,
    notes: list[str],
    zone: tuple[list[str], str | None],
    skips: list[str],
) -> Iterator[str]:
    """Yield the lines of a source, up to its events."""
    yield f"[source.{name}]"
    yield f"files = {quoted(files)}"
    yield 'format = "csv"'
    if separator != ",":
        yield f"separator = {quoted(separator)}"
    said, where = zone
    for note in (*notes, *said):
        yield from comment(note)
    if where is not None:
        yield f"zone = {quoted(where)}"
    if skips:
        yield "skip = ["
        yield from (f"    {rule}," for rule in skips)
        yield "]"


def event_lines(name: str, to: str, fields: Iterable[Field], more: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of an event rule."""
    yield ""
    yield f"[[source.{name}.event]]"
    yield from (f"{key} = {value}" for key, value in more.items())
    yield f'to = "{to}"'
    yield ""
    yield f"[source.{name}.event.fields]"
    for one in fields:
        yield from one.lines()
