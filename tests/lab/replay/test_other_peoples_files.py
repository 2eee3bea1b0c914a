"""Files as other people have them: another encoding or format, marks and blank lines, half of it wrong."""

import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from tests.lab.datasets import copy_as, lines_of, run, write_lines
from tests.lab.others import (
    alerts_of,
    call,
    calls,
    folder,
    read,
    sale,
    sales,
    spelled,
    without,
    words,
    write_small_dataset,
)

pytestmark = pytest.mark.slow

PLAIN: Final = b"".join(line + b"\n" for line in sales(60))
CSV: Final = "event_id,customer_id,time,amount\n" + "".join(
    f"t-{at},c-1,2020-01-01,9.00\n" for at in range(30)
)
BAD: Final = b'{"type":"transaction"'


def zipped(content: bytes) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("transactions.jsonl", content)
    return memory.getvalue()


def parquet(text: str) -> bytes:
    memory = io.BytesIO()
    pl.read_csv(text.encode()).write_parquet(memory)
    return memory.getvalue()


FORMATS: Final[dict[str, tuple[bytes, str]]] = {
    "UTF-16 with its mark, little endian": (b"\xff\xfe" + PLAIN.decode().encode("utf-16-le"), "utf-16"),
    "UTF-16 with its mark, big endian": (b"\xfe\xff" + PLAIN.decode().encode("utf-16-be"), "utf-16"),
    "UTF-16 without a mark": (PLAIN.decode().encode("utf-16-le"), "utf-16"),
    "CSV": (CSV.encode(), "csv"),
    "CSV of Excel in Europe": (b"\xef\xbb\xbf" + CSV.replace(",", ";").encode(), "csv"),
    "CSV with tabs": (CSV.replace(",", "\t").encode(), r"csv|tsv|tab"),
    "gzip": (gzip.compress(PLAIN), "gzip"),
    "gzipped CSV": (gzip.compress(CSV.encode()), "gzip"),
    "zip, as Excel's": (zipped(PLAIN), r"\bzip\b|xlsx|excel"),
    "Parquet": (parquet(CSV), "parquet"),
    "an array on one line": (json.dumps([sale(at) for at in range(40)]).encode(), "array"),
    "an array a line": (b"\n".join(b"[" + line + b"]" for line in sales(40)), "array"),
    "an array, an element a line": (b"[\n" + b",\n".join(sales(40)) + b"\n]\n", "array"),
    "lines that end with CR": (PLAIN.replace(b"\n", b"\r"), r"\bcr\b|carriage"),
    "pretty-printed": (
        json.dumps([sale(at) for at in range(40)], indent=2).encode(),
        r"array|several lines|one line|a line",
    ),
    "pretty-printed, one after the other": (
        "\n".join(json.dumps(sale(at), indent=2) for at in range(40)).encode(),
        r"several lines|one line|a line|pretty|line breaks",
    ),
    "single quotes, as Python prints them": (
        "\n".join(str(sale(at)) for at in range(40)).encode(),
        r"single quote|double quote|quotes|apostrophe",
    ),
    "a trailing comma": (PLAIN.replace(b"}\n", b",}\n"), r"comma"),
    "a comma after each line": (PLAIN.replace(b"}\n", b"},\n"), r"comma|after the (object|event|end)"),
    "umlauts in Windows-1252": (
        b"\n".join(spelled(sale(at, category="Möbel") for at in range(40))).decode().encode("cp1252"),
        r"utf-8|1252|latin",
    ),
    "XML": (b"<?xml version='1.0'?>\n<rows>\n" + b"<row/>\n" * 30 + b"</rows>\n", r"xml|json"),
    "an HTML page of a portal": (b"<!DOCTYPE html>\n<html><body>Please log in</body></html>\n", r"html|json"),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_another_format_under_our_name_is_named(tmp_path: Path, kind: str) -> None:
    content, named = FORMATS[kind]
    found = read(folder(tmp_path / "shop", content, calls(5)))
    assert found.code == 65
    assert re.search(named, found.said), found.said
    assert "transactions.jsonl" in found.said


@pytest.mark.parametrize("kind", FORMATS)
def test_another_format_in_all_files_ends_in_a_sentence(tmp_path: Path, kind: str) -> None:
    content, named = FORMATS[kind]
    found = read(folder(tmp_path / "shop", content, content))
    assert found.code in {65, 66}
    assert re.search(named, found.said), found.said


@pytest.mark.parametrize("content", [PLAIN, CSV.encode(), b"", zipped(PLAIN)])
@pytest.mark.parametrize("form", [".jsonl.gz", ".parquet"])
def test_a_file_that_is_not_what_its_name_says_is_named(tmp_path: Path, content: bytes, form: str) -> None:
    directory = folder(tmp_path / "shop", None, calls(5))
    (directory / f"transactions{form}").write_bytes(content)
    found = read(directory)
    assert found.code in {65, 66}
    assert f"transactions{form}" in found.said
    assert ("gzip" if form == ".jsonl.gz" else "parquet") in found.said or (
        not content and "empty" in found.said
    )


@pytest.fixture(name="dataset", scope="module")
def dataset_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a small dataset with alerts, in place of the larger one of the other tests."""
    directory = tmp_path_factory.mktemp("small") / "here"
    write_small_dataset(directory)
    return directory


def with_mark(content: bytes) -> bytes:
    return b"\xef\xbb\xbf" + content


def with_crlf(content: bytes) -> bytes:
    return content.replace(b"\n", b"\r\n")


def with_blank_lines(content: bytes) -> bytes:
    return b"\n" + content.replace(b"\n", b"\n\n  \n\t\n", 3)


def without_last_end(content: bytes) -> bytes:
    return content.removesuffix(b"\n")


def with_all(content: bytes) -> bytes:
    return with_mark(with_crlf(with_blank_lines(content)))


@pytest.mark.parametrize("form", [".jsonl", ".jsonl.gz"])
@pytest.mark.parametrize("change", [with_mark, with_crlf, with_blank_lines, without_last_end, with_all])
def test_marks_and_line_ends_and_blank_lines_change_no_alert(
    dataset: Path, rules: Path, tmp_path: Path, change: Callable[[bytes], bytes], form: str
) -> None:
    changed = copy_as(dataset, tmp_path / "changed", form)
    for path in changed.iterdir():
        zip_or_not = gzip.compress if form == ".jsonl.gz" else bytes
        path.write_bytes(zip_or_not(change((dataset / f"{path.name.split('.')[0]}.jsonl").read_bytes())))
    plain = copy_as(dataset, tmp_path / "plain", ".jsonl")
    assert alerts_of(changed, rules, "--strict") == alerts_of(plain, rules)


@pytest.mark.parametrize("blank", [0, 1, 3])
def test_blank_lines_are_counted_apart_and_counted_as_lines_of_the_file(tmp_path: Path, blank: int) -> None:
    lines = [*sales(10), *[b"", b"  ", b"\t"][:blank], BAD, *sales(60)[10:]]
    found = read(folder(tmp_path / "shop", lines, calls(5)))
    assert found.places() == [("transactions.jsonl", 11 + blank, "not_json")]
    assert f"line {11 + blank}" in found.said
    assert (f"{blank} blank" in found.said) == (blank > 0)
    assert "60 applied" in found.said


def test_blank_lines_are_no_refused_lines(tmp_path: Path) -> None:
    """More blank lines than others are not half of an input refused."""
    lines = [part for line in sales(60) for part in (line, b"", b"")]
    found = read(folder(tmp_path / "shop", lines, calls(5)), "--strict")
    assert (found.code, found.letters) == (0, [])
    assert "120 blank" in found.said


@pytest.mark.parametrize(("bad", "code"), [(29, 0), (30, 65), (31, 65)])
def test_half_of_an_input_refused_is_an_error_unless_lenient(tmp_path: Path, bad: int, code: int) -> None:
    lines = [*sales(60 - bad), *[BAD] * bad]
    found = read(folder(tmp_path / "shop", lines, calls(5)))
    assert found.code == code
    assert ("--lenient" in found.said) == (code == 65)
    assert read(folder(tmp_path / "again", lines, calls(5)), "--lenient").code == 0


@pytest.mark.parametrize("name", ["transactions", "contacts"])
def test_half_of_any_input_counts(tmp_path: Path, name: str) -> None:
    """A large good file does not outvote a small bad one."""
    directory = folder(tmp_path / "shop", sales(60), calls(60))
    write_lines(directory / f"{name}.jsonl", [*lines_of(directory / f"{name}.jsonl")[:2], BAD, BAD])
    assert read(directory).code == 65


def test_alerts_are_written_though_half_was_refused(dataset: Path, rules: Path, tmp_path: Path) -> None:
    spoilt, rest = (
        copy_as(dataset, tmp_path / "spoilt", ".jsonl"),
        copy_as(dataset, tmp_path / "rest", ".jsonl"),
    )
    contacts = lines_of(dataset / "contacts.jsonl")
    write_lines(spoilt / "contacts.jsonl", [part for line in contacts for part in (line, BAD)])
    assert alerts_of(spoilt, rules) == alerts_of(rest, rules)


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("content", [b"", b"\n\n \n", b"\xef\xbb\xbf", BAD + b"\n"])
def test_an_input_without_a_usable_line_is_said(tmp_path: Path, content: bytes, *, lenient: bool) -> None:
    found = read(folder(tmp_path / "shop", sales(60), content), *(["--lenient"] if lenient else []))
    assert found.code == (0 if lenient else 65)
    assert "contacts.jsonl" in found.said
    assert re.search(r"no usable|empty|not one|no line|nothing", found.said)


def test_purchases_and_contacts_in_each_others_file_are_named(tmp_path: Path) -> None:
    found = read(folder(tmp_path / "shop", calls(60), sales(60)))
    assert found.code == 65
    assert "type" in found.said
    assert len(found.letters) == 120


def test_the_three_commonest_refusals_have_a_line_each_and_the_option_that_lists_all(tmp_path: Path) -> None:
    good = sales(100)
    kinds = [
        spelled([without(sale(1), "amount")]) * 7,
        spelled([sale(1, currency="EUR")]) * 5,
        [BAD] * 3,
        spelled([sale(1, colour="red")]) * 2,
    ]
    lines = good + [line for kind in kinds for line in kind]
    done = run("replay", folder(tmp_path / "shop", lines, calls(5)))
    assert done.code == 0
    for first, count in ((101, 7), (108, 5), (113, 3)):
        assert any(re.search(rf"\blines? {at}\b", words(done)) for at in range(first, first + count))
    assert not any(re.search(rf"\blines? {at}\b", words(done)) for at in (116, 117))
    assert "--dead-letters" in words(done)


def test_nothing_is_said_of_refusals_where_there_are_none(tmp_path: Path) -> None:
    found = read(folder(tmp_path / "shop", sales(60), spelled(call(at) for at in range(5))))
    assert (found.code, found.letters) == (0, [])
    assert "refused" not in found.said
    assert not re.search(r"\bline \d", found.said)
