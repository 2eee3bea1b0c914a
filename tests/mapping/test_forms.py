"""How a value of theirs becomes the text or the number of a field of ours."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mapping.mappings import contact, fields, purchase, why

BERLIN = 'zone = "Europe/Berlin"'


def time_of(written: Any, way: str = '"at"', more: str = "") -> str:
    return str(fields(purchase(time=way, more=more), at=written)["time"])


@pytest.mark.parametrize(
    ("way", "written", "time"),
    [
        ('"at"', "2024-03-01T12:00:00Z", "12:00:00.000"),
        ('"at"', "2024-03-01 13:00:00+01", "12:00:00.000"),
        ('"at"', "2024-03-01T12:00:00.123999Z", "12:00:00.123"),
        ('"at"', "2024-03-01T12:00:00.123456789Z", "12:00:00.123"),
        ('"at"', datetime(2024, 3, 1, 12, tzinfo=UTC), "12:00:00.000"),
        ('{ from = "at", time = "epoch_s" }', 1709294400, "12:00:00.000"),
        ('{ from = "at", time = "epoch_s" }', "1709294400.5", "12:00:00.500"),
        ('{ from = "at", time = "epoch_s" }', Decimal("1709294400.1239"), "12:00:00.123"),
        ('{ from = "at", time = "epoch_ms" }', 1709294400123, "12:00:00.123"),
        ('{ from = "at", time = "epoch_us" }', 1709294400123999, "12:00:00.123"),
        ('{ from = "at", time = "epoch_ns" }', 1709294400123999999, "12:00:00.123"),
        ('{ from = "at", time = "epoch_days" }', 19783, "00:00:00.000"),
        (
            '{ from = "at", time = "%d.%m.%Y %H:%M", zone = "Europe/Berlin" }',
            " 01.03.2024 13:00 ",
            "12:00:00.000",
        ),
        ('{ from = "at", time = "%d/%b/%Y:%H:%M:%S %z" }', "01/Mar/2024:07:00:00 -0500", "12:00:00.000"),
        ('{ from = "at", zone = "America/New_York" }', "2024-03-01T07:00:00", "12:00:00.000"),
        (
            '{ from = "at", zone = "America/New_York" }',
            "2024-03-01T12:00:00Z",
            "12:00:00.000",
        ),  # its own counts
    ],
)
def test_forms_of_times(way: str, written: Any, time: str) -> None:
    assert time_of(written, way) == f"2024-03-01T{time}Z"


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2024-03-31 01:59", "2024-03-31T00:59:00.000Z"),
        ("2024-03-31 02:30", "2024-03-31T01:30:00.000Z"),  # this hour is left out: it counts on
        ("2024-03-31 03:00", "2024-03-31T01:00:00.000Z"),
        ("2024-10-27 02:30", "2024-10-27T00:30:00.000Z"),  # this hour comes twice: the first
        ("2024-10-27 03:00", "2024-10-27T02:00:00.000Z"),
    ],
)
def test_local_times_over_both_changes_of_the_clock(local: str, utc: str) -> None:
    assert time_of(local, more=BERLIN) == utc


@pytest.mark.parametrize(
    ("way", "written", "told"),
    [
        ('"at"', "2024-03-01T12:00:00", "time: no offset from UTC: give the source a zone"),
        ('"at"', 1709294400, "time: a number, where a time belongs: say what it counts"),
        ('"at"', "1709294400", "time: not a time in ISO 8601"),
        ('"at"', "03/01/2024", "time: not a time in ISO 8601"),
        ('"at"', "0001-01-01T00:00:00+10:00", "time: no time between the years 1 and 9999"),
        ('"at"', "1999-12-31T00:00:00Z", "time: "),
        ('"at"', [17], "time: a number, where a time belongs"),
        ('{ from = "at", time = "%d.%m.%Y" }', "2024-03-01", "time: not a time in the form %d.%m.%Y"),
        ('{ from = "at", time = "epoch_s" }', 1709294400123, "time: no time between 1970 and 9999"),
        ('{ from = "at", time = "epoch_s" }', -5, "time: no time between 1970 and 9999"),
        ('{ from = "at", time = "epoch_s" }', "yesterday", "time: not a number, where one counts since 1970"),
        ('{ from = "at", time = "epoch_s" }', True, "time: not a number"),
    ],
)
def test_times_that_are_refused(way: str, written: Any, told: str) -> None:
    detail = why(purchase(time=way), at=written)
    assert detail.startswith(told)
    assert str(written) not in detail


@given(st.datetimes(datetime(2000, 1, 2), datetime(9000, 1, 1)))  # noqa: DTZ001 - a local time is meant
def test_every_local_time_is_the_one_that_python_says(local: datetime) -> None:
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    utc = local.replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    assert time_of(local.isoformat(), more=BERLIN) == utc.isoformat(timespec="milliseconds")[:-6] + "Z"


COMMA = '{ from = "total", decimal = "comma" }'
CENTS = '{ from = "total", unit = "cents" }'


@pytest.mark.parametrize(
    ("way", "written", "amount"),
    [
        ('"total"', "12.50", "12.5"),
        ('"total"', Decimal("0.10"), "0.1"),
        ('"total"', 12, "12"),
        ('"total"', 12.5, "12.5"),
        ('"total"', "1,234.50", "1234.5"),
        ('"total"', "1,234,567", "1234567"),
        ('"total"', "$1,234.50", "1234.5"),
        ('"total"', "1 234.50 €", "1234.5"),
        ('"total"', "1\u202f234.50", "1234.5"),
        ('"total"', "1'234.50", "1234.5"),
        ('"total"', "0", "0"),
        ('"total"', "100", "100"),
        ('"total"', Decimal("1E+2"), "100"),
        ('"total"', "123456789012.123456", "123456789012.123456"),
        (COMMA, "12,50", "12.5"),
        (COMMA, "1.234,50 €", "1234.5"),
        (COMMA, "1.234", "1234"),
        (COMMA, "12", "12"),
        (COMMA, Decimal("12.5"), "12.5"),
        (CENTS, 1250, "12.5"),
        (CENTS, "1", "0.01"),
        (CENTS, 1.5, "0.015"),
    ],
)
def test_amounts_are_exact(way: str, written: Any, amount: str) -> None:
    assert fields(purchase(amount=way), total=written)["amount"] == amount


@pytest.mark.parametrize(
    ("way", "written"),
    [
        ('"total"', "12,50"),  # with a decimal point this would be 1250
        ('"total"', "1.234,50"),
        ('"total"', "1,23,456"),
        ('"total"', "12.50 USD"),
        ('"total"', "-12.50"),
        ('"total"', "NaN"),
        ('"total"', "1e99"),
        ('"total"', True),
        ('"total"', {"amount": 12}),
        ('"total"', 0.1 + 0.2),
        ('"total"', "1234567890123"),
        (COMMA, "12.50"),  # with a decimal comma this would be 1250
        (COMMA, "1,234.50"),
    ],
)
def test_amounts_that_could_mean_another_are_refused(way: str, written: Any) -> None:
    detail = why(purchase(amount=way), total=written)
    assert detail.startswith("amount: ")
    assert str(written) not in detail


@given(st.integers(0, 10**14 - 1), st.sampled_from(["point", "comma"]))
def test_money_as_people_write_it_loses_no_cent(cents: int, decimal: str) -> None:
    text = f"{cents // 100:,}.{cents % 100:02}"
    text = text if decimal == "point" else text.translate(str.maketrans(",.", ".,"))
    way = f'{{ from = "total", decimal = "{decimal}" }}'
    assert Decimal(fields(purchase(amount=way), total=text)["amount"]) * 100 == cents


@pytest.mark.parametrize(
    ("name", "way", "written", "value"),
    [
        ("queue_seconds", '"it"', "90.5", 90.5),
        ("queue_seconds", '{ from = "it", unit = "ms" }', 1500, 1.5),
        ("queue_seconds", '{ from = "it", unit = "minutes" }', "1.5", 90),
        ("queue_seconds", '"it"', timedelta(minutes=2), 120),
        ("self_service_minutes", '{ from = "it", unit = "minutes" }', 3, 3),
        ("hold_count", '"it"', "3", 3),
        ("hold_count", '"it"', Decimal("3.0"), 3),
        ("csat", '{ from = "it", words = { good = 5, bad = 1 } }', "bad", 1),
        ("complaint", '"it"', False, False),
        ("complaint", '"it"', "No", False),
        ("complaint", '"it"', 1, True),
        ("complaint", '{ from = "it", words = { ja = true, nein = false } }', "nein", False),
        ("complaint", '"it"', "", None),
        ("complaint", '"it"', None, None),
        (
            "resolution",
            '{ from = "it", words = { false = "unresolved", true = "resolved" } }',
            False,
            "unresolved",
        ),
        ("resolution", '{ from = "it", words = { true = "resolved" } }', False, None),
        ("reason", '"it"', 17, "17"),
        ("reason", '"it"', Decimal("17.50"), "17.5"),
        ("reason", '"it"', True, "true"),
        ("phrases", '"it"', ["policy", None], ["policy"]),
        (
            "phrases",
            '{ from = "it", words = { rules = "policy" }, other = "" }',
            ["rules", "weather"],
            ["policy"],
        ),
        ("phrases", '{ from = "it", words = { rules = "policy" }, other = "" }', ["weather"], None),
        ("attributes", '"it"', {"till": 4, "open": True, "none": None}, {"till": "4", "open": "true"}),
    ],
)
def test_other_fields(name: str, way: str, written: Any, value: Any) -> None:
    assert fields(contact(**{name: way}), it=written).get(name) == value


@pytest.mark.parametrize(
    ("name", "way", "written", "told"),
    [
        ("hold_count", '"it"', "3.5", "not a whole number"),
        ("hold_count", '"it"', "1e999999999", "not a number"),
        ("hold_count", '"it"', -1, ""),
        ("queue_seconds", '"it"', "1:30", "not a number"),
        ("queue_seconds", '"it"', "-5", ""),
        ("complaint", '"it"', "maybe", "neither yes nor no; `words` says what theirs mean"),
        (
            "channel",
            '{ from = "it", words = { tel = "voice" } }',
            "fax",
            "a word that the mapping does not know",
        ),
        ("channel", '{ from = "it", words = { tel = "voice" } }', {"a": "fax"}, "not one value"),
        ("reason", '"it"', ["fax"], "not one value"),
        ("reason", '"it"', 10**40, "not a number"),
        ("attributes", '"it"', "fax", "not an object"),
        ("csat", '"it"', 6, ""),
    ],
)
def test_other_fields_that_are_refused(name: str, way: str, written: Any, told: str) -> None:
    detail = why(contact(**{name: way}), it=written)
    assert detail.startswith(f"{name}: {told}")
    assert "fax" not in detail
    assert "maybe" not in detail
