"""Lines as other people write them: the field and the kind of mistake are named, a value never is."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from schemas.contact import Contact
from schemas.transaction import Transaction
from tests.lab.datasets import lines_of, run, write_lines
from tests.lab.others import Event, Read, call, calls, folder, read, sale, sales, spelled, without, words

CANARY: Final = "C4n4ry"
NUMBER: Final = 60_708_091
"""A canary of digits."""


def spoilt(path: Path, *lines: bytes, options: Sequence[str] = ()) -> Read:
    """Replay good purchases with these lines among them, from line 11 on."""
    return read(folder(path, [*sales(10), *lines, *sales(60)[10:]], calls(5)), *options)


MISTAKES: Final[dict[str, tuple[Event, str, str]]] = {
    "a negative amount": (sale(10, amount="-5.00"), "amount", "refund"),
    "an amount below one cent under 0": (sale(10, amount="-0.01"), "amount", "refund"),
    "a negative amount as a number": (sale(10, amount=-5.5), "amount", "refund|text|string|quot"),
    "an amount as a number": (sale(10, amount=42.1), "amount", "text|string|quot"),
    "an amount as a whole number": (sale(10, amount=42), "amount", "text|string|quot"),
    "an amount with a decimal comma": (sale(10, amount="42,10"), "amount", "comma|point|digit|decimal"),
    "an amount with a thousands' comma": (sale(10, amount="1,042.10"), "amount", "comma|point|digit|decimal"),
    "an amount with its currency": (sale(10, amount="$42.10"), "amount", "digit|decimal|number|symbol|sign"),
    "an amount that is not there": (sale(10, amount=None), "amount", "missing|null|empty"),
    "an empty amount": (sale(10, amount=""), "amount", "empty|digit|decimal|number"),
    "a time in seconds": (sale(10, time=1_577_836_800), "time", "text|string|quot|rfc|iso|epoch"),
    "a time in seconds, as text": (sale(10, time="1577836800"), "time", "seconds|rfc|iso|epoch|form"),
    "a time without a zone": (sale(10, time="2020-01-06T00:00:00"), "time", "zone|offset|utc"),
    "a day": (sale(10, time="2020-01-06"), "time", "time of day|rfc|iso|form|hour|date|clock|zone|utc"),
    "a day that is none": (sale(10, time="2020-02-30T00:00:00Z"), "time", "day|date|calendar|range|exist"),
    "a time as in Germany": (sale(10, time="06.01.2020 12:00"), "time", "rfc|iso|form"),
    "an id that is a number": (sale(10, customer_id=7), "customer_id", "text|string|quot"),
    "an empty id": (sale(10, customer_id=""), "customer_id", "empty|character|length|short"),
    "a long id": (sale(10, customer_id="x" * 129), "customer_id", "128|long|length"),
    "an unknown kind": (sale(10, kind="sale"), "kind", "purchase|one of"),
    "a kind in capitals": (sale(10, kind="Purchase"), "kind", "purchase|one of"),
    "a currency in small letters": (sale(10, currency="usd"), "currency", "4217|capital|upper|letter|code"),
    "a currency's sign": (sale(10, currency="$"), "currency", "4217|capital|upper|letter|code"),
    "another currency": (sale(10, currency="EUR"), "exchange_rate|currency", "rate|currency"),
    "a nested object": (sale(10, category={"name": "food"}), "category", "text|string"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_is_named_with_its_field(tmp_path: Path, kind: str) -> None:
    event, field, hint = MISTAKES[kind]
    found = spoilt(tmp_path / "shop", *spelled([event]))
    assert found.code == 0
    assert [place[:2] for place in found.places()] == [("transactions.jsonl", 11)]
    assert re.search(field, found.details()), found.details()
    assert re.search(hint, found.details()), found.details()
    assert re.search(field, found.said), found.said
    assert "line 11" in found.said


@pytest.mark.parametrize(("amount", "hint"), [("-0.01", True), ("0.00", False), ("0.01", False)])
def test_only_a_negative_amount_hints_at_refunds(tmp_path: Path, amount: str, *, hint: bool) -> None:
    found = spoilt(tmp_path / "shop", *spelled([sale(10, amount=amount)]))
    assert ("refund" in found.details()) == hint
    assert len(found.letters) == hint


FIELDS: Final = ("type", "event_id", "customer_id", "time", "source", "kind", "amount", "currency")


@pytest.mark.parametrize("field", FIELDS)
def test_a_missing_field_is_named_alone(tmp_path: Path, field: str) -> None:
    found = spoilt(tmp_path / "shop", *spelled([without(sale(10), field)]))
    (letter,) = found.letters
    assert re.search(rf"\b{field}\b", letter["detail"])
    assert re.search("missing|without|lacks|required|absent", found.details())
    others = [one for one in FIELDS if one not in {field, "type", "kind", "time", "source"}]
    assert not any(re.search(rf"\b{one}\b", letter["detail"]) for one in others)


@pytest.mark.parametrize("field", ["contact_id", "version", "channel", "time"])
def test_a_missing_field_of_a_contact_is_named_alone(tmp_path: Path, field: str) -> None:
    found = read(folder(tmp_path / "shop", sales(60), [*calls(5), *spelled([without(call(5), field)])]))
    (letter,) = found.letters
    assert (letter["file"], letter["line"]) == ("contacts.jsonl", 6)
    assert re.search(rf"\b{field}\b", letter["detail"])


JSON_MISTAKES: Final[dict[str, tuple[bytes, str]]] = {
    "NaN": (b'"amount": NaN', "nan|json|number"),
    "Infinity": (b'"amount": Infinity', "infinity|json|number"),
    "None": (b'"amount": None', "json|none"),
    "True": (b'"amount": True', "json|true"),
    "no quotes": (b"amount: 1", "json|quote"),
    "a comment": (b'"amount": "1.00" // one', "json|comment"),
}


@pytest.mark.parametrize("kind", JSON_MISTAKES)
def test_what_is_no_json_is_refused_and_located(tmp_path: Path, kind: str) -> None:
    instead, hint = JSON_MISTAKES[kind]
    (line,) = spelled([sale(10, amount="@")])
    found = spoilt(tmp_path / "shop", line.replace(b'"amount": "@"', instead))
    assert [place[:2] for place in found.places()] == [("transactions.jsonl", 11)]
    assert re.search(hint, found.details()), found.details()


# Never a value


def _lines(fields: list[str], make: Callable[..., Event], at: int) -> list[bytes]:
    values = (CANARY, [CANARY], {CANARY: CANARY}, NUMBER, -NUMBER - 0.5, f"{CANARY}\x1b[31m", f"-{NUMBER}.00")
    broken = [value for value in values if not isinstance(value, str)]
    each = [
        make(at, **{field: value})
        for field in fields
        for value in (broken if field == "customer_id" else values)
    ]
    bad_time = [make(at, **{field: CANARY, "time": CANARY}) for field in fields]
    return spelled(each + bad_time)


def _silent(found: Read) -> None:
    assert CANARY.lower() not in found.raw.lower()
    assert not re.search(r"60[,._ ]?708[,._ ]?091", found.raw)
    assert "\x1b" not in found.raw


@pytest.mark.parametrize("options", [(), ("--sort",), ("--strict", "--top", "0")])
def test_no_value_of_a_refused_line_is_shown(tmp_path: Path, options: tuple[str, ...]) -> None:
    sold = _lines(list(Transaction.model_fields), sale, 10)
    called = _lines(list(Contact.model_fields), call, 3)
    all_at_once = dict.fromkeys(
        ("customer_id", "event_id", "source", "order_id", "channel", "category"), CANARY
    )
    sold += spelled([sale(10, kind=CANARY, **all_at_once)])
    found = read(folder(tmp_path / "shop", [*sales(20), *sold], [*calls(5), *called]), *options)
    assert len(found.letters) > 150
    _silent(found)


@pytest.mark.parametrize(
    "line",
    [
        CANARY.encode(),
        b'{"type": "' + CANARY.encode(),
        b'{"type": "transaction" "' + CANARY.encode() + b'"}',
        b'"' + CANARY.encode() + b'"',
        str(NUMBER).encode(),
        b"[" + str(NUMBER).encode() + b"]",
        b'["' + CANARY.encode() + b'"]',
        b"event_id;" + CANARY.encode() + b";" + str(NUMBER).encode(),
        b"\xff" + CANARY.encode(),
        CANARY.encode("utf-16"),
        b'{"' + CANARY.encode() + b'": 1, "' + CANARY.encode() + b'": 2}',
        b'{"type": "' + CANARY.encode() + b'"}',
    ],
)
def test_no_text_of_a_broken_line_is_shown(tmp_path: Path, line: bytes) -> None:
    found = spoilt(tmp_path / "shop", line)
    assert len(found.letters) == 1
    _silent(found)
    _silent(read(folder(tmp_path / "all", [line] * 20, calls(5))))


@pytest.mark.parametrize(
    "name", [f"{CANARY}@example.com", "\x1b[31m", "[bold]", "\u202eevil", "x" * 5000, "a\nb", "<b>"]
)
def test_a_field_with_a_hostile_name_is_not_repeated_as_it_is(tmp_path: Path, name: str) -> None:
    """An unknown field is named; what can be no field's name is a value that slipped."""
    strict = spoilt(tmp_path / "strict", *spelled([sale(10, **{name: 1})]), options=["--strict-fields"])
    assert len(strict.letters) == 1
    assert name not in (strict.raw if name not in {"<b>", "a\nb"} else strict.details())
    _silent(strict)
    found = spoilt(tmp_path / "shop", *spelled([sale(10, **{name: 1})]))
    assert not found.letters
    assert "were left out: (odd name) (1)" in found.said
    assert name not in found.raw or name in {"<b>", "a\nb"}
    _silent(found)


