"""The file: one owner, its own version, nothing of anybody else's, and read beside the bridge."""

import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from streams.crm.cases.policy import Policy
from streams.crm.cases.standing import Standing
from streams.crm.ledger import file
from streams.crm.ledger.errors import LedgerError, LockedError
from streams.crm.ledger.ledger import Ledger, Visit
from streams.crm.ledger.rows import AlertRead, Resent
from streams.crm.wire import Kind
from tests.crm.ledger.records import NOON, Desk, alert, id_of, words
from tests.documented import TOP

Open = Callable[..., Desk]
POLICY = Policy()


def test_one_bridge_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "l"
    with Ledger.open(path, policy=POLICY), pytest.raises(LockedError, match="another bridge has"):
        Ledger.open(path, policy=POLICY)
    ledger = Ledger.open(path, policy=POLICY)
    ledger.close()
    ledger.close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_backup_of_the_guide_is_a_whole_ledger(tmp_path: Path) -> None:
    """Taken beside the bridge, with Python alone: the image has nothing else."""
    guide = (TOP / "docs" / "crm.md").read_text(encoding="utf-8")
    command = next(line for line in guide.splitlines() if line.startswith("python -c") and "backup" in line)
    _, *rest = shlex.split(command)
    desk = Desk(tmp_path / "bridge.ledger")
    desk.read(alert("a"))
    subprocess.run([sys.executable, *rest], cwd=tmp_path, check=True, timeout=60)  # noqa: S603 - our page's
    desk.ledger.close()
    Ledger.open(tmp_path / "copy.ledger", policy=POLICY).close()
    assert id_of("a") in words(tmp_path / "copy.ledger")


def test_a_failed_open_gives_the_lock_back(tmp_path: Path) -> None:
    path = tmp_path / "l"
    path.write_text("id,name\n" * 1000)
    for _ in range(2):
        with pytest.raises(LedgerError, match="is no ledger, or is damaged: file is not a database"):
            Ledger.open(path, policy=POLICY)


def test_the_disk_is_waited_for(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "l", policy=POLICY) as ledger:
        assert ledger._connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert ledger._connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_file_of_something_else_or_of_another_release_is_refused(tmp_path: Path) -> None:
    other, newer = tmp_path / "other", tmp_path / "newer"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    Ledger.open(newer, policy=POLICY).close()
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    for path, message in (
        (other, "something else"),
        (newer, "version 99, this release reads version 2: start"),
    ):
        with pytest.raises(LedgerError, match=message):
            Ledger.open(path, policy=POLICY)
        with pytest.raises(LedgerError, match=message):
            Visit.open(path)


def test_the_ledger_of_an_earlier_release_is_taken_over(tmp_path: Path) -> None:
    """With all that it holds; what reads beside the bridge leaves it as it is."""
    path = tmp_path / "l"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / "version_1.sql").read_text(encoding="utf-8"))
    with pytest.raises(LedgerError, match="of an earlier release; the bridge takes it over when it starts"):
        Visit.open(path)
    with Ledger.open(path, policy=Policy(budgets={"watch": 0})) as ledger:
        standings = {one.alert_id: one.standing for one in ledger.listing()}
        assert standings == {
            id_of("new"): Standing.WAITING,
            id_of("deferred"): Standing.DEFERRED,
            id_of("held"): Standing.HELD,
            id_of("tried"): Standing.ADMITTED,
        }
        assert ledger.figures().oldest_deferred_ms == {"watch": NOON}
        ledger.caught_up(NOON)
        assert ledger.admit(NOON).admitted == {"alert": 1}
        assert {one.alert_id: one.opened_ms for one in ledger.due(NOON, 9)} == {
            id_of("tried"): None,
            id_of("new"): NOON,
        }
        ledger.give_up(f"{id_of('tried')}/1", "status_422", NOON)  # its try of then may have arrived
        ledger.take([AlertRead("alerts", 0, 9, alert("tried", 2, "resolved"))], NOON)
        assert {one.kind for one in ledger.due(NOON, 9)} == {Kind.CREATE, Kind.CLOSE}
    made = sqlite3.connect(tmp_path / "new")
    Ledger.open(tmp_path / "new", policy=POLICY).close()
    with closing(made), closing(sqlite3.connect(path)) as taken:
        for table in ("cases", "messages"):
            assert {one[1:4] for one in taken.execute(f"PRAGMA table_info({table})")} == {
                one[1:4] for one in made.execute(f"PRAGMA table_info({table})")
            }
        indices = "SELECT name FROM sqlite_master WHERE type = 'index'"
        assert set(taken.execute(indices)) == set(made.execute(indices))
    Visit.open(path).close()


