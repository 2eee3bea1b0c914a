"""What the sandbox keeps, in SQLite: messages that had an effect, every try, dispositions and answers."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

from streams.sandbox.case import Case, Message, Told, parse

_APPLICATION: Final = 0x43524D53
_WAIT_SECONDS: Final = 10.0
_TABLES: Final = """
CREATE TABLE messages (
  place INTEGER PRIMARY KEY, webhook_id TEXT NOT NULL UNIQUE, alert_id TEXT NOT NULL, kind TEXT NOT NULL,
  revision INTEGER, at_ms INTEGER NOT NULL, synthetic INTEGER NOT NULL, late INTEGER NOT NULL,
  body BLOB NOT NULL
);
CREATE INDEX messages_of ON messages (alert_id, revision, place);
CREATE TABLE tries (
  place INTEGER PRIMARY KEY, webhook_id TEXT NOT NULL, at_ms INTEGER NOT NULL, fault TEXT,
  effect TEXT NOT NULL, same_body INTEGER NOT NULL, status INTEGER
);
CREATE TABLE dispositions (
  place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, alert_id TEXT NOT NULL, at_ms INTEGER NOT NULL,
  body TEXT NOT NULL, status INTEGER, answer TEXT NOT NULL
);
"""
_NEWEST: Final = """
SELECT * FROM (
  SELECT alert_id, body, count(*) OVER whole AS messages, min(at_ms) OVER whole AS first_ms,
    max(at_ms) OVER whole AS changed_ms, max(synthetic) OVER whole AS synthetic,
    row_number() OVER (PARTITION BY alert_id ORDER BY revision DESC, place DESC) AS age
  FROM messages WHERE :alert_id IS NULL OR alert_id = :alert_id
  WINDOW whole AS (PARTITION BY alert_id)
) WHERE age = 1
"""
_TRIES: Final = """
SELECT tries.webhook_id, alert_id, kind, revision, tries.at_ms, effect = 'duplicate' AS duplicate, late,
  status
FROM tries LEFT JOIN messages USING (webhook_id)
WHERE :alert_id IS NULL OR alert_id = :alert_id ORDER BY tries.place
"""
_DISPOSITIONS: Final = """
SELECT id, alert_id, at_ms, body, status, answer FROM dispositions
WHERE :alert_id IS NULL OR alert_id = :alert_id ORDER BY place
"""
_COUNTS: Final = """
SELECT (SELECT count(DISTINCT alert_id) FROM messages) AS cases, (SELECT count(*) FROM messages) AS messages,
  count(*) AS tries, coalesce(sum(effect = 'duplicate'), 0) AS duplicates,
  coalesce(sum(effect = 'refused'), 0) AS refused, coalesce(sum(fault IS NOT NULL), 0) AS faults,
  (SELECT coalesce(sum(late), 0) FROM messages) AS late, coalesce(sum(NOT same_body), 0) AS other_body
FROM tries
"""


class StoreError(Exception):
    """A database that can't be used; the message says why."""


