"""How an export is read: every form of JSON and CSV that people have, and on behind what is broken."""

import csv
import gzip
import json
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from streams.adapt.record import Record
from streams.adapt.records import matching, records
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
    return [one.fault or one.value for one in found]


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
    assert all(one.raw.decode() in text for one in read_ if one.fault)


WHOLE: list[dict[str, Any]] = [{"id": f"o{n}", "lines": [{"id": n}], "a": "ü"} for n in range(9)]
SHAPES = {
    "array": json.dumps(WHOLE, ensure_ascii=False),
    "indented": json.dumps(WHOLE, ensure_ascii=False, indent=2),
    "one after another": "".join(json.dumps(one, ensure_ascii=False) for one in WHOLE),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("spot", "fault"),
    [
        (b'"a": "\xfc"', "not UTF-8"),
        (b'"a": NaN', "not JSON"),
        (b'"a": -Infinity', "not JSON"),
        (b'"a": 1e99999999999999999999', "not JSON"),
        (b'"a": ' + b"9" * 5_000, "not JSON"),
        (b'"a": "\\udc80"', "not JSON"),
        (b'"a": ' + b"[" * 9_000 + b"]" * 9_000, "not JSON"),
        (b'"a": 1,, "b": [{"id": 1}, {"id": 2}]', "not JSON"),
        (b'"a": "never closed', "not JSON"),
    ],
)
def test_a_spot_spoils_its_own_record_and_no_other(
    tmp_path: Path, shape: str, spot: bytes, fault: str
) -> None:
    parts = SHAPES[shape].encode().split('"a": "ü"'.encode())
    raw = b""
    for at, part in enumerate(parts):
        good = '"a": "ü"'.encode() if at < len(parts) - 1 else b""
        raw += part + (spot if at == 5 else good)
    found = read(tmp_path / "orders.json", raw)
    assert [one.fault for one in found] == ["", "", "", "", "", fault, "", "", ""]
    assert [one.value for one in found if not one.fault] == WHOLE[:5] + WHOLE[6:]
    assert spot in found[5].raw
    assert found[5].raw in raw
    assert not any(one.is_rest for one in found)


def test_where_nothing_tells_what_records_are_like_the_rest_is_one_and_said_to_be(tmp_path: Path) -> None:
    text = '[{"id": 1,, "lines": [{"id": 9}]}, {"id": 2}, {"id": 3}]'
    (found,) = read(tmp_path / "orders.json", text.encode())
    assert (found.fault, found.is_rest) == ("not JSON", True)
    assert found.raw.decode() == text[1:]


PAGES = {
    "first": '{{"orders": [{}], "next": {{"page": 2}}}}',
    "behind": '{{"count": {{"of": [9]}}, "data": {{"orders": [{}]}}, "next": 2}}',
}
PATHS = 'records = "not_null(orders, data.orders, [@])"'


@pytest.mark.parametrize("where", PAGES)
@pytest.mark.parametrize("of_lines", [True, False])
def test_a_broken_order_of_a_page_costs_no_other(tmp_path: Path, where: str, of_lines: bool) -> None:
    pages = [PAGES[where].format(", ".join(map(json.dumps, WHOLE[at : at + 3]))) for at in (0, 3, 6)]
    pages[1] = pages[1].replace('"id": "o4"', '"id": "o"4"')
    raw = ("\n" if of_lines else "").join(pages).encode()
    settings = source(PATHS)
    (tmp_path / "orders.json").write_bytes(raw)
    found = list(records(tmp_path / "orders.json", settings))
    assert settings.records is not None
    orders = [order for one in found if one.value is not None for order in settings.records(one.value)]
    assert orders == WHOLE[:4] + WHOLE[5:]
    (broken,) = (one for one in found if one.fault)
    assert (broken.value, broken.raw[:12], broken.is_rest) == (None, b'{"id": "o"4"', False)


@pytest.mark.parametrize("end", ['], "next": x}', '], "next": {"a": 1', "]", "]]}", '], "a": [{"b": 1}], x}'])
def test_of_a_page_that_is_broken_behind_its_orders_they_are_read(tmp_path: Path, end: str) -> None:
    text = f'{{"orders": [{{"id": 1}}, {{"id": 2}}{end}'
    for more in ("", "\n"):
        found = read(tmp_path / "orders.json", (text + more).encode(), PATHS)
        orders = [one.value["orders"][0] for one in found if one.value and "orders" in one.value]
        assert orders == [{"id": 1}, {"id": 2}]
        assert found[0].fault == "not JSON"


