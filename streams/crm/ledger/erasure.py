"""What goes: of a customer who was erased, and of what ended long ago."""

from datetime import timedelta
from sqlite3 import Connection
from typing import Final

KEEP_MS: Final = timedelta(days=400) // timedelta(milliseconds=1)
"""How long what ended is kept: longer than alerts are on their topic, so that none is read again."""
_KEEP_DAYS_MS: Final = timedelta(days=7) // timedelta(milliseconds=1)
"""How long the counts of the budget are kept: longer than any clock is wrong."""

# What is still to be sent, or may be again, has to be closed in the CRM first.
_MAY_GO = """
    erase = 1 AND customer_id IS NOT NULL AND standing IN ('never', 'done') AND NOT EXISTS (
        SELECT 1 FROM messages m WHERE m.alert_id = cases.alert_id
        AND (m.state = 'queued' OR (m.state = 'given_up' AND m.kind = 'close'))
    )
"""


def erase(connection: Connection, customer_id: str, now_ms: int) -> None:
    """Forget a customer: candidates are never admitted, what is in the CRM goes when it is closed there."""
    connection.execute("DELETE FROM profiles WHERE customer_id = ?", (customer_id,))
    connection.execute(
        """
        UPDATE cases SET standing = 'never', why = NULL, look_ms = NULL, deferred_as = NULL, record = NULL,
            changed_ms = ?
        WHERE customer_id = ? AND standing IN ('waiting', 'deferred', 'held')
        """,
        (now_ms, customer_id),
    )
    connection.execute("UPDATE cases SET erase = 1 WHERE customer_id = ?", (customer_id,))
    for row in connection.execute(
        "SELECT alert_id FROM cases WHERE customer_id = ?", (customer_id,)
    ).fetchall():
        scrub(connection, row["alert_id"])


def scrub(connection: Connection, alert_id: str) -> None:
    """Empty a case whose customer was erased, if nothing about it is still to be sent."""
    if connection.execute(f"SELECT 1 FROM cases WHERE alert_id = ? AND {_MAY_GO}", (alert_id,)).fetchone():
        connection.execute(
            """
            UPDATE messages SET record = NULL, body = NULL,
                state = CASE state WHEN 'given_up' THEN 'dropped' ELSE state END
            WHERE alert_id = ?
            """,
            (alert_id,),
        )
        connection.execute(
            "UPDATE cases SET customer_id = NULL, record = NULL, told = NULL WHERE alert_id = ?", (alert_id,)
        )


def tidy(connection: Connection, now_ms: int) -> int:
    """Delete what ended long ago, and return how many cases."""
    before = now_ms - KEEP_MS
    old = "standing IN ('done', 'never') AND changed_ms < ?"
    connection.execute(
        f"DELETE FROM messages WHERE alert_id IN (SELECT alert_id FROM cases WHERE {old})", (before,)
    )
    cases = connection.execute(f"DELETE FROM cases WHERE {old}", (before,)).rowcount
    connection.execute("DELETE FROM dispositions WHERE at_ms < ?", (before,))
    connection.execute(
        "DELETE FROM admissions WHERE day < date(?, 'unixepoch')", ((now_ms - _KEEP_DAYS_MS) // 1000,)
    )
    return cases
