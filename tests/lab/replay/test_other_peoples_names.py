"""Inputs under other names, in another place, or none: what is missed is said."""

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.lab.datasets import run
from tests.lab.others import calls, folder, read, sales, words

PLAIN: Final = b"".join(line + b"\n" for line in sales(60))
CSV: Final = "event_id,customer_id,time,amount\n" + "t-1,c-1,2020-01-01,9.00\n" * 30


ASIDE: Final = (
    "transactions.csv",
    "transactions.CSV",
    "transactions.csv.gz",
    "transactions.xlsx",
    "transactions.json",
    "transactions.ndjson",
    "transactions.jsonl.zip",
    "transactions.jsonl.txt",
    "transactions.avro",
    "Transactions.jsonl",
    "transactions.JSONL",
    "transaction.jsonl",
)


@pytest.mark.parametrize("name", ASIDE)
def test_an_input_that_lies_there_under_another_name_is_missed(tmp_path: Path, name: str) -> None:
    directory = folder(tmp_path / "shop", None, calls(5))
    (directory / name).write_bytes(PLAIN)
    found = read(directory)
    assert found.code == 65
    assert name.lower() in found.said
    assert read(folder(tmp_path / "again", None, calls(5)), "--lenient").code == 0


@pytest.mark.parametrize("name", ["contacts.csv", "customers.csv", "dispositions.xlsx"])
def test_any_input_is_missed_where_it_lies_in_another_format(tmp_path: Path, name: str) -> None:
    directory = folder(tmp_path / "shop", sales(60), None if name.startswith("contacts") else calls(5))
    (directory / name).write_bytes(b"x\n")
    found = read(directory)
    assert found.code == 65
    assert name in found.said


def test_what_lies_beside_a_good_input_is_not_missed(tmp_path: Path) -> None:
    directory = folder(tmp_path / "shop", sales(60), calls(5))
    (directory / "transactions.csv").write_text(CSV)
    (directory / "transactions-2019.csv").write_text(CSV)
    assert read(directory).code == 0


def test_a_directory_of_csv_has_nothing_to_read(tmp_path: Path) -> None:
    directory = folder(tmp_path / "shop", None, None)
    (directory / "transactions.csv").write_text(CSV)
    found = read(directory)
    assert found.code in {65, 66}
    assert found.report == ""
    assert "transactions.csv" in found.said


def test_a_file_instead_of_the_directory_is_named(tmp_path: Path) -> None:
    directory = folder(tmp_path / "shop", sales(60), calls(5))
    done = run("replay", directory / "transactions.jsonl")
    assert done.code in {2, 64, 66}
    assert "directory" in words(done)


def test_a_directory_instead_of_an_input_is_named(tmp_path: Path) -> None:
    directory = folder(tmp_path / "shop", None, calls(5))
    (directory / "transactions.jsonl").mkdir()
    found = read(directory)
    assert found.code in {65, 66}
    assert "transactions.jsonl" in found.said
    assert "directory" in found.said


@pytest.mark.parametrize("target", ["missing", "transactions.jsonl"])
def test_an_input_that_links_to_nothing_is_named(tmp_path: Path, target: str) -> None:
    directory = folder(tmp_path / "shop", None, calls(5))
    (directory / "transactions.jsonl").symlink_to(directory / target)
    found = read(directory)
    assert found.code in {65, 66}
    assert "transactions.jsonl" in found.said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_input_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    directory = folder(tmp_path / "shop", sales(60), calls(5))
    (directory / "transactions.jsonl").chmod(0)
    found = read(directory)
    assert found.code in {65, 66}
    assert "permission" in found.said


def test_linked_inputs_are_read(tmp_path: Path) -> None:
    store = folder(tmp_path / "store", sales(60), calls(5))
    directory = folder(tmp_path / "shop", None, None)
    for path in store.iterdir():
        (directory / path.name).symlink_to(path)
    (tmp_path / "linked").symlink_to(directory)
    found = read(tmp_path / "linked", "--strict")
    assert found.code == 0
    assert "60 applied" in found.said


def test_two_forms_of_one_input_are_both_named(tmp_path: Path) -> None:
    directory = folder(tmp_path / "shop", sales(60), calls(5))
    shutil.copy(directory / "transactions.jsonl", directory / "transactions.parquet")
    found = read(directory)
    assert found.code == 66
    assert "transactions.jsonl" in found.said
    assert "transactions.parquet" in found.said
