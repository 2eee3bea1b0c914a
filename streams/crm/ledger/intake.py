"""What comes from the topics: alert records, profiles, how far they were read."""

from collections.abc import Iterable, Mapping
from sqlite3 import Connection, Row

from schemas.alert import Alert
from schemas.common import MAX_INT
from schemas.times import parse_ms
from streams.crm.cases.policy import Policy, fold, revision_of
from streams.crm.cases.standing import CANDIDATE, Case, Hold, Revision, Standing
from streams.crm.ledger.erasure import erase, scrub
from streams.crm.ledger.queue import Draft, enqueue, revision_id
from streams.crm.ledger.rows import AlertRead, ProfileRead, Taken


def positions(connection: Connection) -> dict[tuple[str, int], int]:
    """Return the next offset by topic and partition."""
    rows = connection.execute("SELECT topic, partition, next_offset FROM positions")
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


def topic_ids(connection: Connection, ids: Mapping[str, str]) -> dict[str, str]:
    """Keep the ids of topics that are not known, and return what is kept of these."""
    connection.executemany("INSERT OR IGNORE INTO topics VALUES (?, ?)", ids.items())
    known = {row["topic"]: row["id"] for row in connection.execute("SELECT topic, id FROM topics")}
    return {name: known[name] for name in ids}


def store_position(connection: Connection, topic: str, partition: int, next_offset: int) -> None:
    """Keep the next offset to read."""
    connection.execute(
        "INSERT INTO positions VALUES (?, ?, ?) "
        "ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset",
        (topic, partition, next_offset),
    )


def take(connection: Connection, policy: Policy, records: Iterable[AlertRead], now_ms: int) -> Taken:
    """Take alert records and their positions."""
    at = positions(connection)
    read = dict(at)
    revisions = again = messages = 0
    for record in records:
        place = (record.topic, record.partition)
        known = record.offset < read.get(place, 0)
        if not known:
            read[place] = record.offset + 1
        if record.alert is None:
            continue
        made = None if known else _take_alert(connection, policy, record.alert, record.appended_ms, now_ms)
        again += made is None
        revisions += made is not None
        messages += bool(made)
    for (topic, partition), next_offset in read.items() - at.items():
        store_position(connection, topic, partition, next_offset)
    return Taken(revisions, again, messages)


def take_profiles(connection: Connection, records: Iterable[ProfileRead], now_ms: int) -> None:
    """Take profiles and their positions; erase whose record is null."""
    at = positions(connection)
    read = dict(at)
    for record in records:
        place = (record.topic, record.partition)
        if record.offset < read.get(place, 0):
            continue
        read[place] = record.offset + 1
        if record.customer_id is None:
            continue
        if record.erased:
            erase(connection, record.customer_id, now_ms)
            continue
        _tell_anew(connection, record.customer_id, record.do_not_contact, now_ms)
        if record.account_id is None and record.do_not_contact is None:
            connection.execute("DELETE FROM profiles WHERE customer_id = ?", (record.customer_id,))
        else:
            connection.execute(
                "INSERT OR REPLACE INTO profiles VALUES (?, ?, ?, ?)",
                (record.customer_id, record.account_id, record.do_not_contact, record.time_ms),
            )
    for (topic, partition), next_offset in read.items() - at.items():
        store_position(connection, topic, partition, next_offset)


def _tell_anew(connection: Connection, customer_id: str, do_not_contact: bool | None, now_ms: int) -> None:
    """Let the CRM be told at once, and not at the next refresh, whether somebody may contact a customer."""
    row = connection.execute(
        "SELECT do_not_contact FROM profiles WHERE customer_id = ?", (customer_id,)
    ).fetchone()
    if bool(do_not_contact) != bool(row is not None and row["do_not_contact"]):
        connection.execute(
            "UPDATE cases SET told = NULL, looked_ms = ? "
            "WHERE customer_id = ? AND standing = 'admitted' AND open = 1",
            (-now_ms, customer_id),
        )
        # What was tried and did not arrive would go out as it was made, and ask somebody to call. What is
        # put anew says the wish, under the same id: a CRM that has the first is told by the refresh.
        connection.execute(
            "UPDATE messages SET body = NULL WHERE state = 'queued' "
            "AND alert_id IN (SELECT alert_id FROM cases WHERE customer_id = ?)",
            (customer_id,),
        )


