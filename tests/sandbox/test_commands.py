"""The command line of the sandbox: a table, JSON, a secret, a server that ends when it is told to."""

import json
import os
import signal
import sqlite3
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from streams.sandbox.case import read
from streams.sandbox.store import Store, StoreError
from tests.lab.datasets import run
from tests.outputs import ROOT, command
from tests.sandbox.sandbox_cases import HOSTILE, SECRET, case, drawn_cases, signed


def keep(store: Store, *cases: dict[str, Any]) -> None:
    for at, one in enumerate(cases):
        place = store.arrived(f"m-{at}", None, at)
        store.take(place, f"m-{at}", read(json.dumps(one).encode()), at, synthetic=False)


def test_cases_are_ranked_in_the_terminal(store: Store, db: Path) -> None:
    keep(store, *drawn_cases(), case("z", kind="close", customer_id=HOSTILE, what_happened=[HOSTILE]))
    done = run("crm-sandbox", "cases", "--db", db)
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines[2:8]] == ["1020", "1081", "1111", "1310", "1755", "2204"]
    assert "(internal only, synthetic) Was cut off" in lines[5]
    assert "nobody" in lines[5]
    assert "6 open, 1 resolved; 7 messages, duplicates that changed nothing: 0" in lines
    assert lines[-1] == "all of them synthetic: made for a demo or a test"
    assert not {"\x1b", "\u202e"} & set(done.out)


def test_cases_as_json_hold_all_that_came(store: Store, db: Path) -> None:
    keep(store, case("a", value_at_risk="1.00"), case("b", unknown={"kept": True}))
    done = run("crm-sandbox", "cases", "--db", db, "--json")
    first, second = map(json.loads, done.out.splitlines())
    assert (first["alert_id"], second["alert_id"], first["unknown"]) == ("b", "a", {"kept": True})


def test_no_database_and_somebody_elses_are_left_alone(tmp_path: Path) -> None:
    missing = run("crm-sandbox", "cases", "--db", tmp_path / "none.db")
    assert missing.code == 66
    assert "is not there" in missing.err
    assert not (tmp_path / "none.db").exists()
    other, text = tmp_path / "other.db", tmp_path / "text"
    with sqlite3.connect(other) as theirs:
        theirs.execute("CREATE TABLE t (x)")
    theirs.close()
    text.write_text("notes, not a database\n" * 100, encoding="utf-8")
    for path, why in ((other, "something else"), (text, "not a database"), (tmp_path, "cannot be used")):
        with pytest.raises(StoreError, match=why):
            Store(path)
    assert text.read_text(encoding="utf-8").startswith("notes")


def test_the_file_is_for_its_owner_alone(store: Store, db: Path) -> None:
    assert store.counts().tries == 0
    assert db.stat().st_mode & 0o077 == 0


def test_a_secret_is_printed_and_new_each_time() -> None:
    first, second = run("crm-sandbox", "secret"), run("crm-sandbox", "secret")
    assert first.code == second.code == 0
    assert first.out.startswith("whsec_")
    assert first.out != second.out


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        ((), 78, "--secret-file is missing"),
        (("--secret-file", "/no/such"), 78, "/no/such cannot be read"),
        (("--fail", "2"), 64, "--fail: Input should be less than or equal to 1"),
        (("--fail", "0.9", "--slow", "0.9"), 64, "fail, refuse, slow and hang are shares"),
        (("--slow-seconds", "-1"), 64, "--slow-seconds: "),
        (("--db", "x.db", "cases"), 64, "write --db after cases"),
        (("--port", "70000"), 2, "Invalid value"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(arguments: tuple[str, ...], code: int, why: str) -> None:
    done = run("crm-sandbox", *arguments)
    assert done.code == code
    assert why in done.err


def test_a_bridge_that_is_no_url(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET, encoding="utf-8")
    given = ("--db", tmp_path / "s.db", "--secret-file", secret, "--bridge", "nowhere")
    done = run("crm-sandbox", *given)
    assert (done.code, done.out) == (64, "")
    assert "the bridge is given as a URL" in done.err


@pytest.mark.slow
def test_the_server_prints_its_address_and_ends_when_told_to(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET, encoding="utf-8")
    given = ("--port", 0, "--db", tmp_path / "s.db", "--secret-file", secret)
    with subprocess.Popen(  # noqa: S603 - ourselves
        command("crm-sandbox", *given),
        cwd=ROOT,
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        try:
            assert child.stdout is not None
            webhook = child.stdout.readline().decode().partition("webhook: ")[2].partition(")")[0]
            body = json.dumps(case()).encode()
            request = urllib.request.Request(webhook, body, signed(body, "m-1"))  # noqa: S310 - loopback
            with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
                assert json.load(answer) == {"status": "stored"}
            child.send_signal(signal.SIGTERM)
            _, err = child.communicate()
        finally:
            child.kill()
    assert (child.returncode, err) == (0, b"")
    with Store(tmp_path / "s.db", create=False) as store:
        assert [one.alert_id for one in store.cases()] == ["a-1"]
