"""What goes out: messages that are due, what became of each, and how things stand now."""

from collections.abc import Collection
from sqlite3 import Connection, Row
from typing import Final

import msgspec
from pydantic import ValidationError

from schemas.alert import Alert
from streams.crm.cases.policy import after_lost_create, internal_only, resent_as
from streams.crm.ledger.erasure import scrub
from streams.crm.ledger.errors import LedgerError
from streams.crm.ledger.queue import Draft, enqueue, next_is_due, revision_id
from streams.crm.ledger.rows import Message, Refreshable, Resent
from streams.crm.wire import Kind, Rendered

# What both a message and a refresh are made with, of `cases c LEFT JOIN profiles p`.
_CONTEXT = """
    c.canary, c.do_not_contact, c.time_ms, c.told,
    p.account_id, p.do_not_contact AS profile_do_not_contact, p.time_ms AS profile_ms,
    CASE WHEN p.account_id IS NULL THEN 0 ELSE (
        SELECT count(*) FROM profiles q JOIN cases o ON o.customer_id = q.customer_id
        WHERE q.account_id = p.account_id AND o.alert_id <> c.alert_id AND o.open
        AND o.standing IN ('waiting', 'deferred', 'held', 'admitted')
    ) END AS other_open
"""


# The canary's are few, and are not to be looked for among all that wait for the CRM.
_OF: Final = {
    None: "messages m JOIN cases c ON c.alert_id = m.alert_id",
    False: "messages m JOIN cases c ON c.alert_id = m.alert_id AND c.canary = 0",
    True: "cases c CROSS JOIN messages m ON m.alert_id = c.alert_id AND c.canary = 1",
}


def due(  # noqa: PLR0913 - what `Ledger.due` is asked
    connection: Connection,
    now_ms: int,
    most: int,
    under_way: Collection[str],
    *,
    canary: bool | None,
    least_tried: bool,
) -> list[Message]:
    """Return messages to send now, one an alert."""
    # Where `first` is empty the index gives the order, and nothing is sorted.
    first = "m.attempts, " if least_tried else ""
    rows = connection.execute(
        f"""
        SELECT m.message_id, m.alert_id, m.kind, m.record, m.body, m.attempts, m.made_ms, m.tried_ms,
            m.opened_ms, m.was_deferred, m.reason, {_CONTEXT}
        FROM {_OF[canary]} LEFT JOIN profiles p ON p.customer_id = c.customer_id
        WHERE m.next_ms <= ? ORDER BY {first}m.next_ms, m.seq LIMIT ?
        """,
        (now_ms, most + len(under_way)),
    )
    return [_message(row) for row in rows if row["alert_id"] not in under_way][:most]


def store_body(connection: Connection, message_id: str, rendered: Rendered, now_ms: int) -> None:
    """Keep what is sent, before it is: whatever ends the bridge, a create may have arrived."""
    connection.execute(
        "UPDATE messages SET body = ?, tried_ms = coalesce(tried_ms, ?) "
        "WHERE message_id = ? AND state = 'queued'",
        (msgspec.json.encode(rendered), now_ms, message_id),
    )
    _count_unclear(connection, message_id, 1)


def retry(connection: Connection, message_id: str, next_ms: int, reason: str, *, untaken: bool) -> None:
    """Plan the next try."""
    if untaken:
        _count_unclear(connection, message_id, -1)
    connection.execute(
        "UPDATE messages SET next_ms = ?, attempts = attempts + 1, reason = ? "
        "WHERE message_id = ? AND state = 'queued'",
        (next_ms, reason, message_id),
    )


def _count_unclear(connection: Connection, message_id: str, by: int) -> None:
    """Count a try of a create that may have arrived, or not any more one that has not."""
    connection.execute(
        "UPDATE cases SET unclear = max(0, unclear + ?) WHERE alert_id = "
        "(SELECT alert_id FROM messages WHERE message_id = ? AND state = 'queued' AND kind = 'create')",
        (by, message_id),
    )


