"""The queue of each alert: its first message has a time at which it is due, those behind it have none."""

from sqlite3 import Connection
from typing import NamedTuple

from streams.crm.wire import Kind


def revision_id(alert_id: str, revision: int) -> str:
    """Return the id of the message about a revision: the same whenever, and however often, it is sent."""
    return f"{alert_id}/{revision}"


class Draft(NamedTuple):
    """A message that is to be sent."""

    message_id: str
    alert_id: str
    kind: Kind
    record: str | None
    """The alert, as JSON."""


def enqueue(connection: Connection, draft: Draft, now_ms: int) -> None:
    """Put a message behind the others of its alert; it is due at once if there are none."""
    connection.execute(
        """
        INSERT INTO messages (message_id, alert_id, kind, record, made_ms, next_ms)
        SELECT :message_id, :alert_id, :kind, :record, :now_ms, CASE WHEN EXISTS (
            SELECT 1 FROM messages WHERE alert_id = :alert_id AND state = 'queued'
        ) THEN NULL ELSE :now_ms END
        """,
        {**draft._asdict(), "now_ms": now_ms},
    )


def next_is_due(connection: Connection, alert_id: str, now_ms: int) -> None:
    """Make what is now the first of an alert's queue due."""
    connection.execute(
        "UPDATE messages SET next_ms = ? WHERE seq = "
        "(SELECT min(seq) FROM messages WHERE alert_id = ? AND state = 'queued')",
        (now_ms, alert_id),
    )