def test_a_damaged_ledger_of_an_earlier_release_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "l"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / "version_1.sql").read_text(encoding="utf-8"))
        page = "SELECT rootpage FROM sqlite_master WHERE name = 'dispositions_by_time'"
        end = connection.execute(page).fetchone()[0] * connection.execute("PRAGMA page_size").fetchone()[0]
    data = bytearray(path.read_bytes())
    data[end - 4096 : end] = b"\xaa" * 4096
    path.write_bytes(data)
    with pytest.raises(LedgerError, match="damaged"):
        Ledger.open(path, policy=POLICY)
    assert path.read_bytes() == data


def test_damage_is_seen_at_the_start(desk: Open) -> None:
    here = desk()
    here.read(*(alert(f"a{at}") for at in range(100)))
    here.ledger.close()
    data = bytearray(here.path.read_bytes())
    data[4096 * 6 : 4096 * 9] = b"\xaa" * 4096 * 3
    here.path.write_bytes(data)
    with pytest.raises(LedgerError, match="damaged"):
        Ledger.open(here.path, policy=POLICY)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be made: No such file"):
        Ledger.open(tmp_path / "no" / "l", policy=POLICY)
    (tmp_path / "folder").mkdir()
    with pytest.raises(LedgerError, match="cannot be written: Is a directory"):
        Ledger.open(tmp_path / "folder", policy=POLICY)
    with pytest.raises(LedgerError, match="there is no ledger"):
        Visit.open(tmp_path / "l")
    (tmp_path / "l").touch()
    with pytest.raises(LedgerError, match="is empty"):
        Visit.open(tmp_path / "l")


def test_a_failure_of_sqlite_is_one_of_the_ledger_and_nothing_is_done(desk: Open) -> None:
    here = desk()
    here.ledger._connection.execute(
        "CREATE TRIGGER full BEFORE INSERT ON positions BEGIN SELECT RAISE(ABORT, 'full'); END"
    )
    with pytest.raises(LedgerError, match="the ledger failed: full"):
        here.read(alert("a"))
    assert here.ledger.listing() == []
    here.ledger._connection.execute("DROP TABLE dispositions")
    with pytest.raises(LedgerError, match="no such table"):
        here.ledger.disposition_seen("d")


def test_a_full_disk_is_not_called_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "TABLES", "CREATE TABLE t (x);\nINSERT INTO full VALUES (1)")
    with pytest.raises(LedgerError, match=r"l cannot be opened: no such table: full$"):
        Ledger.open(tmp_path / "l", policy=POLICY)
    monkeypatch.undo()
    Ledger.open(tmp_path / "l", policy=POLICY).close()


def test_an_alert_of_a_newer_release_is_told(desk: Open) -> None:
    here = desk()
    here.ledger.caught_up(NOON)
    here.read(alert("a"))
    here.ledger.admit(NOON)
    here.ledger._connection.execute("UPDATE messages SET record = json_set(record, '$.new', 1)")
    with pytest.raises(LedgerError, match="cannot read"):
        here.due(NOON)


def test_commands_read_and_resend_while_the_bridge_runs(desk: Open) -> None:
    here = desk(budgets={"watch": 0})
    here.ledger.caught_up(NOON)
    here.read(alert("a", value=7), alert("b", value=8), alert("w", level="watch"))
    here.ledger.admit(NOON)
    here.ledger.give_up(f"{id_of('a')}/1", "status_400", NOON)
    with Visit.open(here.path) as visit:
        assert visit.figures() == here.ledger.figures()
        assert [one.alert_id for one in visit.listing(limit=2)] == [id_of("w"), id_of("b")]
        [one] = visit.given_up()
        assert (one.alert_id, one.reason, one.attempts, one.customer_id) == (
            id_of("a"),
            "status_400",
            1,
            None,
        )
        assert visit.given_up(customers=True)[0].customer_id == "customer-a"
        assert visit.resend(None, NOON) == Resent(queued=1)
    assert len(here.due(NOON)) == 2
    figures = here.ledger.figures()
    assert (figures.queued, figures.oldest_queued_ms, figures.given_up) == (2, NOON, 0)
    assert figures.cases == {(Standing.ADMITTED, None): 2, (Standing.WAITING, None): 1}
