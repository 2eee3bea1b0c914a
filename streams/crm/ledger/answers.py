"""What comes back of a case: dispositions, each counted once."""

from sqlite3 import Connection


def customer_of(connection: Connection, alert_id: str) -> str | None:
    """Return whose alert it is, if that is known."""
    row = connection.execute("SELECT customer_id FROM cases WHERE alert_id = ?", (alert_id,)).fetchone()
    return None if row is None else row["customer_id"]


def disposition_seen(connection: Connection, webhook_id: str) -> bool:
    """Return whether a disposition was done."""
    found = connection.execute("SELECT 1 FROM dispositions WHERE webhook_id = ?", (webhook_id,)).fetchone()
    return found is not None


def disposition_done(
    connection: Connection, webhook_id: str, alert_id: str, snooze_until_ms: int | None, now_ms: int
) -> float | None:
    """Keep a disposition, and return the seconds to the first of its case; None for the canary's."""
    if disposition_seen(connection, webhook_id):
        return None
    connection.execute("INSERT INTO dispositions VALUES (?, ?)", (webhook_id, now_ms))
    row = connection.execute(
        "SELECT created_ms, acted_ms, canary FROM cases WHERE alert_id = ?", (alert_id,)
    ).fetchone()
    connection.execute(
        "UPDATE cases SET snooze_ms = coalesce(?, snooze_ms), acted_ms = coalesce(acted_ms, ?) "
        "WHERE alert_id = ?",
        (snooze_until_ms, now_ms, alert_id),
    )
    if row is None or row["canary"] or row["acted_ms"] is not None:
        return None
    # The CRM may act before its answer to the delivery is here.
    since = now_ms if row["created_ms"] is None else row["created_ms"]
    return max(0, now_ms - since) / 1000