def test_of_a_page_that_is_broken_before_its_orders_they_are_read(tmp_path: Path) -> None:
    text = '{"a": 1,, "ids": [7], "orders": [{"id": 1}, {"id": 2}], "b": x}\n{"id": 3}\n'
    found = read(tmp_path / "orders.json", text.encode(), PATHS)
    page = '{"a": 1,, "ids": [7], "orders": ['
    assert [one.fault or one.value for one in found] == [
        "not JSON",
        {"orders": [{"id": 1}]},
        {"orders": [{"id": 2}]},
        "not an object",
        "not JSON",
        {"id": 3},
    ]
    assert [found[at].raw.decode() for at in (0, 3, 4)] == [page, '"b"', ": x}"]


@pytest.mark.parametrize("more", [PATHS, 'records = "orders[].node"', 'records = "abs(orders)"'])
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_page_whose_orders_can_not_be_told_apart_is_said_to_be_more(
    tmp_path: Path, more: str, end: str
) -> None:
    text = '{"orders": [{"id": 1"}, {"id": 2}]}' + end
    found = read(tmp_path / "orders.json", f'{{"a": 1}}\n{text}'.encode(), more)
    assert [one.is_rest for one in found] == [False, True]


def test_a_broken_order_alone_on_its_line_is_not_said_to_be_more(tmp_path: Path) -> None:
    text = '{"id": 1, "lines": [{"n": 1}]}\n{"id": 2", "lines": [{"n\\q": 1}], "x": [{"n": 1}]}\n'
    found = read(tmp_path / "orders.json", text.encode(), PATHS)
    assert [(one.fault, one.is_rest) for one in found] == [("", False), ("not JSON", False)]


def test_a_part_of_a_broken_record_is_no_record_though_it_has_half_of_its_names(tmp_path: Path) -> None:
    parts = [{"id": 7, "total": 1}, {"id": 8, "total": 2}]
    whole = [{"id": n, "customer": {"id": 1}, "total": 5, "items": parts} for n in range(4)]
    wide = [{"id": n, "total": 5, "items": [{"id": 9, "total": 1, "sku": 4}]} for n in range(4)]
    for orders in (whole, wide):
        for indent in (None, 2):
            text = json.dumps(orders, indent=indent).replace('"id": 2,', '"id": 2 "x",', 1)
            found = read(tmp_path / "orders.json", text.encode())
            assert [one.value for one in found] == [*orders[:2], None, orders[3]]


def test_of_arrays_one_a_line_a_broken_one_costs_no_record_of_the_next(tmp_path: Path) -> None:
    text = '[{"id": 1}]\n[{"id": 2"}]\n[{"id": 3}]\n'
    assert values(read(tmp_path / "orders.json", text.encode())) == [{"id": 1}, "not JSON", {"id": 3}]


def test_a_file_in_utf16_is_said_to_be(tmp_path: Path) -> None:
    raw = ARRAY.encode("utf-16")
    (found,) = read(tmp_path / "orders.json", raw)
    assert (found.raw, found.is_rest) == (raw, True)
    assert found.fault.startswith("UTF-16, not UTF-8: `iconv")


def test_of_a_page_only_the_spoiled_records_are_refused(tmp_path: Path) -> None:
    raw = b'{"orders": [{"id": 1, "t": 1.50}, {"id": "f\xfcr", "t": 1.50}, {"id": NaN}, {"id": "\\ud800"}]}'
    page, _ = read(tmp_path / "orders.json", raw + b"\n{}\n")
    assert (page.fault, page.raw) == ("not UTF-8", raw)
    assert page.value is not None
    parts = [page.part(one) for one in page.value["orders"]]
    assert [one.fault for one in parts] == ["", "not UTF-8", "not UTF-8", "not UTF-8"]
    assert [one.raw for one in parts] == [
        b'{"id":1,"t":1.50}',
        b'{"id": "f\xfcr", "t": "1.50"}',
        b'{"id": "NaN"}',
        b'{"id": "\\ud800"}',
    ]


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
        ("\n\nid,total\n1,12.50\n2,0.10\n", ""),
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
    raw = b'id,note\n1\n2,a,b\n3,"x"y\n4,f\xfcr\n5,"' + b"z" * 140_000
    raw += b'"\n6,ok\n7,"never closed\n8,lost\n'
    found = read(tmp_path / "orders.csv", raw, CSV)
    not_csv = "not CSV: a quote out of place, or a field too long"
    assert values(found) == [
        *("1 columns, where the header has 2", "3 columns, where the header has 2", not_csv, "not UTF-8"),
        *(not_csv, {"id": "6", "note": "ok"}, not_csv),
    ]
    assert b"\n".join(one.raw for one in found) == raw.partition(b"\n")[2].rstrip()


