"""Directories of event files: what is found, in which form, and the lines that come of it."""

import gzip
import json
import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from schemas.common import MAX_BYTES
from schemas.hot import Decoder
from streams.core.watermark import GIVEN, Input
from streams.files import Batch, InputError, batches, find


def lines(path: Path) -> list[bytes]:
    return [line for batch in batches(path) for line in batch.lines]


def row(path: Path, **columns: object) -> dict[str, Any]:
    """Return the event of a table of one row."""
    pl.DataFrame({name: [value] for name, value in columns.items()}, strict=False).write_parquet(path)
    event: dict[str, Any] = json.loads(lines(path)[0])
    return event


@pytest.fixture(name="path")
def path_fixture(tmp_path: Path) -> Path:
    return tmp_path / "transactions.parquet"


@pytest.mark.parametrize("form", [".jsonl", ".jsonl.gz", ".parquet"])
def test_every_input_is_found_in_every_form(tmp_path: Path, form: str) -> None:
    for one in GIVEN:
        (tmp_path / f"{one.value}{form}").touch()
    (tmp_path / "truth.jsonl").touch()
    assert find(tmp_path) == {one: tmp_path / f"{one.value}{form}" for one in GIVEN}


def test_forms_may_differ_between_inputs(tmp_path: Path) -> None:
    (tmp_path / "transactions.parquet").touch()
    (tmp_path / "contacts.jsonl.gz").touch()
    assert {path.name for path in find(tmp_path).values()} == {"transactions.parquet", "contacts.jsonl.gz"}


def test_contacts_are_not_needed(tmp_path: Path) -> None:
    (tmp_path / "transactions.jsonl").touch()
    assert list(find(tmp_path)) == [Input.TRANSACTIONS]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), "found no input"),
        (("Orders.CSV",), "`adapt csv DIRECTORY --suggest`"),
        (("purchases.jsonl", "transactions.json", "transactions.csv"), "found no input"),
        (("customers.jsonl", "dispositions.parquet"), "found customers.jsonl, dispositions.parquet"),
    ],
)
def test_without_transactions_it_says_what_it_looked_for(
    tmp_path: Path, names: tuple[str, ...], said: str
) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InputError) as caught:
        find(tmp_path)
    assert "looked for transactions.jsonl, transactions.jsonl.gz, transactions.parquet" in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert said in str(caught.value)


def test_a_directory_named_like_an_input_is_named(tmp_path: Path) -> None:
    (tmp_path / "transactions.parquet").mkdir()
    with pytest.raises(InputError, match=r"transactions\.parquet is a directory, not a file"):
        find(tmp_path)


def test_no_such_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, why in ((tmp_path / "missing", "no such directory"), (tmp_path / "file", "is a file")):
        with pytest.raises(InputError, match=why):
            find(path)


