"""What is wrong with a field, in words: the kind of mistake and what to write instead, never a value."""

import re
from collections.abc import Collection
from difflib import get_close_matches
from typing import Any, Final

A_TIME: Final = "2026-03-01T12:00:00Z"
_LONGEST: Final = 64
"""Characters of a time or an amount that are looked at: nobody means more."""
NEGATIVE: Final = "negative; money given back is a refund, with its amount above 0"

_DAY, _MINUTE, _OFFSET = "[0-9]{4}-[0-9]{2}-[0-9]{2}", "[0-9]{2}:[0-9]{2}", "([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)"
_CLOCK = rf"{_MINUTE}(:[0-9]{{2}}(\.[0-9]+)?)?"
_TIME_FAULTS: Final = [
    (re.compile(pattern), fault)
    for pattern, fault in (
        ("", "empty"),
        (r"[0-9]+(\.[0-9]+)?", f"a number of seconds or milliseconds; write {A_TIME}"),
        (_DAY, f"a day without a time of day; write {A_TIME}"),
        (f"{_DAY}[Tt ]{_CLOCK}", "no offset from UTC: add Z or +01:00 (to a Parquet column a time zone)"),
        (f"{_DAY}[Tt ]{_CLOCK}{_OFFSET}", ""),
        (r"\s.*|.*\s", "blanks around the time"),
        (f"{_DAY}[Tt ]{_MINUTE}:[0-9]{{2}},.*", "a comma before the places of a second; write a point"),
        (f"{_DAY}[Tt ]{_CLOCK} {_OFFSET}", "a blank before the offset; leave it out"),
        (rf"{_DAY}[Tt ]{_CLOCK} ?{_OFFSET}? ?[A-Za-z\[].*", "a zone by its name; write Z or +01:00"),
    )
]


def time_fault(text: str) -> str:
    """Return what keeps a text from being an RFC 3339 time with an offset."""
    if len(text) > _LONGEST:
        return "longer than any time"
    for pattern, fault in _TIME_FAULTS:
        if pattern.fullmatch(text):
            return fault or _odd_time(text)
    return f"not an RFC 3339 time with an offset, such as {A_TIME}"


def _odd_time(text: str) -> str:
    """Return what is wrong with a time that has the right shape."""
    if text < "2000":
        return "before the year 2000"
    if text[11:13] == "24":
        return "hour 24; write 00:00:00 of the next day"
    if text[16:19] == ":60":
        return "a leap second; write :59"
    places = re.search(r"\.([0-9]+)", text)
    return "more than 9 places of a second" if places and len(places[1]) > 9 else "no such day or time of day"


def decimal_fault(text: str, most_places: int) -> str:
    """Return what keeps a text from being a decimal with up to 12 digits and so many places."""
    if len(text) > _LONGEST:
        return "longer than any amount"
    for pattern, fault in _DECIMAL_FAULTS:
        if pattern.fullmatch(text):
            return fault
    if re.fullmatch(rf"[0-9]+\.[0-9]{{{most_places + 1},}}", text):
        return f"more than {most_places} places after the point"
    return "not a decimal, such as 12.50"


_DECIMAL_FAULTS: Final = [
    (re.compile(pattern), fault)
    for pattern, fault in (
        ("", "empty"),
        (r"-[0-9.,]+", NEGATIVE),
        (r"\+[0-9.,]+", "a plus sign; leave it out"),
        (r"\s.*|.*\s", "blanks around the number"),
        (r"[0-9]*,[0-9.,]*|[0-9.]*,[0-9]*", "a comma; write 1234.50, with a point and nothing else"),
        (r"[0-9.]+[eE][+-]?[0-9]+", "an exponent; write all digits"),
        (r"[0-9]+\.|\.[0-9]+", "no digit on one side of the point; write 0.50"),
        (r"[0-9]{13,}(\.[0-9]*)?", "more than 12 digits before the point"),
        (r"[^0-9.,+-]+\s?[0-9.,]+|[0-9.,]+\s?[^0-9.,]+", "a sign of a currency; it goes into `currency`"),
    )
]


_KINDS: Final = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}
_WANTED: Final = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "float_type": "a number",
    "dict_type": "an object",
    "tuple_type": "a list",
}
_EXAMPLES: Final = {
    **dict.fromkeys(("time", "original_time", "started_at", "ended_at", "snooze_until"), f'"{A_TIME}"'),
    **dict.fromkeys(("amount", "previous_amount"), '"12.50" (in Parquet a decimal)'),
    "exchange_rate": '"1.0843" (in Parquet a decimal)',
    **dict.fromkeys(
        (
            *("event_id", "customer_id", "contact_id", "alert_id", "order_id", "case_id", "account_id"),
            *("source", "parent_contact_id", "corrects"),
        ),
        '"0042" with all its zeros (in Parquet text or whole numbers)',
    ),
}
"""What to write in the fields that others often write as numbers."""
_NAMES_SHOWN: Final = 3
_NAMES_LOOKED_AT: Final = 100
_CLOSE: Final = 0.75
"""How alike two names are of which one may be meant for the other."""
_NAME: Final = re.compile(r"[A-Za-z_]{1,40}")


def kind_of(value: object) -> str:
    """Return what kind of JSON a value is."""
    return _KINDS.get(type(value), "null")


def type_fault(field: str, kind: str, value: object) -> str | None:
    """Return the words for a value of the wrong JSON type; None where `kind` is another mistake."""
    wanted = _WANTED.get(kind)
    if wanted is None:
        return None
    example = _EXAMPLES.get(field, "")
    fault = f"{kind_of(value)}, where {wanted} belongs{f', such as {example}' if example else ''}"
    if kind == "string_type" and type(value) in {int, float}:
        negative = f"; and {NEGATIVE}" if isinstance(value, int | float) and value < 0 else ""
        return f"{fault}{negative}"
    return fault


def limit_fault(  # noqa: PLR0911 - one for each kind
    kind: str, limits: dict[str, Any]
) -> str | None:
    """Return the words for a value beyond a limit of the contract; None where `kind` is another mistake."""
    match kind:
        case "missing":
            return "missing"
        case "literal_error":
            return f"not one of {limits['expected'].replace(chr(39), '')}"
        case "string_too_short":
            return "empty"
        case "string_too_long":
            return f"more than {limits['max_length']} characters"
        case "greater_than_equal":
            return f"below {limits['ge']}"
        case "less_than_equal":
            return f"above {limits['le']}"
        case _:
            return None


def unknown_fields(names: Collection[str], known: Collection[str]) -> str:
    """Return the words for fields that the contract does not have, with the one that may be meant.

    Only what reads like the name of a field is shown: an id or an address may stand there by mistake.
    """
    shown = sorted(name for name in names if _NAME.fullmatch(name))[:_NAMES_SHOWN]
    if not shown:
        return "unknown field"
    if len(names) > 1:
        more = f" and {len(names) - len(shown):,} more" if len(names) > len(shown) else ""
        return f"{', '.join(shown)}{more}: unknown fields"
    meant = get_close_matches(shown[0].lower(), known, n=1, cutoff=_CLOSE)
    return f"{shown[0]}: unknown field{f'; {meant[0]} is known' if meant else ''}"


def misspelt(field: str, unknown: Collection[str]) -> str | None:
    """Return the unknown field that may stand for a missing one."""
    names = sorted(name for name in unknown if _NAME.fullmatch(name))[:_NAMES_LOOKED_AT]
    return next(iter(get_close_matches(field, names, n=1, cutoff=_CLOSE)), None)