ROWS = [f"{n},c{n},{n}.50,note" for n in range(1, 41)]


@pytest.mark.parametrize(
    ("opened", "closed", "refused"),
    [
        (9, None, [9]),  # to the end of the file
        (9, 29, [9]),  # and a row ends with a quote
        (9, 10, [9]),
        (0, None, [0]),
    ],
)
def test_a_stray_quote_swallows_no_row(
    tmp_path: Path, opened: int, closed: int | None, refused: list[int]
) -> None:
    rows = list(ROWS)
    rows[opened] = rows[opened].replace("note", '"15 inch')
    if closed is not None:
        rows[closed] = rows[closed].replace("note", '15 inch"')
    raw = "\n".join(["id,customer,total,note", *rows, ""]).encode()
    found = read(tmp_path / "orders.csv", raw, CSV)
    assert [at for at, one in enumerate(found) if one.fault] == refused
    assert [one.line for one in found] == [*range(2, 42)]
    assert b"\n".join(one.raw for one in found) == raw.partition(b"\n")[2].rstrip()


def test_two_stray_quotes_at_the_begin_of_cells_swallow_no_row(tmp_path: Path) -> None:
    rows = [row.replace("note", '"15 inch') if n in {9, 29} else row for n, row in enumerate(ROWS)]
    raw = "\n".join(["id,customer,total,note", *rows]).encode()
    found = read(tmp_path / "orders.csv", raw, CSV)
    assert [at for at, one in enumerate(found) if one.fault] == [9, 29]
    assert len(found) == 40


def test_a_text_of_several_lines_stays_one(tmp_path: Path) -> None:
    text = "Dear Sir,\nmy order, the one of May, never came, you see.\n\nYours, 12, Main Street"
    raw = f'id,customer,total,note\n1,c1,1.50,x\n2,c2,2.50,"{text}"\n3,c3,3.50,x\n'
    found = read(tmp_path / "orders.csv", raw.encode(), CSV)
    assert [one.value["note"] for one in found if one.value] == ["x", text, "x"]


@pytest.mark.parametrize("seed", range(60))
def test_whatever_whole_rows_hold_they_are_read_as_they_are(tmp_path: Path, seed: int) -> None:
    drawn = Random(seed)
    parts = ["a", "word, and", '"so"', "\n", "\r\n", "12", ", ", "Main Street 7", ";", "", "x"]
    header = [f"column {n}" for n in range(drawn.randrange(2, 6))]
    text = drawn.randrange(len(header))
    rows = [
        [
            "".join(drawn.choices(parts, k=drawn.randrange(9))) if at == text else f"{n}{at}"
            for at in range(len(header))
        ]
        for n in range(1, 40)
    ]
    path = tmp_path / "orders.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    found = list(records(path, source(CSV)))
    assert [one.value for one in found] == [
        {name: cell.strip() for name, cell in zip(header, row, strict=True)} for row in rows
    ]


def test_a_quote_that_swallows_what_is_like_no_row_takes_the_rest_and_it_is_said(tmp_path: Path) -> None:
    raw = b'id,customer,total,note\n1,c1,1.50,x\n2,c2,2.50,"never\nclosed\nat all\n'
    found = read(tmp_path / "orders.csv", raw, CSV)
    assert [one.is_rest for one in found] == [False, True]
    assert b"\n".join(one.raw for one in found) == raw.partition(b"\n")[2].rstrip()


def test_the_line_that_tells_excel_the_separator_is_no_header(tmp_path: Path) -> None:
    raw = b"\xef\xbb\xbfsep=;\r\nid;total\r\n1;2\r\n"
    (found,) = read(tmp_path / "orders.csv", raw, CSV + '\nseparator = ";"')
    assert (found.value, found.line) == ({"id": "1", "total": "2"}, 3)


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