def delivered(connection: Connection, message_id: str, now_ms: int, told: str | None) -> None:
    """Keep that the CRM has a message."""
    message = _queued(connection, message_id)
    if message is None:
        return
    connection.execute(
        "UPDATE messages SET state = 'delivered', ended_ms = ?, next_ms = NULL, record = NULL, body = NULL, "
        "reason = NULL WHERE message_id = ?",
        (now_ms, message_id),
    )
    alert_id, kind = message["alert_id"], Kind(message["kind"])
    # Below 0, `looked_ms` says since when the CRM is to be told anew: what was made before does not do it.
    connection.execute(
        """
        UPDATE cases SET there = :there, unclear = 0, told_ms = :now_ms,
            told = CASE WHEN looked_ms < -:tried_ms THEN NULL ELSE coalesce(:told, told) END,
            looked_ms = CASE WHEN looked_ms < -:tried_ms THEN looked_ms ELSE :now_ms END,
            created_ms = CASE WHEN :created THEN :now_ms ELSE created_ms END
        WHERE alert_id = :alert_id
        """,
        {
            "there": kind is not Kind.CLOSE,
            "created": kind is Kind.CREATE,
            "told": told,
            "tried_ms": now_ms if message["tried_ms"] is None else message["tried_ms"],
            "now_ms": now_ms,
            "alert_id": alert_id,
        },
    )
    if kind is Kind.CLOSE:
        _done(connection, alert_id, now_ms)
    next_is_due(connection, alert_id, now_ms)
    scrub(connection, alert_id)


def give_up(  # noqa: PLR0913 - what `Ledger.give_up` is told
    connection: Connection, message_id: str, reason: str, now_ms: int, *, untaken: bool, gone: bool
) -> None:
    """Keep a message that is not tried any more, and let the next of its alert go."""
    message = _queued(connection, message_id)
    if message is None:
        return
    alert_id, kind = message["alert_id"], Kind(message["kind"])
    if untaken:
        _count_unclear(connection, message_id, -1)
    connection.execute(
        "UPDATE messages SET state = 'given_up', ended_ms = ?, next_ms = NULL, attempts = attempts + 1, "
        "reason = ? WHERE message_id = ?",
        (now_ms, reason, message_id),
    )
    # Who must not be called is told by the next refresh, at once: what was given up has not told it.
    connection.execute(
        "UPDATE cases SET looked_ms = CASE WHEN looked_ms < 0 THEN looked_ms ELSE ? END WHERE alert_id = ?",
        (now_ms, alert_id),
    )
    if gone:
        connection.execute("UPDATE cases SET there = 0 WHERE alert_id = ?", (alert_id,))
    if gone or kind is Kind.CREATE:
        _without_create(connection, alert_id, now_ms)
    elif kind is Kind.CLOSE:
        _done(connection, alert_id, now_ms)
    next_is_due(connection, alert_id, now_ms)
    scrub(connection, alert_id)


def resend(connection: Connection, message_ids: Collection[str] | None, now_ms: int) -> Resent:
    """Queue messages that were given up again, or drop them."""
    rows = connection.execute(
        """
        SELECT m.message_id, m.alert_id, m.kind,
            NOT EXISTS (SELECT 1 FROM messages n WHERE n.alert_id = m.alert_id AND n.seq > m.seq) AS newest,
            c.open AND c.standing = 'admitted' AS is_open, c.there
        FROM messages m JOIN cases c ON c.alert_id = m.alert_id
        WHERE m.state = 'given_up' ORDER BY m.seq
        """
    ).fetchall()
    chosen = [row for row in rows if message_ids is None or row["message_id"] in message_ids]
    queued = 0
    for row in chosen:
        kind = resent_as(
            Kind(row["kind"]),
            newest=bool(row["newest"]),
            is_open=bool(row["is_open"]),
            there=bool(row["there"]),
        )
        queued += kind is not None
        connection.execute(
            """
            UPDATE messages SET state = :state, kind = coalesce(:kind, kind), next_ms = :next_ms,
                body = NULL, tried_ms = NULL, attempts = 0,
                ended_ms = CASE WHEN :next_ms IS NULL THEN ended_ms END
            WHERE message_id = :message_id
            """,
            {
                "state": "queued" if kind else "dropped",
                "kind": kind,
                "next_ms": now_ms if kind else None,
                "message_id": row["message_id"],
            },
        )
        scrub(connection, row["alert_id"])
    known = {row["message_id"] for row in chosen}
    unknown = tuple(sorted(set(message_ids or ()) - known))
    return Resent(queued, len(chosen) - queued, unknown)


def refresh_due(connection: Connection, now_ms: int, every_ms: int, most: int) -> list[Refreshable]:
    """Return cases that may be told how things stand now, those first that wait the longest."""
    rows = connection.execute(
        f"""
        SELECT c.alert_id, c.record, {_CONTEXT}
        FROM cases c LEFT JOIN profiles p ON p.customer_id = c.customer_id
        WHERE c.looked_ms <= :before AND {_REFRESHABLE} ORDER BY c.looked_ms LIMIT :most
        """,
        {"before": now_ms - every_ms, "now_ms": now_ms, "most": most},
    )
    return [
        Refreshable(
            alert_id=row["alert_id"],
            alert=_alert(row["record"]),
            told=row["told"],
            canary=bool(row["canary"]),
            internal_only=_internal_only(row),
            account_id=row["account_id"],
            other_open=row["other_open"],
        )
        for row in rows
    ]


