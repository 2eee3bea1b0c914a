"""Damage to messages: fields dropped, added, retyped, doubled; odd texts and numbers; bytes changed."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final

from schemas.common import MAX_BYTES
from tests.schemas.lines import CANARY, FULL, TIME, Message

_TEXTS: Final = ("", " ", CANARY, "\u0000", "é", "\U0001f600", "5", "true", "null", "x" * 128, "x" * 129)
_NUMBERS: Final = (0, -0.0, 1, -1, 1.0, 5, 6, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63), 10**25, 0.1, 1e308)
_OTHERS: Final[tuple[object, ...]] = (
    None,
    True,
    False,
    [],
    {},
    [CANARY],
    {CANARY: CANARY},
    {"a": 1},
    [["policy"]],
    ["policy"],
)
_DECIMALS: Final = (
    *("0", "0.00", "1", "007", "0.005", "2.675", "12.345678", "999999999999", "999999999999.995", "1.", ".5"),
    *(
        "1e3",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "1.2345678",
        "0.123456789012",
        "0.1234567890123",
        "1234567890123",
        "\u0661",
        "1\u0662.5",
        "NaN",
        "1,5",
    ),
)
_CURRENCIES: Final = ("USD", "EUR", "JPY", "usd", "US", "USDX", "", "U5D", "\u0410BC", "USD\n")
_KINDS: Final = ("purchase", "refund", "correction", "subscription_changed", "subscription_cancelled")
_TIME_FIELDS: Final = ("time", "original_time", "started_at", "ended_at", "snooze_until")
_SECOND: Final = TIME.partition(".")[0]
_NEAR_TIMES: Final = tuple(
    _SECOND + rest
    for rest in (
        *(".481999Z", ".482999Z", ".483Z", ".482-00:01", ".482+00:01", "Z", ".4Z", ".4829Z"),
        *(
            ".482\u0664\u0665\u0666Z",
            ".\u0664\u0665\u0666123Z",
            ".48Z123",
            ".4821234Z",
            ".482999",
            ".482999z",
            ".482999999-0000",
            ".482+00",
        ),
    )
)
_NASTY_BYTES: Final = (
    *(
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999999",
        b"-1e-999999",
        b"9" * 400,
        b"9" * 5_000,
        b"0." + b"1" * 900,
    ),
    *(
        b"\\ud800",
        b"\\udc00",
        b"\\ud83d\\ude00",
        b"\\u0000",
        b"\\x",
        b"\\/",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xc0\x80",
    ),
    *(b"\x00", b"\x1f", b"\x7f", b"\n", b"\t", b" ", b"\xa0", b"\xef\xbb\xbf", b"[" * 250, b'{"a":' * 250),
    *(
        b",",
        b":",
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b"'",
        b"01",
        b"1.",
        b"-",
        b"+1",
        b"nul",
        b"true",
        b"//",
        b"0",
    ),
)


_UNKNOWN_VALUES: Final = (
    *(
        b'"gold"',
        b"1",
        b"-0.0",
        b"true",
        b"null",
        b"{}",
        b"[]",
        b'{"a":{"b":[1,{"c":null}]}}',
        b'{"a":1,"a":2}',
    ),
    *(b"1e999", b"-1e999", b"1e-999", b"NaN", b"-Infinity", b"01", b"1.", b"9" * 400, b"9" * 5_000),
    *(b"[" * 100 + b"]" * 100, b"[" * 250 + b"]" * 250, b'{"a":' * 1000 + b"1" + b"}" * 1000, b"[" * 1000),
    *(b'"\xff"', b'"\\ud800"', b'"\\x"', b'"\x00"', b'{"\xed\xa0\x80":1}', b'"' + b"x" * MAX_BYTES + b'"'),
)


def damaged(rng: Random, message: Message) -> bytes:
    """Return the message with up to three of its fields, then up to two places of its bytes, changed."""
    changed = dict(message)
    for _ in range(rng.choice((0, 0, 1, 1, 1, 2, 3))):
        changed = rng.choice(_OF_FIELDS)(rng, changed)
    raw = _spelt(rng, changed)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        raw = rng.choice(_OF_BYTES)(rng, raw)
    return raw


def with_unknown(rng: Random, raw: bytes) -> bytes:
    """Return one in three records with an unknown field: of any value, also of what is no JSON."""
    if rng.random() < 2 / 3:
        return raw
    name = rng.choice((b"surprise", b"Type", b"amount ", b"", b"\\ud83d\\ude00", b"t\\u0079pe2", b"\\u0000"))
    member = b'"' + name + b'":' + rng.choice(_UNKNOWN_VALUES)
    if rng.random() < 0.5:
        return raw.replace(b"{", b"{" + member + b",", 1)
    return raw[:-1] + b"," + member + b"}"


def _spelt(rng: Random, message: Message) -> bytes:
    names = list(message)
    if rng.random() < 0.3:
        rng.shuffle(names)
    separators = rng.choice(((",", ":"), (", ", ": "), (" ,\t", "\r\n:")))
    shuffled = {name: message[name] for name in names}
    return json.dumps(shuffled, separators=separators, ensure_ascii=rng.random() < 0.5).encode()


def _drop(rng: Random, message: Message) -> Message:
    gone = rng.choice([*message, None])
    return {name: value for name, value in message.items() if name != gone}


def _add(rng: Random, message: Message) -> Message:
    name = rng.choice((CANARY, "Time", "amount ", "", "\u0000", *FULL[rng.choice(list(FULL))]))
    return {**message, name: _value(rng)}


def _retype(rng: Random, message: Message) -> Message:
    return {**message, rng.choice([*message, "attributes"]): _value(rng)}


def _value(rng: Random) -> Any:
    return rng.choice(rng.choice((_TEXTS, _NUMBERS, _OTHERS)))


def _number(rng: Random, message: Message) -> Message:
    numbers = [name for name, value in message.items() if isinstance(value, int | float)]
    return {**message, rng.choice(numbers): rng.choice(_NUMBERS)} if numbers else message


def _text(rng: Random, message: Message) -> Message:
    texts = [name for name, value in message.items() if isinstance(value, str)]
    return {**message, rng.choice(texts): rng.choice(_TEXTS)} if texts else message


def _null(rng: Random, message: Message) -> Message:
    return {**message, rng.choice([*message, "attributes"]): None}


def _swap_type(rng: Random, message: Message) -> Message:
    return {**message, "type": rng.choice((*FULL, "alert", CANARY, ""))}


def _money(rng: Random, message: Message) -> Message:
    fields: dict[str, object] = {
        "kind": rng.choice(_KINDS),
        "amount": rng.choice((*_DECIMALS, None)),
        "currency": rng.choice((*_CURRENCIES, "USD", "EUR", None)),
        "exchange_rate": rng.choice((*_DECIMALS, None, "1.0843", "1.084312345")),
    }
    few = rng.sample(list(fields), rng.randint(1, 4))
    return {**message, **{name: fields[name] for name in few}} if "kind" in message else message


def _before(rng: Random, message: Message) -> Message:
    fields: dict[str, object] = {
        "previous_amount": rng.choice((*_DECIMALS, None)),
        "corrects": rng.choice((CANARY, "", None)),
        "original_time": rng.choice((TIME, None)),
    }
    name = rng.choice(list(fields))
    return {**message, name: fields[name]} if "kind" in message else message


def _time(rng: Random, message: Message) -> Message:
    names = [name for name in _TIME_FIELDS if name in message]
    text = rng.choice(_NEAR_TIMES) if rng.random() < 0.3 else _odd_time(rng)
    return {**message, rng.choice(names): text} if names else message


def _odd_time(rng: Random) -> str:
    text = (
        f"{rng.choice((1999, 2000, 2023, 2024, 2024, 9999))}-{rng.randint(0, 13):02}-{rng.randint(0, 32):02}"
        f"T{rng.randint(0, 24):02}:{rng.randint(0, 60):02}:{rng.randint(0, 60):02}"
    )
    if rng.random() < 0.7:
        text += "." + "".join(rng.choices("0123456789", k=rng.choice((0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 9, 10))))
    text += rng.choice(
        ("Z", "Z", "Z", "+00:00", "-23:59", "+05:30", "+24:00", "-00:60", "z", "", "+0100", "-05")
    )
    if rng.random() < 0.4:
        at = rng.randrange(len(text) + 1)
        piece = rng.choice(
            ("", "0", "9", "Z", ":", ".", "+", "-", " ", "\n", "\u0665", "\u00b2", "123", "456")
        )
        text = text[:at] + piece + text[at + rng.choice((0, 0, 1, 1, 3)) :]
    return text


def _flip(rng: Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1 :]


def _truncate(rng: Random, raw: bytes) -> bytes:
    return raw[: rng.randrange(1, len(raw) + 1)]


def _insert(rng: Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.choice(_NASTY_BYTES) + raw[at:]


def _delete(rng: Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + raw[at + rng.choice((1, 1, 2, 5)) :] or raw


def _repeat(rng: Random, raw: bytes) -> bytes:
    first, last = sorted((rng.randrange(len(raw)), rng.randrange(len(raw))))
    return raw[:last] + raw[first:]


def _double_key(rng: Random, raw: bytes) -> bytes:
    name = rng.choice(list(FULL[rng.choice(list(FULL))]))
    value = rng.choice(
        (b"null", b"0", b"1", b'"USD"', b'"purchase"', b'"transaction"', b'"tick"', b"{}", b"[]")
    )
    member = b'"' + name.encode() + b'":' + value
    if rng.random() < 0.5:
        return raw.replace(b"{", b"{" + member + b",", 1)
    return raw[:-1] + b"," + member + b"}"


def _replace_number(rng: Random, raw: bytes) -> bytes:
    old = rng.choice((b"12.5", b"61.25", b":2", b":1", b": 3", b'"37.45"', b"90000"))
    return raw.replace(old, rng.choice(_NASTY_BYTES), 1)


def _pad(rng: Random, raw: bytes) -> bytes:
    missing = MAX_BYTES - len(raw) + rng.choice((-1, 0, 1))
    return rng.choice((raw + b" " * missing, raw.replace(CANARY.encode(), b"x" * missing, 1)))


_OF_FIELDS: Final[tuple[Callable[[Random, Message], Message], ...]] = (
    *(_drop, _add, _retype, _retype, _number, _text, _null, _swap_type),
    *(_money, _money, _money, _before, _time, _time, _time),
)
_OF_BYTES: Final[tuple[Callable[[Random, bytes], bytes], ...]] = (
    *(_flip, _flip, _truncate, _insert, _insert, _delete, _repeat, _double_key, _double_key),
    *(_replace_number, _replace_number, _pad),
)
