"""The file of a ledger: its tables, who may have it, and whether it is one at all."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from streams.crm.ledger.errors import LedgerError, LockedError

APPLICATION: Final = 0x5253_4C47
"""Says that a SQLite file is a ledger: RSLG."""
VERSION: Final = 2
"""Counts up when TABLES change."""

TABLES: Final = """
CREATE TABLE positions (
    topic TEXT, partition INTEGER, next_offset INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)
) WITHOUT ROWID;

CREATE TABLE topics (topic TEXT PRIMARY KEY, id TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE profiles (  -- only of customers with either
    customer_id TEXT PRIMARY KEY, account_id TEXT, do_not_contact INTEGER, time_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX profiles_by_account ON profiles (account_id) WHERE account_id IS NOT NULL;

CREATE TABLE cases (  -- one an alert, as of its newest revision
    alert_id TEXT PRIMARY KEY,
    customer_id TEXT,  -- null once erased
    revision INTEGER NOT NULL, level TEXT NOT NULL, open INTEGER NOT NULL,
    value_cents INTEGER NOT NULL, currency TEXT NOT NULL, time_ms INTEGER NOT NULL,
    canary INTEGER NOT NULL, backfill INTEGER NOT NULL, holdout INTEGER NOT NULL,
    do_not_contact INTEGER NOT NULL,
    standing TEXT NOT NULL, why TEXT, look_ms INTEGER, deferred_as TEXT,
    first_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL,
    opened_ms INTEGER,  -- when the log took the record that opened it
    was_held INTEGER NOT NULL DEFAULT 0,  -- since then
    erase INTEGER NOT NULL DEFAULT 0,  -- its customer was erased
    -- Of what is in the CRM:
    there INTEGER NOT NULL DEFAULT 0,  -- a create was delivered, and no close
    unclear INTEGER NOT NULL DEFAULT 0,  -- tries of a create without a clear answer: it may be there
    admitted_ms INTEGER, created_ms INTEGER, acted_ms INTEGER, done_ms INTEGER, snooze_ms INTEGER,
    told TEXT, told_ms INTEGER, looked_ms INTEGER,
    record TEXT  -- the alert, while it is a candidate or admitted; last, for it is long
);
CREATE INDEX cases_by_standing ON cases (standing, why, level);
CREATE INDEX cases_by_customer ON cases (customer_id, done_ms);
CREATE INDEX cases_deferred ON cases (level, opened_ms) WHERE standing = 'deferred';
CREATE INDEX cases_by_look ON cases (look_ms) WHERE look_ms IS NOT NULL;
CREATE INDEX cases_of_canary ON cases (alert_id) WHERE canary = 1;
CREATE INDEX cases_by_refresh ON cases (looked_ms) WHERE there = 1 AND open = 1 AND standing = 'admitted';

CREATE TABLE messages (  -- in the order in which an alert's are sent
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE, alert_id TEXT NOT NULL, kind TEXT NOT NULL,
    record TEXT, body BLOB,  -- until it is delivered
    state TEXT NOT NULL DEFAULT 'queued',
    made_ms INTEGER NOT NULL, tried_ms INTEGER, ended_ms INTEGER,
    next_ms INTEGER,  -- of the first that is queued of an alert, of no other
    attempts INTEGER NOT NULL DEFAULT 0, reason TEXT,
    -- Of a create whose case was not held:
    opened_ms INTEGER, was_deferred INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX messages_by_alert ON messages (alert_id, seq);
CREATE INDEX messages_due ON messages (next_ms, seq) WHERE next_ms IS NOT NULL;
CREATE INDEX messages_queued ON messages (made_ms) WHERE state = 'queued';
CREATE INDEX messages_given_up ON messages (seq) WHERE state = 'given_up';

CREATE TABLE admissions (
    day TEXT, level TEXT, cases INTEGER NOT NULL,
    PRIMARY KEY (day, level)
) WITHOUT ROWID;

CREATE TABLE dispositions (webhook_id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX dispositions_by_time ON dispositions (at_ms);
"""

_FROM_1: Final = """
ALTER TABLE cases ADD COLUMN opened_ms INTEGER;
ALTER TABLE cases ADD COLUMN was_held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cases ADD COLUMN unclear INTEGER NOT NULL DEFAULT 0;
UPDATE cases SET opened_ms = first_ms, was_held = standing = 'held', unclear = NOT there AND EXISTS (
    SELECT 1 FROM messages m WHERE m.alert_id = cases.alert_id AND m.kind = 'create'
    AND m.tried_ms IS NOT NULL AND (m.state = 'queued' OR (m.state = 'given_up' AND m.attempts > 1))
);
CREATE INDEX cases_deferred ON cases (level, opened_ms) WHERE standing = 'deferred';
ALTER TABLE messages ADD COLUMN opened_ms INTEGER;
ALTER TABLE messages ADD COLUMN was_deferred INTEGER NOT NULL DEFAULT 0;
"""

_BUSY_SECONDS = 30.0


def lock(path: Path) -> int:
    """Take the lock of a ledger, and return its file descriptor: closing it gives it back.

    Raises LockedError if another has it; LedgerError.
    """
    beside = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise LedgerError(f"{beside} cannot be made: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise LockedError(f"another bridge has {path}") from error
    except OSError as error:
        os.close(descriptor)
        raise LedgerError(f"{beside} cannot be locked: {error.strerror}") from error
    return descriptor


def make_or_open(path: Path) -> sqlite3.Connection:
    """Open a ledger, or make it; only its owner may read it. Raises LedgerError."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise LedgerError(f"{path} cannot be written: {error.strerror}") from error
    return _connect(path, make=True)


def open_existing(path: Path) -> sqlite3.Connection:
    """Open a ledger that is there. Raises LedgerError."""
    if not path.is_file():
        raise LedgerError(f"there is no ledger {path}; the bridge makes it when it first starts")
    return _connect(path, make=False)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Do all or nothing; on disk when it ends. Raises LedgerError where SQLite fails."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
    except BaseException as error:
        with suppress(sqlite3.Error):
            connection.rollback()
        if isinstance(error, sqlite3.Error):
            raise LedgerError(f"the ledger failed: {error}") from error
        raise


@contextmanager
def reading(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Read what belongs together. Raises LedgerError where SQLite fails."""
    try:
        yield connection
    except sqlite3.Error as error:
        raise LedgerError(f"the ledger failed: {error}") from error


def _connect(path: Path, *, make: bool) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise LedgerError(f"{path} cannot be opened: {error}") from error
    try:
        _prepare(connection, path, make=make)
    except sqlite3.OperationalError as error:  # the disk is full, or cannot be read
        connection.close()
        raise LedgerError(f"{path} cannot be opened: {error}") from error
    except sqlite3.DatabaseError as error:
        connection.close()
        raise LedgerError(f"{path} is no ledger, or is damaged: {error}. {_ANEW}") from error
    except BaseException:
        connection.close()
        raise
    return connection


_ANEW = (
    "Put back a copy of it, or move it away: then the alerts are read again from the start, and all that is "
    "open is delivered again under the same ids"
)


def _prepare(connection: sqlite3.Connection, path: Path, *, make: bool) -> None:
    connection.row_factory = sqlite3.Row
    application, version = (_pragma(connection, name) for name in ("application_id", "user_version"))
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not tables and not application:
        if not make:
            raise LedgerError(f"{path} is empty; the bridge makes the ledger when it first starts")
        _run(connection, TABLES)
    elif application != APPLICATION:
        raise LedgerError(f"{path} is a SQLite file of something else; name another file for the ledger")
    elif make and (fault := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise LedgerError(f"{path} is damaged: {fault}. {_ANEW}")
    elif version == 1:
        if not make:
            raise LedgerError(
                f"{path} is a ledger of an earlier release; the bridge takes it over when it starts"
            )
        _run(connection, _FROM_1)
    elif version != VERSION:
        raise LedgerError(
            f"{path} is a ledger of version {version}, this release reads version {VERSION}: "
            f"start the release that wrote it. {_ANEW}"
        )
    if make:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")  # who is erased is not in free pages either


def _run(connection: sqlite3.Connection, statements: str) -> None:
    """Make the tables, or what they lack, and say that they are of this version."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in statements.split(";\n"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    with closing(connection.execute(f"PRAGMA {name}")) as cursor:
        return int(cursor.fetchone()[0])
