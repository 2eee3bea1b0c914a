"""What is wrong with bytes that are no JSON object: each kind has its words, and none shows a value."""

import pytest

from schemas.line_faults import HEAD_BYTES, binary_form, json_fault, whole_fault

PARSER = "said by the parser"


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b" \t", "empty"),
        (b"\x1f\x8b\x08\x00", "compressed with gzip"),
        (b"PK\x03\x04rest", "a ZIP archive or a spreadsheet"),
        ('{"a": 1}'.encode("utf-16"), "in UTF-16, not UTF-8"),
        (b'\x00\x00\x00\x00\x07{"a": 1}', "five bytes of a schema registry before the JSON"),
        ('{"a": "Köln"}'.encode("latin-1"), "not UTF-8 (perhaps Latin-1 or Windows-1252)"),
        (b'{"a": 1}\r{"a": 2}', "lines that end in CR alone: write LF, or CR LF"),
        (b'{"a": 1},', "part of a JSON array: write one event a line, without the commas between them"),
        (b"[", "a JSON array over several lines: write one event a line"),
        (b"],", "a JSON array over several lines: write one event a line"),
        (b"{", "JSON spread over several lines: write one event a line"),
        (b'"a": 1,', "JSON spread over several lines: write one event a line"),
        (b"<event/>", "XML or HTML: each line is a JSON object"),
        (b"a;b;c", "CSV or the like: each line is a JSON object"),
        (b"a;b", f"not JSON: {PARSER}"),
        (b'{"a": 1} {"a": 2}', "more than one object on a line: a line end is missing"),
        (b"{'a': 1}", "single quotes: JSON has double quotes"),
        (b'{"a": -Infinity}', "NaN or Infinity, which JSON does not have"),
        (b'{"a": 1', "cut off: the end of the object is missing"),
        (b'{"a": 1,,}', f"not JSON: {PARSER}"),
        (b'{"a": 1,,},', "cut off: the end of the object is missing"),
    ],
)
def test_a_line_that_is_no_json_is_told_by_its_kind(raw: bytes, fault: str) -> None:
    assert json_fault(raw, PARSER) == fault


@pytest.mark.parametrize(
    ("raw", "form"), [(b"\x00", None), (b"a", None), (b"\x00a\x00b", "in UTF-16, not UTF-8")]
)
def test_of_utf_16_every_second_byte_is_zero(raw: bytes, form: str | None) -> None:
    assert binary_form(raw) == form


@pytest.mark.parametrize(
    ("head", "fault"),
    [
        (b"", None),
        (b"\n\n", None),
        (b'\xef\xbb\xbf{"a": 1}\n', None),
        (b'{"a": 1}\n{"a": 2', None),
        (b'{"a": "' + HEAD_BYTES * b"x", None),
        (b"BZh9", "compressed with bzip2"),
        (b'{"a": 1}\r{"a": 2}\r', "lines that end in CR alone"),
        (b'[{"a": 1}]', "a JSON array"),
        (b"a,b,c\n1,2,3\n", "CSV or the like: each line is a JSON object"),
    ],
)
def test_a_whole_file_is_told_by_how_it_begins(head: bytes, fault: str | None) -> None:
    assert whole_fault(head) == fault
