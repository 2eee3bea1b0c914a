"""Tables beside a mapping: customers by phone, rates by day, ids that were merged. Nobody is guessed."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from streams.mapping.config import MappingError, parse, with_tables
from streams.mapping.mapping import Mapping
from streams.mapping.outcomes import NO_CUSTOMER, Draft
from streams.mapping.tables import Tables, phone_number
from tests.mapping.mappings import PURCHASE, config, fields, one, why


def written(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "spelled",
    [
        "+12125550100",
        "(212) 555-0100",
        "212.555.0100",
        "1-212-555-0100",
        "+1 212 555 0100",
        "tel:+1-212-555-0100",
    ],
)
def test_a_phone_number_is_found_however_it_is_spelled(spelled: str) -> None:
    assert phone_number(spelled, "US") == "+12125550100"


@pytest.mark.parametrize("spelled", ["anonymous", "", "0", "12", "someone@example.com", "9" * 40])
def test_what_is_no_phone_number_is_found_nowhere(spelled: str) -> None:
    assert phone_number(spelled, "US") is None


def test_a_number_without_a_country_is_of_the_region() -> None:
    assert phone_number("030 901820", "DE") == "+4930901820"


MAPPING = """
[source.orders]
[[source.orders.event]]
name = "it"
to = "contact"
[source.orders.event.fields]
contact_id = "id"
customer_id = { from = "phone", lookup = "phones" }
time = "at"
channel = { value = "voice" }
[lookup.phones]
key = "phone"
value = "customer_id"
phone = "US"
"""


def calls(folder: Path, table: str | None) -> Mapping:
    mapping = parse(MAPPING, folder=folder, name="calls")
    return Mapping(with_tables(mapping, {} if table is None else {"phones": written(folder, table)}), "USD")


def test_a_customer_is_found_by_phone(tmp_path: Path) -> None:
    mapping = calls(tmp_path, "phone,customer_id\n(212) 555-0100,c-7\n+49 30 901820,c-8\n")
    assert fields(mapping, phone="+1 212-555-0100")["customer_id"] == "c-7"
    assert fields(mapping, phone="+4930901820")["customer_id"] == "c-8"
    assert why(mapping, phone="+12125550199") == NO_CUSTOMER
    assert why(mapping, phone="anonymous") == NO_CUSTOMER
    assert why(mapping, phone=None) == NO_CUSTOMER


def test_a_phone_of_two_customers_is_of_nobody_known(tmp_path: Path) -> None:
    mapping = calls(
        tmp_path, "phone,customer_id\n2125550100,c-7\n+12125550100,c-8\n2125550101,c-9\n2125550101,c-9\n"
    )
    assert why(mapping, phone="2125550100") == NO_CUSTOMER
    assert fields(mapping, phone="2125550101")["customer_id"] == "c-9"


def test_without_a_file_nobody_is_found(tmp_path: Path) -> None:
    assert why(calls(tmp_path, None), phone="2125550100") == NO_CUSTOMER


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("phone;customer_id\n1;2\n", "table.csv has no columns phone and customer_id"),
        ("phone,customer_id\n2125550100,\n", "table.csv, line 2: phone and customer_id are both needed"),
        ("phone,customer_id\nanonymous,c-7\n", "lookup.phones: table.csv has no usable line"),
        ("phone,customer_id\n", "lookup.phones: table.csv has no usable line"),
    ],
)
def test_a_look_up_that_can_not_be_used(tmp_path: Path, table: str, told: str) -> None:
    with pytest.raises(MappingError) as error:
        calls(tmp_path, table)
    assert told in str(error.value)
    assert "c-7" not in str(error.value)


def euros(folder: Path, rates: str, **more: str) -> Mapping:
    own = PURCHASE | {"currency": '"currency"'} | more
    return Mapping(with_tables(config(own), {}, rates=written(folder, rates)), "USD")


RATES = "day, currency, rate\n2024-03-01,EUR,1.0843\n2024-03-04,EUR,1.09\n2024-03-01,JPY,0.0066\n"


@pytest.mark.parametrize(
    ("day", "rate"),
    [
        ("2024-03-01T00:00:00Z", "1.0843"),
        ("2024-03-03T23:59:59Z", "1.0843"),  # a Sunday
        ("2024-03-04T00:00:00Z", "1.09"),
        ("2024-03-05T00:30:00+01:00", "1.09"),  # still the 4th in UTC
        ("2024-03-11T12:00:00Z", "1.09"),
        ("2024-03-12T12:00:00Z", None),
        ("2024-02-29T12:00:00Z", None),
    ],
)
def test_the_rate_of_the_day_or_the_last_before(tmp_path: Path, day: str, rate: str | None) -> None:
    mapping = euros(tmp_path, RATES)
    if rate is None:
        assert (
            why(mapping, at=day, currency="EUR") == "exchange_rate: the table of rates has none for this day"
        )
    else:
        assert fields(mapping, at=day, currency="EUR")["exchange_rate"] == rate


def test_the_reporting_currency_needs_no_rate_and_others_their_own(tmp_path: Path) -> None:
    mapping = euros(tmp_path, RATES)
    assert "exchange_rate" not in fields(mapping, currency="USD")
    assert fields(mapping, currency="JPY")["exchange_rate"] == "0.0066"
    assert "exchange_rate" in why(mapping, currency="GBP")


def test_a_refund_has_the_rate_of_its_purchase(tmp_path: Path) -> None:
    more = {"kind": '{ value = "refund" }', "original_time": '"bought"'}
    mapping = euros(tmp_path, RATES, **more)
    found = fields(mapping, at="2024-03-05T00:00:00Z", bought="2024-03-01T09:00:00Z", currency="EUR")
    assert found["exchange_rate"] == "1.0843"


def test_a_rate_of_the_record_comes_before_the_table(tmp_path: Path) -> None:
    mapping = euros(tmp_path, RATES, exchange_rate='"rate"')
    assert fields(mapping, currency="EUR", rate="1.1")["exchange_rate"] == "1.1"


@pytest.mark.parametrize(
    ("rates", "told"),
    [
        ("day,rate\n2024-03-01,1\n", "table.csv has no columns day, currency and rate"),
        ("day,currency,rate\n01.03.2024,EUR,1\n", "table.csv, line 2: a day is written 2026-03-01"),
        ('day,currency,rate\n2024-03-01,EUR,"1,08"\n', "line 2: a day is written 2026-03-01, a rate 1.0843"),
        ("day,currency,rate\n2024-03-01,EUR,0\n", "line 2: a rate is above 0"),
        ("day,currency,rate\n2024-03-01,euro,1.1\n", "line 2: a currency is written USD"),
        ("day,currency,rate\n2024-03-01,EUR,1.1\n2024-03-01,EUR,1.2\n", "line 3: this day has another rate"),
    ],
)
def test_a_table_of_rates_that_can_not_be_used(tmp_path: Path, rates: str, told: str) -> None:
    with pytest.raises(MappingError) as error:
        euros(tmp_path, rates)
    assert told in str(error.value)


def merged(folder: Path, table: str) -> Mapping:
    return Mapping(with_tables(config(PURCHASE), {}, merged=written(folder, table)), "USD")


def test_a_customer_goes_on_at_the_end_of_the_chain(tmp_path: Path) -> None:
    chain = "".join(f"c-{number},c-{number + 1}\n" for number in range(1, 500))
    mapping = merged(tmp_path, "customer_id,merged_into\nc-1,c-2\n" + chain)
    assert {fields(mapping, customer=one)["customer_id"] for one in ("c-1", "c-250", "c-500")} == {"c-500"}
    assert fields(mapping, customer="c-501")["customer_id"] == "c-501"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("c-1,c-1\n", "table.csv: ids go in a circle"),
        ("c-0,c-1\nc-1,c-2\nc-2,c-3\nc-3,c-1\n", "table.csv: ids go in a circle"),
        ("c-1,c-2\nc-1,c-3\n", "table.csv, line 3: this id went into another one further up"),
        ("c-1, \n", "table.csv, line 2: customer_id and merged_into are both needed"),
    ],
)
def test_merges_that_lead_nowhere(tmp_path: Path, table: str, told: str) -> None:
    with pytest.raises(MappingError) as error:
        merged(tmp_path, "customer_id,merged_into\n" + table)
    assert told in str(error.value)
    assert "c-1" not in str(error.value)


def test_a_merge_that_the_table_has_already_is_not_told_again(tmp_path: Path) -> None:
    own = {"event_id": '"id"', "customer_id": '"old"', "merged_into": '"new"', "time": '"at"'}
    table = written(tmp_path, "customer_id,merged_into\nc-1,c-2\n")
    mapping = Mapping(with_tables(config(own, to="customer_merged"), {}, merged=table), "USD")
    assert why(mapping, old="c-1", new="c-2") == "merged already"
    outcome = one(mapping, {"id": "m", "old": "c-3", "new": "c-1", "at": "2024-03-01T00:00:00Z"})
    assert isinstance(outcome, Draft)
    assert (outcome.fields["customer_id"], outcome.fields["merged_into"]) == ("c-3", "c-2")


def test_rates_of_many_days_are_found(tmp_path: Path) -> None:
    first = date(2023, 1, 1)
    lines = [f"{first + timedelta(days=number)},EUR,1.{number:04}" for number in range(0, 900, 3)]
    tables = Tables(
        with_tables(config(PURCHASE), {}, rates=written(tmp_path, "day,currency,rate\n" + "\n".join(lines)))
    )
    assert tables.rate("EUR", first + timedelta(days=301)) == "1.03"
    assert tables.rate("EUR", first + timedelta(days=897 + 7)) == "1.0897"
    assert tables.rate("EUR", first + timedelta(days=897 + 8)) is None
