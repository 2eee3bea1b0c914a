"""The benchmarks of the worker run, at a size that says nothing about speed."""

import re
from pathlib import Path

import pytest

from bench import bridge, desk, ingest, latency, restore, worker
from bench.client import __main__ as client
from bench.scale import __main__ as scale
from bench.scale.results import read
from tests.chromium import CHROMIUM, DRIVER

pytestmark = pytest.mark.kafka
RATE = r"[\d,]+/s"


@pytest.mark.usefixtures("jars")
def test_worker_is_measured_beside_its_limit(capsys: pytest.CaptureFixture[str]) -> None:
    worker.main(["--customers", "100", "--transactions", "2000", "--rounds", "1", "--sets", "zipf-contacts"])
    out = capsys.readouterr().out
    assert re.search(
        r"^zipf-contacts: [\d,]+ transactions, \d+ contacts, .* records with ticks", out, re.MULTILINE
    )
    assert re.search(rf"^ +1 +{RATE} +{RATE} +\d\.\d{{3}} +[\d.]+, [\d.]+$", out, re.MULTILINE)
    assert re.search(r"^ratio worker / limit: median \d\.\d{3}, \d\.\d{3} to \d\.\d{3}$", out, re.MULTILINE)
    assert re.search(r"wall [\d.]+ s, decode and apply [\d.]+ s, decide .*pack .*send .*fetch", out)


@pytest.mark.usefixtures("jars")
def test_latency_is_measured_over_every_severe_contact(capsys: pytest.CaptureFixture[str]) -> None:
    latency.main(["--customers", "500", "--rate", "200", "--contacts", "5", "--seconds", "2"])
    out = capsys.readouterr().out
    assert re.search(r"^(9|10) alerts, append of the contact", out, re.MULTILINE)
    p50 = re.search(r"^p50 ([\d,]+) ms, p99 [\d,]+ ms", out, re.MULTILINE)
    assert p50 is not None
    assert int(p50[1].replace(",", "")) >= latency.LATENESS_SECONDS * 1000 - 100  # clocks are in ms


@pytest.mark.usefixtures("jars")
def test_restore_is_measured_from_assignment_and_from_start(capsys: pytest.CaptureFixture[str]) -> None:
    restore.main(["--customers", "200", "--rounds", "1"])
    out = capsys.readouterr().out
    assert "200 customers, 60 purchase hours in a year" in out
    assert re.search(r"^ +1 +[\d.]+ s +[\d.]+ s +[\d,]+$", out, re.MULTILINE)
    assert re.search(r"^assigned -> ready: median [\d.]+ s", out, re.MULTILINE)


@pytest.mark.usefixtures("jars")
def test_ingest_is_measured_beside_the_mapping_alone(capsys: pytest.CaptureFixture[str]) -> None:
    ingest.main(["--records", "500", "--rounds", "1", "--sources", "orders"])
    out = capsys.readouterr().out
    assert "orders: 500 records of" in out
    assert re.search(r"^mapping alone: [\d,]+ records per CPU second$", out, re.MULTILINE)
    assert re.search(rf"^ingest: {RATE}, [\d,]+/CPU s$", out, re.MULTILINE)


@pytest.mark.usefixtures("jars")
def test_the_worker_is_measured_alone_and_beside_a_bridge(capsys: pytest.CaptureFixture[str]) -> None:
    bridge.main(["--customers", "100", "--transactions", "2000", "--rounds", "1"])
    out = capsys.readouterr().out
    assert re.search(rf"^ +1 +{RATE} +{RATE} +[\d.]+ +[\d.]+, [\d.]+ +[\d.]+ +\d+$", out, re.MULTILINE)
    assert re.search(r"^beside / alone, throughput: median [\d.]+, [\d.]+ to [\d.]+$", out, re.MULTILINE)


@pytest.mark.usefixtures("jars")
@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium with its driver is here")
def test_the_desk_is_measured_in_a_browser(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "_LOADS", 1)
    monkeypatch.setattr(desk, "_FILTERS", (("level", "watch"),))
    desk.main([*("--alerts", "100", "--rounds", "1"), *("--minutes", "0.02", "--changes", "5")])
    out = capsys.readouterr().out
    assert re.search(r"^100 open alerts: read [\d.]+ s after the start$", out, re.MULTILINE)
    for what, number in (("first paint", 1), ("filters", 4), ("from Kafka to the row", 1)):
        assert re.search(rf"^{what}: median [\d,]+ ms, \d+ to \d+ \({number}\)", out, re.MULTILINE), what
    assert re.search(r"^ +0 s, +0 changes: heap [\d.]+ MB, [\d,]+ nodes$", out, re.MULTILINE)
    assert re.search(r"^memory of the desk: \d+ MiB$", out, re.MULTILINE)


@pytest.mark.usefixtures("jars")
def test_the_clients_are_measured_reading_and_committing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "alone", lambda function, *given: function(*given))  # processes take long
    client.main([*("--records", "2000", "--rounds", "1"), *("--commit-records", "40", "--commits", "1")])
    out = capsys.readouterr().out
    for name in (*client.READERS, *client.COMMITTERS):
        assert re.search(rf"^{re.escape(name)} +[\d.]+ \([\d.]+-[\d.]+\) ", out, re.MULTILINE), name


@pytest.mark.usefixtures("jars")
def test_a_cell_of_the_sizes_is_measured_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "cells.jsonl"
    asked = ["--out", str(out), "--events", "2000", "--cells", "work-10000c-4p-1w-zipf"]
    scale.main(asked)
    (result,) = read(out)
    assert result.figures["events"] == 2_000
    assert result.figures["restore_records"] > 10_000
    assert result.figures["restore_after_records"] > result.figures["restore_records"]
    assert result.figures["changelog_bytes"] > 0
    scale.main(asked)
    assert len(read(out)) == 1
    assert capsys.readouterr().out.count("work-10000c-4p-1w-zipf round 1") == 1
