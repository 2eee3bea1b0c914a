"""How an export is read: every form of JSON and CSV that people have, and on behind what is broken."""

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from streams.adapt.records import Record, matching, records
from streams.files import InputError
from streams.mapping.config import Source, parse

ORDERS = [{"id": 1, "total": Decimal("12.50")}, {"id": 2, "total": Decimal("0.10")}, {"id": 3, "total": 7}]
LINES = '{"id": 1, "total": 12.50}\n{"id": 2, "total": 0.10}\n{"id": 3, "total": 7}\n'


def source(more: str = "") -> Source:
    text = f"""
[source.orders]
{more}
[[source.orders.event]]
name = "purchase"
to = "transaction"
fields = {{ event_id = "id" }}
"""
    return parse(text, folder=Path(), name="m").sources["orders"]


def read(path: Path, raw: bytes, more: str = "") -> list[Record]:
    path.write_bytes(raw)
    return list(records(path, source(more)))


def values(found: list[Record]) -> list[Any]:
    return [one.value if one.value is not None else one.fault for one in found]


ARRAY = "[" + ",".join(LINES.splitlines()) + "]"


@pytest.mark.parametrize(
    "text",
    [
        LINES,
        LINES.strip(),
        LINES.replace("\n", "\r\n"),
        LINES.replace("\n", "\n\n"),
        "\ufeff" + LINES,
        ARRAY,
        "\ufeff" + ARRAY,
        " \n" + ARRAY + "\n",
        "[\n" + ",\n".join(LINES.splitlines()) + "\n]\n",
        json.dumps(json.loads(ARRAY), indent=2).replace("12.5", "12.50"),
        LINES.replace("\n", ""),  # as Firehose writes them
        LINES.replace("\n", " ").replace("}", "}\n", 1),
        "\n\n".join(json.dumps(json.loads(line), indent=1) for line in LINES.splitlines()),
    ],
)
def test_every_form_of_json_gives_the_same_records(tmp_path: Path, text: str) -> None:
    assert values(read(tmp_path / "orders.json", text.encode())) == ORDERS
    packed = gzip.compress(text.encode())
    assert values(read(tmp_path / "orders.json.gz", packed)) == ORDERS


def test_one_object_alone_is_one_record(tmp_path: Path) -> None:
    text = json.dumps({"orders": [1, 2]}, indent=2)
    (found,) = read(tmp_path / "page.json", text.encode())
    assert (found.value, found.line, found.raw) == ({"orders": [1, 2]}, 1, text.encode())


@pytest.mark.parametrize("raw", [b"", b"\n", b"\xef\xbb\xbf", b"  \n \n", b"[]"])
def test_an_empty_file_has_no_record(tmp_path: Path, raw: bytes) -> None:
    assert read(tmp_path / "orders.json", raw) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"id": 1}\n{"id": 2,\n{"id": 3}\n', [{"id": 1}, "not JSON", {"id": 3}]),
        ('{"id": 1,\n{"id": 2}\n', ["not JSON", {"id": 2}]),
        ('garbage\n{"id": 2}\n{"id": 3}\n', ["not JSON", {"id": 2}, {"id": 3}]),
        ('[{"id": 1}, {"id": 2}, {"id": 3, "na', [{"id": 1}, {"id": 2}, "not JSON"]),
        ('[{"id": 1}, 17, "x", null]', [{"id": 1}, *["not an object"] * 3]),
        ('{"id": 1}{"id": 2', [{"id": 1}, "not JSON"]),
        ('{"id": NaN}\n{"id": 2}\n', ["not JSON", {"id": 2}]),
        ('{"id": 1e99999999999999999999}\n{"id": 2}\n', ["not JSON", {"id": 2}]),
        ('{"id": "\\ud800"}\n{"id": 2}\n', ["not JSON", {"id": 2}]),
        ('17\n{"id": 2}\n', ["not an object", {"id": 2}]),
    ],
)
def test_reading_goes_on_behind_what_is_broken(tmp_path: Path, text: str, found: list[Any]) -> None:
    read_ = read(tmp_path / "orders.json", text.encode())
    assert values(read_) == found
    assert all(one.raw.decode() in text for one in read_ if not one.value)