def test_two_forms_of_one_input_are_refused(tmp_path: Path) -> None:
    for name in ("transactions.jsonl", "contacts.jsonl", "contacts.parquet"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"contacts\.jsonl and contacts\.parquet: keep one of them"):
        find(tmp_path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\nb", [b"a", b"b"]),
        (b"a\r\nb\n", [b"a\r", b"b"]),
        (b"a\x0bb\x85c\n", [b"a\x0bb\x85c"]),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_lines_end_at_line_feeds_alone(
    tmp_path: Path, content: bytes, expected: list[bytes], *, packed: bool
) -> None:
    path = tmp_path / ("transactions.jsonl.gz" if packed else "transactions.jsonl")
    path.write_bytes(gzip.compress(content) if packed else content)
    assert lines(path) == expected


@pytest.mark.parametrize("content", [b"\n", b"\r\n \t\n", b" \n\n"])
def test_blank_lines_alone_are_no_lines_and_are_counted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "transactions.jsonl"
    path.write_bytes(content)
    seen = list(batches(path))
    assert [batch.lines for batch in seen] == [[]]
    assert seen[0].blank == content.count(b"\n")


def test_a_line_after_blank_ones_keeps_its_number_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "transactions.jsonl"
    path.write_bytes(b"\na\r\n\r\n\t\nb\n")
    [batch] = batches(path)
    assert (list(batch.numbers), batch.lines, batch.blank) == ([2, 5], [b"a\r", b"b"], 3)


def test_lines_are_numbered_from_one_over_all_batches(tmp_path: Path) -> None:
    path = tmp_path / "transactions.jsonl"
    written = [b"%07d" % number * 10 for number in range(1, 60_001)]
    path.write_bytes(b"\n".join(written))
    seen = list(batches(path))
    assert len(seen) > 3
    assert [line for batch in seen for line in batch.lines] == written
    for batch in seen:
        assert batch.lines == [written[number - 1] for number in batch.numbers]
    assert seen[-1].bytes_read == path.stat().st_size
    assert [batch.bytes_read for batch in seen] == sorted(batch.bytes_read for batch in seen)


def test_of_a_line_without_end_only_so_much_is_kept_as_shows_that_it_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "transactions.jsonl"
    path.write_bytes(b"first\n" + b"x" * (20 << 20) + b"\nlast")
    first, huge, last = lines(path)
    assert (first, last) == (b"first", b"last")
    assert MAX_BYTES < len(huge) < 2 << 20


def test_several_members_of_a_gzip_file_are_one_file(tmp_path: Path) -> None:
    path = tmp_path / "transactions.jsonl.gz"
    path.write_bytes(gzip.compress(b"a\nb") + gzip.compress(b"c\nd\n"))
    assert lines(path) == [b"a", b"bc", b"d"]


def _flipped(packed: bytes) -> bytes:
    middle = len(packed) // 2
    return (
        packed[:middle] + bytes(byte ^ 0xFF for byte in packed[middle : middle + 40]) + packed[middle + 40 :]
    )


PACKED = gzip.compress(b"".join(b"%d\n" % (number * number) for number in range(5_000)))


@pytest.mark.parametrize(
    "content",
    [PACKED[:-9], PACKED[: len(PACKED) // 2], _flipped(PACKED), PACKED[:-8] + b"\0" * 8],
)
def test_a_damaged_gzip_file_is_an_input_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "contacts.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"contacts\.jsonl\.gz can't be read to its end: "):
        lines(path)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\xff" * 60 + b"PAR1"])
def test_a_damaged_parquet_file_is_an_input_error(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"transactions\.parquet can't be read to its end: "):
        lines(path)


def test_a_parquet_file_without_rows_has_no_lines(path: Path) -> None:
    pl.DataFrame({"time": []}, schema={"time": pl.String}).write_parquet(path)
    assert list(batches(path)) == []


def test_rows_of_parquet_are_numbered_from_one(path: Path) -> None:
    pl.DataFrame({"n": range(40_000)}).write_parquet(path)
    seen = list(batches(path))
    assert [batch.numbers[0] for batch in seen] == [1, 16_385, 32_769]
    assert seen[0].lines[0] == b'{"n":0}'
    assert seen[-1] == Batch(range(32_769, 40_001), seen[-1].lines, path.stat().st_size)


def test_a_column_that_the_contract_does_not_have_is_left_out_whatever_it_holds(path: Path) -> None:
    """By the decoder: its values need only be JSON."""
    known = {"type": "transaction", "event_id": "t", "customer_id": "c", "time": "2024-03-05T14:23:11Z"}
    known |= {"source": "s", "kind": "purchase", "amount": "1.00", "currency": "USD"}
    odd: dict[str, object] = {
        "a day": date(2024, 3, 5),
        "an hour": time(5),
        "a while": timedelta(days=1),
        "a moment": datetime(2024, 3, 5, tzinfo=UTC),
        "bytes": b"\xff",
        "nan": math.nan,
        "inf": math.inf,
        "nested": [{"deep": [math.nan, math.inf]}],
        "decimal": Decimal("1.10"),
    }
    pl.DataFrame({name: [value] for name, value in (known | odd).items()}).write_parquet(path)
    (line,) = lines(path)
    noted: list[set[str]] = []
    decoder = Decoder(note=lambda _topic, _raw, names: noted.append(set(names)))
    assert decoder.transactions(line) == decoder.transactions(json.dumps(known).encode())
    assert noted == [odd.keys() - {"bytes", "nan"}]


def test_a_null_column_is_absent_also_inside_a_struct(path: Path) -> None:
    assert row(path, a="x", b=None, attributes={"k": "v", "gone": None}) == {
        "a": "x",
        "attributes": {"k": "v"},
    }


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (3.0, 3),
        (-0.0, 0),
        (2.5, 2.5),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (7, 7),
        (True, True),
        ("5.0", "5.0"),
        (["a", "b"], ["a", "b"]),
        (b"caf\xc3\xa9", "café"),
        (Decimal("12.50000000"), "12.5"),
        (Decimal("1200.00"), "1200"),
        (Decimal("0.000001"), "0.000001"),
    ],
)
def test_values_of_columns_read_as_the_wire_has_them(path: Path, value: object, read: object) -> None:
    event = row(path, value=value)
    assert event == {"value": read}
    assert type(event["value"]) is type(read)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("amount", 25, "25"),
        ("amount", -5, "-5"),
        ("amount", Decimal("1234.50"), "1234.5"),
        ("amount", 0.0, "0"),
        ("amount", -0.0, "0"),
        ("amount", 42.1, "42.1"),
        ("amount", 3.0, "3"),
        ("previous_amount", Decimal("0.00"), "0"),
        ("previous_amount", 42.1, "42.1"),
        # 5, 6 and 7 places when written shortest
        ("amount", 0.00001, "0.00001"),
        ("amount", 0.000001, "0.000001"),
        ("amount", 0.0000001, 0.0000001),
        ("amount", 0.1 + 0.2, 0.1 + 0.2),
        # 14, 15 and 16 digits
        ("amount", 12345678901.123, "12345678901.123"),
        ("amount", 123456789012.125, "123456789012.125"),
        ("amount", 123456789012.0625, 123456789012.0625),
        # 11, 12 and 13 places
        ("exchange_rate", 0.00000000001, "0.00000000001"),
        ("exchange_rate", 0.000000000001, "0.000000000001"),
        ("exchange_rate", 0.0000000000001, 0.0000000000001),
        ("customer_id", 42, "42"),
        ("order_id", 2**64 - 1, "18446744073709551615"),
        ("customer_id", Decimal(42), "42"),
        ("order_id", 1001.0, "1001"),
        ("order_id", 1001.5, 1001.5),
        ("corrects", 1001, "1001"),
        ("parent_contact_id", 1001.0, "1001"),
        # a float holds 15 digits exactly, not always 16
        ("order_id", 99999999999999.0, "99999999999999"),
        ("order_id", 999999999999999.0, "999999999999999"),
        ("order_id", 9999999999999998.0, 9999999999999998),
        ("order_id", 1e17, 10**17),
        ("customer_id", True, True),
        ("version", 2, 2),
        ("version", 2.0, 2),
        ("version", Decimal("2.00"), 2),
        ("queue_seconds", Decimal("12.50"), 12.5),
        ("time", 1_577_836_800, 1_577_836_800),
        ("attributes", {"version": Decimal("2.5"), "till": 4, "weight": 1.5}, None),
    ],
)
def test_a_number_where_text_belongs_becomes_its_digits_if_none_is_lost(
    path: Path, name: str, value: object, read: object
) -> None:
    """A float of more places or digits stays a number, which is refused."""
    wanted = {"version": "2.5", "till": "4", "weight": 1.5} if read is None else read
    assert row(path, **{name: value}) == {name: wanted}