class Effect(StrEnum):
    """What a try did."""

    NONE = "none"
    STORED = "stored"
    DUPLICATE = "duplicate"
    """Its webhook-id had been stored before: nothing changed."""
    REFUSED = "refused"
    """There was no case in it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """All tries of one webhook-id; kind and revision are known once it was stored."""

    webhook_id: str
    alert_id: str | None
    kind: str | None
    revision: int | None
    first_ms: int
    tries: int
    duplicates: int
    told: list[int | None]
    """The status that the sender was told at each try; None if it was told nothing."""
    late: bool
    """Whether a later revision had come before."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A disposition, and what the bridge answered: `status` is None as long as it has not."""

    id: str
    alert_id: str
    at_ms: int
    body: str
    status: int | None
    answer: str

    @property
    def accepted(self) -> bool:
        """Return whether the bridge took it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def fields(self) -> dict[str, Any]:
        """Return what it says."""
        return parse(self.body.encode())


@dataclass(frozen=True, slots=True)
class Counts:
    """What came in all."""

    cases: int
    messages: int
    tries: int
    duplicates: int
    refused: int
    faults: int
    late: int
    """Messages that came after a later revision of their alert."""
    other_body: int
    """Duplicates that were not the same bytes."""


class Store:
    """One database file; several processes may have it open."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """Open it; raise StoreError."""
        if not create and not path.is_file():
            raise StoreError(f"{path} is not there: `retention-signals crm-sandbox --db {path}` makes it")
        try:
            path.touch(mode=0o600)  # for it holds what customers did
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error
        try:
            self._db = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            try:
                self._prepare(path)
            except BaseException:
                self._db.close()
                raise
        except sqlite3.Error as error:
            raise StoreError(f"{path} cannot be used: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # What comes in

    def arrived(self, webhook_id: str, fault: str | None, at_ms: int) -> int:
        """Note a try before anything is done about it, and return its place."""
        added = self._db.execute(
            "INSERT INTO tries (webhook_id, at_ms, fault, effect, same_body) VALUES (?, ?, ?, ?, 1)",
            (webhook_id, at_ms, fault, Effect.NONE),
        )
        return int(added.lastrowid or 0)

    def told(self, place: int, status: int) -> None:
        """Note what the sender of a try is told."""
        self._db.execute("UPDATE tries SET status = ? WHERE place = ?", (status, place))

    def refuse(self, place: int) -> None:
        """Note that there was no case in a try."""
        self._db.execute("UPDATE tries SET effect = ? WHERE place = ?", (Effect.REFUSED, place))

    def take(self, place: int, webhook_id: str, message: Message, at_ms: int, *, synthetic: bool) -> Effect:
        """Store the message of a try, unless its webhook-id was stored before; return which it was."""
        with self._writing():
            former = self._db.execute(
                "SELECT body FROM messages WHERE webhook_id = ?", (webhook_id,)
            ).fetchone()
            effect = Effect.STORED if former is None else Effect.DUPLICATE
            same = former is None or former["body"] == message.body
            self._db.execute(
                "UPDATE tries SET effect = ?, same_body = ? WHERE place = ?", (effect, same, place)
            )
            if former is None:
                self._add(webhook_id, message, at_ms, synthetic=synthetic)
        return effect

    # What is there

    def cases(self) -> list[Case]:
        """Return all cases, in no order."""
        told = self._told(None)
        return [_case(row, told.get(row["alert_id"])) for row in self._rows(_NEWEST, None)]

    def case(self, alert_id: str) -> Case | None:
        """Return one case."""
        told = self._told(alert_id).get(alert_id)
        return next((_case(row, told) for row in self._rows(_NEWEST, alert_id)), None)

    def deliveries(self, alert_id: str | None = None) -> list[Delivery]:
        """Return what was delivered, of one alert or of all, in the order in which it first came."""
        tries: dict[str, list[sqlite3.Row]] = {}
        for row in self._rows(_TRIES, alert_id):
            tries.setdefault(row["webhook_id"], []).append(row)
        return [_delivery(rows) for rows in tries.values()]

    def counts(self) -> Counts:
        """Return what came in all."""
        return Counts(**dict(self._db.execute(_COUNTS).fetchone()))

    # What goes back

    def add_disposition(self, sent: Sent) -> None:
        """Keep a disposition before it is sent."""
        self._db.execute(
            "INSERT INTO dispositions VALUES (NULL, :id, :alert_id, :at_ms, :body, :status, :answer)",
            asdict(sent),
        )

    def answered(self, one: str, status: int | None, answer: str) -> None:
        """Note what the bridge answered; None: it did not."""
        self._db.execute("UPDATE dispositions SET status = ?, answer = ? WHERE id = ?", (status, answer, one))

    def disposition(self, one: str) -> Sent | None:
        """Return a disposition."""
        return next((sent for sent in self.dispositions() if sent.id == one), None)

    def dispositions(self, alert_id: str | None = None) -> list[Sent]:
        """Return those of a case, or all, oldest first."""
        return [Sent(**dict(row)) for row in self._rows(_DISPOSITIONS, alert_id)]

    # Inside

    def _prepare(self, path: Path) -> None:
        with self._writing():
            (application,) = self._db.execute("PRAGMA application_id").fetchone()
            (tables,) = self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if tables and application != _APPLICATION:
                raise StoreError(f"{path} is a database of something else: it is left alone")
            if not tables:
                for statement in _TABLES.split(";")[:-1]:
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA application_id = {_APPLICATION}")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")

    def _add(self, webhook_id: str, message: Message, at_ms: int, *, synthetic: bool) -> None:
        newest = self._db.execute(
            "SELECT max(revision) FROM messages WHERE alert_id = ?", (message.alert_id,)
        ).fetchone()[0]
        late = newest is not None and message.revision is not None and message.revision < newest
        said = synthetic or parse(message.body).get("synthetic") is True
        self._db.execute(
            "INSERT INTO messages (webhook_id, alert_id, kind, revision, at_ms, synthetic, late, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (webhook_id, message.alert_id, message.kind, message.revision, at_ms, said, late, message.body),
        )

    def _told(self, alert_id: str | None) -> dict[str, Told]:
        """Return by alert what the bridge last accepted."""
        return {one.alert_id: _told(one.fields) for one in self.dispositions(alert_id) if one.accepted}

    def _rows(self, query: str, alert_id: str | None) -> list[sqlite3.Row]:
        """Return what a query finds about one alert, or about all."""
        return self._db.execute(query, {"alert_id": alert_id}).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _delivery(tries: list[sqlite3.Row]) -> Delivery:
    first = tries[0]
    return Delivery(
        webhook_id=first["webhook_id"],
        alert_id=first["alert_id"],
        kind=first["kind"],
        revision=first["revision"],
        first_ms=first["at_ms"],
        tries=len(tries),
        duplicates=sum(one["duplicate"] for one in tries),
        told=[one["status"] for one in tries],
        late=bool(first["late"]),
    )


def _case(row: sqlite3.Row, told: Told | None) -> Case:
    return Case(
        alert_id=row["alert_id"],
        fields=parse(row["body"]),
        first_ms=row["first_ms"],
        changed_ms=row["changed_ms"],
        messages=row["messages"],
        synthetic=bool(row["synthetic"]),
        told=told,
    )


def _told(fields: dict[str, Any]) -> Told:
    return Told(fields["status"], fields.get("outcome"), fields.get("snooze_until"))