def test_what_is_not_utf8_is_told_with_its_bytes(tmp_path: Path) -> None:
    raw = b'{"id": 1}\n{"id": "f\xfcr"}\n{"id": 3}\n'
    one, two, three = read(tmp_path / "orders.json", raw)
    assert (one.value, two.fault, three.value) == ({"id": 1}, "not UTF-8", {"id": 3})
    assert (two.raw, two.line) == (b'{"id": "f\xfcr"}', 2)


def test_lines_are_numbered_from_one(tmp_path: Path) -> None:
    text = '{\n "id": 1\n}\n{\n "id": 2\n}\nx\n{"id": 3}\n'
    assert [one.line for one in read(tmp_path / "a.json", text.encode())] == [1, 4, 7, 8]
    assert [one.line for one in read(tmp_path / "b.json", LINES.encode())] == [1, 2, 3]


CSV = 'format = "csv"'


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("id,total\n1,12.50\n2,0.10\n", ""),
        ("\ufeffid,total\r\n1,12.50\r\n2,0.10\r\n", ""),
        (' id , total\n 1 ,"12.50"\n"2",0.10', ""),
        ("id;total\n1;12.50\n\n2;0.10\n", '\nseparator = ";"'),
        ("id\ttotal\n1\t12.50\n2\t0.10\n", '\nseparator = "\\t"'),
        ("id,total,\n1,12.50,\n2,0.10,x\n", ""),  # a column that has no name
    ],
)
def test_forms_of_csv(tmp_path: Path, text: str, more: str) -> None:
    found = read(tmp_path / "orders.csv", text.encode(), CSV + more)
    assert values(found) == [{"id": "1", "total": "12.50"}, {"id": "2", "total": "0.10"}]


def test_quotes_hold_separators_and_lines(tmp_path: Path) -> None:
    text = 'id,note\n1,"a, b\nand ""c"""\n2,d\n'
    one, two = read(tmp_path / "orders.csv", text.encode(), CSV)
    assert one.value == {"id": "1", "note": 'a, b\nand "c"'}
    assert (one.line, two.line, one.raw) == (2, 4, b'1,"a, b\nand ""c"""')


def test_rows_that_do_not_fit_are_told_and_the_rest_is_read(tmp_path: Path) -> None:
    raw = b'id,note\n1\n2,a,b\n3,"x"y\n4,f\xfcr\n5,"' + b"z" * 140_000 + b'"\n6,ok\n7,"never closed\n8,lost\n'
    found = read(tmp_path / "orders.csv", raw, CSV)
    not_csv = "not CSV: a quote out of place, or a field too long"
    assert values(found) == [
        *("1 columns, where the header has 2", "3 columns, where the header has 2", not_csv, "not UTF-8"),
        *(not_csv, {"id": "6", "note": "ok"}, not_csv),
    ]
    assert b"\n".join(one.raw for one in found) == raw.partition(b"\n")[2].rstrip()


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"id,total,id\n1,2,3\n", "two columns have the same name"),
        (b"id,gr\xf6\xdfe\n1,2\n", "is not UTF-8: save it as CSV UTF-8"),
    ],
)
def test_a_header_that_can_not_be_used(tmp_path: Path, raw: bytes, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read(tmp_path / "orders.csv", raw, CSV)


def test_a_file_that_ends_before_its_end_is_not_used(tmp_path: Path) -> None:
    for raw in (gzip.compress(LINES.encode())[:-9], b"no gzip at all"):
        with pytest.raises(InputError, match=r"orders.json.gz can't be read to its end"):
            read(tmp_path / "orders.json.gz", raw)


def test_files_are_found_by_the_pattern_of_the_source(tmp_path: Path) -> None:
    for name in ("orders-2.json", "orders-1.json.gz", "calls.json"):
        (tmp_path / name).touch()
    (tmp_path / "orders-3.json").mkdir()
    one = source('files = "orders-*.json"')
    assert [path.name for path in matching(one, tmp_path)] == ["orders-1.json.gz", "orders-2.json"]
    assert matching(one, tmp_path / "orders-2.json") == [tmp_path / "orders-2.json"]
    assert matching(one, tmp_path / "calls.json") == []
    with pytest.raises(InputError, match="no such file or directory"):
        matching(one, tmp_path / "nothing")
