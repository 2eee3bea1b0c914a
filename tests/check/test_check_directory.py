"""`check DIR`: a directory in; tables or JSON, and an exit code that a pipeline can stop on, out."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from streams.core.watermark import Input
from tests.check.feed import Feed, encoded, every, healthy
from tests.lab.datasets import run


def write(directory: Path, feed: Feed) -> Path:
    """Write a feed, one input of it compressed."""
    for source, lines in encoded(feed).items():
        data = b"".join(line + b"\n" for line in lines)
        if source is Input.CONTACTS:
            (directory / "contacts.jsonl.gz").write_bytes(gzip.compress(data))
        else:
            (directory / f"{source.value}.jsonl").write_bytes(data)
    return directory


def told(directory: Path, *options: str) -> dict[str, Any]:
    """Return what `check --json` prints."""
    found: dict[str, Any] = json.loads(run("check", directory, "--json", *options).out)
    return found


@pytest.fixture(name="sound", scope="module")
def _sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("sound"), healthy())


def test_a_healthy_directory(sound: Path) -> None:
    done = run("check", sound, "--partitions", 1, width=110)
    assert (done.code, done.err) == (0, "")
    assert "Ten questions to the owner of the feed: 2,940 transactions, 74 contacts" in done.out
    assert done.out.count(" good ") == 10
    assert "zq-" not in done.out


def test_json_has_all_ten_with_their_details(sound: Path) -> None:
    found = told(sound, "--partitions", "1")
    assert found["records"] == {"transactions": 2940, "contacts": 74}
    assert found["sampled"] is False
    assert [one["number"] for one in found["questions"]] == list(range(1, 11))
    assert {one["verdict"] for one in found["questions"]} == {"good"}
    csat = next(one for one in found["questions"][0]["details"] if one["field"] == "csat")
    assert (csat["source"], csat["events"], csat["share"]) == ("phone", 74, 1.0)


def test_what_is_bad_stops_a_pipeline(tmp_path: Path) -> None:
    feed = healthy(weeks=9)
    every(feed, Input.TRANSACTIONS, currency="EUR")
    done = run("check", write(tmp_path, feed), width=110)
    assert done.code == 65
    assert "10: refused" in done.out
    assert "exchange_rate: missing" in done.out
    assert done.out.count("RETENTION_REPORTING_CURRENCY") == 2
    assert "zq-" not in done.out


@pytest.mark.parametrize("number", [5, 10])
def test_the_currency_is_that_of_the_settings_unless_it_is_given(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = healthy()
    every(feed, Input.TRANSACTIONS, currency="EUR")
    write(tmp_path, feed)
    monkeypatch.setenv("RETENTION_REPORTING_CURRENCY", "EUR")
    assert told(tmp_path)["questions"][number - 1]["verdict"] == "good"
    assert told(tmp_path, "--currency", "USD")["questions"][number - 1]["verdict"] == "bad"


def test_a_file_in_another_form_is_refused_as_a_whole(tmp_path: Path, sound: Path) -> None:
    (tmp_path / "contacts.jsonl").write_bytes(gzip.compress(b"{}"))
    (tmp_path / "customers.csv").touch()
    (tmp_path / "transactions.jsonl").write_bytes((sound / "transactions.jsonl").read_bytes())
    refused = told(tmp_path)["questions"][9]
    assert refused["verdict"] == "bad"
    rules = [one["rule"] for one in refused["details"]]
    assert "gzip" in rules[0]
    assert rules[1].startswith("customers.csv is not read")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("topics", "--partitions", "3"), 64, "those of the settings"),
        ((".", "--all"), 64, "--all is for topics"),
        (("no-such-directory",), 66, "no such directory"),
        ((".", "--ruleset", "no-such-file"), 78, "no-such-file"),
        ((".", "--currency", "dollars"), 2, "Invalid value"),
    ],
)
def test_a_wrong_call(arguments: tuple[str, ...], code: int, message: str) -> None:
    done = run("check", *arguments)
    assert done.code == code
    assert message in done.err