def queue_refresh(connection: Connection, alert_id: str, now_ms: int) -> str | None:
    """Queue how things stand now, if the case is fit for it."""
    row = connection.execute(
        f"SELECT revision, record FROM cases c WHERE alert_id = :alert_id AND {_REFRESHABLE}",
        {"alert_id": alert_id, "now_ms": now_ms},
    ).fetchone()
    if row is None:
        return None
    # A number alone would come again, with other figures, from a ledger that was restored from a back-up.
    its_id = f"{revision_id(alert_id, row['revision'])}/now/{now_ms}"
    nothing_new(connection, alert_id, now_ms)
    enqueue(connection, Draft(its_id, alert_id, Kind.REFRESH, row["record"]), now_ms)
    return its_id


def nothing_new(connection: Connection, alert_id: str, now_ms: int) -> None:
    """Keep that a case was looked at."""
    connection.execute("UPDATE cases SET looked_ms = ? WHERE alert_id = ?", (now_ms, alert_id))


# Without `told` the CRM may not know whether anybody may call: a snoozed case is told too, until it has it.
_REFRESHABLE = """
    c.there = 1 AND c.open = 1 AND c.standing = 'admitted' AND c.erase = 0
    AND (c.snooze_ms IS NULL OR c.snooze_ms <= :now_ms OR c.told IS NULL)
    AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.alert_id = c.alert_id AND m.state = 'queued')
"""


def _queued(connection: Connection, message_id: str) -> Row | None:
    """Return a message that is queued; another was dealt with before, and what is said of it is old."""
    row: Row | None = connection.execute(
        "SELECT alert_id, kind, tried_ms FROM messages WHERE message_id = ? AND state = 'queued'",
        (message_id,),
    ).fetchone()
    return row


def _done(connection: Connection, alert_id: str, now_ms: int) -> None:
    """Close a case; one that opened again meanwhile stays a candidate."""
    connection.execute(
        """
        UPDATE cases SET there = 0, unclear = 0, done_ms = :now_ms, changed_ms = :now_ms,
            record = CASE WHEN standing = 'admitted' THEN NULL ELSE record END,
            standing = CASE WHEN standing = 'admitted' THEN 'done' ELSE standing END
        WHERE alert_id = :alert_id
        """,
        {"now_ms": now_ms, "alert_id": alert_id},
    )


def _without_create(connection: Connection, alert_id: str, now_ms: int) -> None:
    """Make the next message the create, or drop it if there is nothing to close."""
    following = connection.execute(
        "SELECT m.seq, m.kind, c.unclear FROM messages m JOIN cases c ON c.alert_id = m.alert_id "
        "WHERE m.alert_id = ? AND m.state = 'queued' ORDER BY m.seq LIMIT 1",
        (alert_id,),
    ).fetchone()
    if following is None:
        return
    kind = after_lost_create(Kind(following["kind"]), perhaps_there=bool(following["unclear"]))
    if kind is not None:
        connection.execute("UPDATE messages SET kind = ? WHERE seq = ?", (kind, following["seq"]))
        return
    connection.execute(
        "UPDATE messages SET state = 'dropped', ended_ms = ?, record = NULL WHERE seq = ?",
        (now_ms, following["seq"]),
    )
    connection.execute(
        "UPDATE cases SET standing = 'never', record = NULL, changed_ms = ? "
        "WHERE alert_id = ? AND standing = 'admitted'",
        (now_ms, alert_id),
    )


def _message(row: Row) -> Message:
    return Message(
        message_id=row["message_id"],
        alert_id=row["alert_id"],
        kind=Kind(row["kind"]),
        alert=_alert(row["record"]),
        rendered=None if row["body"] is None else msgspec.json.decode(row["body"], type=Rendered),
        canary=bool(row["canary"]),
        internal_only=_internal_only(row),
        account_id=row["account_id"],
        other_open=row["other_open"],
        told=row["told"],
        attempts=row["attempts"],
        made_ms=row["made_ms"],
        tried_ms=row["tried_ms"],
        opened_ms=row["opened_ms"],
        was_deferred=bool(row["was_deferred"]),
        reason=row["reason"],
    )


def _internal_only(row: Row) -> bool:
    said = row["profile_do_not_contact"]
    return internal_only(
        record=bool(row["do_not_contact"]),
        record_ms=row["time_ms"],
        profile=None if said is None else bool(said),
        profile_ms=row["profile_ms"] or 0,
    )


def _alert(record: str) -> Alert:
    try:
        return Alert.model_validate_json(record)
    except ValidationError as error:
        raise LedgerError(
            "the ledger holds an alert that this release cannot read: start the newer one that wrote it"
        ) from error