def _take_alert(
    connection: Connection, policy: Policy, alert: Alert, appended_ms: int, now_ms: int
) -> bool | None:
    """Take a record, and return whether it made a message; None if it is known."""
    row = connection.execute(
        "SELECT *, there OR EXISTS (SELECT 1 FROM messages m WHERE m.alert_id = c.alert_id "
        "AND m.state = 'queued') AS on_its_way FROM cases c WHERE alert_id = ?",
        (alert.alert_id,),
    ).fetchone()
    new = revision_of(alert, policy)
    folded = fold(None if row is None else _case(row), new, policy, now_ms)
    if folded is None:
        return None
    case, kind = folded
    needed = case.standing in CANDIDATE or case.standing is Standing.ADMITTED
    text = alert.model_dump_json() if needed else None
    connection.execute(
        _STORE,
        {
            **_of_record(alert, new),
            **_of_case(case),
            "customer_id": alert.customer_id,
            "record": text,
            "appended_ms": appended_ms,
            "now_ms": now_ms,
        },
    )
    if kind is not None:
        its_id = revision_id(alert.alert_id, new.number)
        enqueue(connection, Draft(its_id, alert.alert_id, kind, text), now_ms)
    if alert.resolution == "erased":
        erase(connection, alert.customer_id, now_ms)
    elif row is not None and row["erase"]:
        scrub(connection, alert.alert_id)
    return kind is not None


def _case(row: Row) -> Case:
    return Case(
        revision=row["revision"],
        level=row["level"],
        open=bool(row["open"]),
        standing=Standing(row["standing"]),
        why=None if row["why"] is None else Hold(row["why"]),
        look_ms=row["look_ms"],
        deferred_as=row["deferred_as"],
        there=bool(row["on_its_way"]),
        perhaps_there=bool(row["unclear"]),
    )


def _of_record(alert: Alert, new: Revision) -> dict[str, str | int]:
    return {
        "alert_id": alert.alert_id,
        "revision": new.number,
        "value_cents": max(-MAX_INT, min(MAX_INT, int(alert.value_at_risk.replace(".", "")))),
        "currency": alert.currency,
        "time_ms": _ms(alert.time),
        "canary": new.canary,
        "backfill": new.backfill,
        "holdout": new.holdout,
        "do_not_contact": alert.do_not_contact,
    }


def _ms(time: str) -> int:
    try:
        return parse_ms(time)
    except ValueError:  # the 31st of February: in doubt the record is newer than any profile
        return MAX_INT


def _of_case(case: Case) -> dict[str, str | int | None]:
    return {
        "level": case.level,
        "open": case.open,
        "standing": case.standing,
        "why": case.why,
        "look_ms": case.look_ms,
        "deferred_as": case.deferred_as,
    }


# Who opens again after an erasure is somebody new. What opens again begins anew to wait.
_STORE = """
INSERT INTO cases (
    alert_id, customer_id, revision, level, open, value_cents, currency, time_ms, canary, backfill,
    holdout, do_not_contact, record, standing, why, look_ms, deferred_as, first_ms, changed_ms,
    opened_ms, was_held
) VALUES (
    :alert_id, :customer_id, :revision, :level, :open, :value_cents, :currency, :time_ms, :canary,
    :backfill, :holdout, :do_not_contact, :record, :standing, :why, :look_ms, :deferred_as, :now_ms,
    :now_ms, :appended_ms, :standing = 'held'
)
ON CONFLICT (alert_id) DO UPDATE SET
    customer_id = excluded.customer_id, revision = excluded.revision, level = excluded.level,
    open = excluded.open, value_cents = excluded.value_cents, currency = excluded.currency,
    time_ms = excluded.time_ms, canary = excluded.canary, backfill = excluded.backfill,
    holdout = excluded.holdout, do_not_contact = excluded.do_not_contact, record = excluded.record,
    standing = excluded.standing, why = excluded.why, look_ms = excluded.look_ms,
    deferred_as = excluded.deferred_as, changed_ms = excluded.changed_ms,
    opened_ms = CASE WHEN cases.open THEN cases.opened_ms ELSE excluded.opened_ms END,
    was_held = excluded.was_held OR (cases.open AND cases.was_held),
    erase = cases.erase AND excluded.standing NOT IN ('waiting', 'held')
"""
