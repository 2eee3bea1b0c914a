"""`bridge deliveries` and `bridge resend`: the tables, and that each names what the other wants."""

import json
from pathlib import Path

import pytest

from tests.crm.ledger.records import NOON, Desk, alert, id_of
from tests.lab.datasets import run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a ledger with one case of each of several standings; that of `lost` was given up."""
    desk = Desk(tmp_path / "bridge.ledger", budgets={"watch": 0})
    desk.ledger.caught_up(NOON)
    desk.read(
        alert("lost", value=400),
        alert("late", value=300, backfill=True),
        alert("full", value=200, level="watch"),
        alert("over", value=900_000),
        alert("over", 2, "resolved", value=900_000),
        alert("canary", value=100, customer="retention-canary-0"),
    )
    desk.ledger.admit(NOON + 600_000)
    desk.ledger.give_up(f"{id_of('lost')}/1", "status_422", NOON)
    desk.ledger.close()
    return desk.path


def listed(path: Path, *options: str) -> list[str]:
    """Return the lines of the table."""
    done = run("bridge", "deliveries", "--ledger", path, *options)
    assert done.code == 0, done.err
    return [line.rstrip() for line in done.out.splitlines()]


def test_what_was_resolved_before_it_came_is_listed_if_asked_for(path: Path) -> None:
    rows = listed(path)
    assert [row.split()[0] for row in rows[2:-1]] == [
        id_of(one) for one in ("lost", "late", "full", "canary")
    ]
    assert rows[-1] == ("2 admitted, 1 deferred, 1 held (backfill), 1 never; 1 messages queued, 1 given up")
    assert [row.split()[0] for row in listed(path, "--standing", "never")[2:-1]] == [id_of("over")]


def test_what_is_held_as_history_is_listed_alone(path: Path) -> None:
    assert [row.split()[0] for row in listed(path, "--standing", "held")[2:-1]] == [id_of("late")]


def test_a_synthetic_customer_is_called_synthetic(path: Path) -> None:
    rows = {row.split()[0]: row for row in listed(path)[2:-1]}
    assert [name for name in ("lost", "canary") if "synthetic" in rows[id_of(name)]] == ["canary"]


def test_ids_of_customers_are_shown_only_if_asked_for(path: Path) -> None:
    assert "customer" not in " ".join(listed(path) + listed(path, "--given-up"))
    assert "customer-lost" in listed(path, "--customers")[2]
    assert "customer-lost" in listed(path, "--given-up", "--customers")[2]


def test_what_was_given_up_is_named_as_resend_wants_it(path: Path) -> None:
    message_id = listed(path, "--given-up")[2].split()[0]
    assert message_id == f"{id_of('lost')}/1"
    as_json = json.loads(listed(path, "--given-up", "--json")[0])
    assert (as_json["message_id"], as_json["reason"]) == (message_id, "status_422")
    done = run("bridge", "resend", "--ledger", path, message_id, id_of("lost"))
    assert (done.code, done.out) == (65, "1 queued, 0 dropped as overtaken\n")
    assert done.err == f"not given up, or not known: {id_of('lost')}"
    assert listed(path, "--given-up")[-1].endswith("2 messages queued, 0 given up")


def test_a_ledger_that_is_not_there_is_said_to_be_made_by_the_bridge(tmp_path: Path) -> None:
    done = run("bridge", "deliveries", "--ledger", tmp_path / "none")
    assert done.code == 66
    assert "the bridge makes it when it first starts" in done.err