@pytest.mark.parametrize("value", [0.5, 12.1])
def test_a_float_of_32_bits_counts_as_what_it_holds(path: Path, value: float) -> None:
    """12.1 is none of them: it holds 12.10000038, too many places for money."""
    pl.DataFrame({"amount": pl.Series([value], dtype=pl.Float32)}).write_parquet(path)
    (line,) = lines(path)
    assert (line == b'{"amount":"0.5"}') is (value == 0.5)
    assert isinstance(json.loads(line)["amount"], str) is (value == 0.5)


def test_not_a_number_is_a_gap(path: Path) -> None:
    assert row(path, value=math.nan, other=1) == {"other": 1}


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_a_time_column_with_a_zone_is_written_in_utc(path: Path, unit: Any, zone: str) -> None:
    moment = datetime(2024, 3, 5, 14, 23, 11, 482_000, tzinfo=UTC)
    column = pl.Series([moment]).cast(pl.Datetime(unit, "UTC")).dt.convert_time_zone(zone)
    pl.DataFrame({"time": column}).write_parquet(path)
    assert lines(path) == [b'{"time":"2024-03-05T14:23:11.482Z"}']


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_a_time_column_without_a_zone_keeps_having_none_so_it_is_refused_as_in_json(
    path: Path, unit: Any
) -> None:
    naive = pl.Series([datetime(2024, 3, 5, 14, 23, 11)]).cast(pl.Datetime(unit))  # noqa: DTZ001
    pl.DataFrame({"time": naive}).write_parquet(path)
    assert lines(path) == [b'{"time":"2024-03-05T14:23:11"}']


def test_a_time_column_before_1970_is_floored(path: Path) -> None:
    assert row(path, time=datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)) == {
        "time": "1969-12-31T23:59:59.999Z"
    }


def test_binary_that_is_no_text_is_a_gap_in_its_row_alone(path: Path) -> None:
    pl.DataFrame({"customer_id": [b"\xff\xfe", b"c-7"]}).write_parquet(path)
    assert lines(path) == [b"{}", b'{"customer_id":"c-7"}']


@pytest.mark.parametrize("ms", [10**18, -(10**14)])
def test_a_time_that_no_calendar_has_is_an_input_error(path: Path, ms: int) -> None:
    pl.DataFrame({"time": pl.Series([ms]).cast(pl.Datetime("ms", "UTC"))}).write_parquet(path)
    with pytest.raises(InputError, match="can't be read to its end"):
        lines(path)