UNKNOWN: Final[dict[str, tuple[str, str]]] = {
    "an unknown field": ("loyalty_points", "loyalty_points (1)"),
    "a field in capitals": ("Category", "category (1; did you mean category?)"),
    "a field as JavaScript writes it": ("orderId", "orderid (1; did you mean order_id?)"),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_an_unknown_field_is_left_out_and_told_or_refused_and_named(tmp_path: Path, kind: str) -> None:
    name, told = UNKNOWN[kind]
    found = spoilt(tmp_path / "shop", *spelled([sale(10, **{name: 7})]))
    assert not found.letters
    assert f"transactions.jsonl: fields that the contract does not have were left out: {told}" in found.said
    strict = spoilt(tmp_path / "strict", *spelled([sale(10, **{name: 7})]), options=["--strict-fields"])
    assert [letter["detail"].partition(":")[0] for letter in strict.letters] == [name]


def test_ids_of_doubles_late_and_future_lines_are_not_shown(tmp_path: Path) -> None:
    names = {"event_id": CANARY, "order_id": CANARY, "source": CANARY, "category": CANARY}
    lines = spelled(
        [
            sale(50, **names),
            sale(50, **names),
            sale(50, **names | {"order_id": f"{CANARY}-2"}),
            sale(0, **names | {"event_id": f"{CANARY}-3"}),
            sale(2000, **names | {"event_id": f"{CANARY}-4"}),
        ]
    )
    found = read(folder(tmp_path / "shop", [*sales(50), *lines, *sales(100)[51:]], calls(5)))
    assert len(found.letters) == 2
    _silent(found)


# Parquet


def _frame(amounts: pl.Series, times: pl.Series) -> pl.DataFrame:
    rows = [without(sale(at), "amount", "time") for at in range(40)]
    return pl.DataFrame(rows).with_columns(amounts.alias("amount"), times.alias("time"))


TEXTS: Final = pl.Series([f"{at + 1}.00" for at in range(40)])
MOMENTS: Final = pl.Series([datetime(2020, 1, at % 28 + 1, tzinfo=UTC) for at in range(40)]).sort()


@pytest.mark.parametrize(
    ("amounts", "times", "field", "hint"),
    [
        (TEXTS.cast(pl.Float64) / 3, MOMENTS, "amount", "in parquet a decimal"),
        (TEXTS, MOMENTS.dt.replace_time_zone(None), "time", "zone|offset|utc"),
        (TEXTS, MOMENTS.dt.date(), "time", "zone|offset|utc|date|day|clock|rfc"),
        (TEXTS, MOMENTS.dt.epoch("s"), "time", "number|text|timestamp|rfc|string"),
    ],
)
def test_parquet_is_read_by_the_rule_of_json(
    tmp_path: Path, amounts: pl.Series, times: pl.Series, field: str, hint: str
) -> None:
    """An amount that no decimal is, or a time without a zone, is refused in both, and why is said."""
    directory = folder(tmp_path / "shop", None, calls(5))
    _frame(amounts, times).write_parquet(directory / "transactions.parquet")
    found = read(directory)
    assert found.code == 65
    assert field in found.said
    assert re.search(hint, found.said.replace("timestamp", "") if field == "amount" else found.said), (
        found.said
    )


@pytest.mark.parametrize(
    "kind", [pl.Decimal(18, 2), pl.Decimal(38, 10), pl.Float64, pl.Int64, pl.UInt8], ids=str
)
def test_good_parquet_is_accepted(tmp_path: Path, kind: pl.DataType) -> None:
    """Also with an id of whole numbers, and one that has gaps, so that some tools keep it as floats."""
    directory = folder(tmp_path / "shop", None, calls(5))
    amounts = TEXTS.str.replace(r"\.00", "") if kind in {pl.Int64, pl.UInt8} else TEXTS
    table = _frame(amounts.cast(kind), MOMENTS).with_columns(
        pl.int_range(40).alias("event_id"),
        pl.when(pl.int_range(40) > 5).then(pl.int_range(40)).cast(pl.Float64).alias("order_id"),
    )
    table.write_parquet(directory / "transactions.parquet")
    found = read(directory, "--strict")
    assert (found.code, found.letters) == (0, [])
    assert "40 applied" in found.said


@pytest.mark.parametrize("command", ["replay", "explain", "calibrate"])
@pytest.mark.parametrize("currency", ["XXQ", "US", "USDX", "usd", "$", ""])
def test_a_currency_that_is_none_is_refused_at_the_option(
    tmp_path: Path, command: str, currency: str
) -> None:
    directory = folder(tmp_path / "shop", sales(40), calls(5))
    more = {"replay": (), "explain": ("--customer", "c-1"), "calibrate": ("--out", tmp_path / "out.toml")}
    done = run(command, directory, "--currency", currency, *more[command])
    assert done.code in {2, 64}
    assert "--currency" in words(done)


def test_a_currency_that_no_line_has_is_said(tmp_path: Path) -> None:
    directory = folder(tmp_path / "shop", sales(40), calls(5))
    done = run("replay", directory, "--currency", "EUR")
    assert done.code == 65
    assert "retention_reporting_currency" in words(done)


@pytest.mark.parametrize("command", ["replay", "calibrate", "explain"])
def test_the_currency_is_that_of_the_settings_unless_it_is_given(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = folder(tmp_path / "shop", sales(40), calls(5))
    more = {"replay": (), "explain": ("--customer", "c-1"), "calibrate": ("--out", tmp_path / "out.toml")}
    monkeypatch.setenv("RETENTION_REPORTING_CURRENCY", "XXQ")
    refused = run(command, directory, *more[command])
    assert (refused.code, "retention_reporting_currency" in words(refused)) == (2, True)
    assert "xxq" not in words(run(command, directory, "--currency", "USD", *more[command]))


def test_the_input_is_left_as_it_was(tmp_path: Path) -> None:
    directory = folder(tmp_path / "shop", None, None)
    write_lines(directory / "transactions.jsonl", [b"", *sales(30)[::-1]])
    was = lines_of(directory / "transactions.jsonl")
    read(directory, "--sort")
    assert lines_of(directory / "transactions.jsonl") == was
