"""What people and metrics are told of a ledger."""

from collections.abc import Collection
from sqlite3 import Connection, Row

from streams.crm.cases.standing import Hold, Standing
from streams.crm.ledger.rows import Figures, Listed, MessageState
from streams.crm.wire import Kind

_COLUMNS = """
    c.alert_id, c.revision, c.level, c.value_cents, c.currency, c.standing, c.why, c.canary, c.first_ms,
    c.admitted_ms, c.told_ms, c.customer_id,
    m.message_id, m.kind, m.state, m.attempts, m.reason, m.next_ms
"""


def figures(connection: Connection) -> Figures:
    """Return the counts, each from an index."""
    cases = {
        (Standing(row["standing"]), None if row["why"] is None else Hold(row["why"])): row["cases"]
        for row in connection.execute(
            "SELECT standing, why, count(*) AS cases FROM cases GROUP BY standing, why"
        )
    }
    deferred = connection.execute(
        "SELECT level, count(*) AS cases, min(opened_ms) AS oldest FROM cases "
        "WHERE standing = 'deferred' GROUP BY level"
    ).fetchall()
    queued = connection.execute(
        "SELECT count(*) AS messages, min(made_ms) AS oldest FROM messages WHERE state = 'queued'"
    ).fetchone()
    given_up = connection.execute("SELECT count(*) FROM messages WHERE state = 'given_up'").fetchone()[0]
    return Figures(
        cases,
        deferred={row["level"]: row["cases"] for row in deferred},
        oldest_deferred_ms={row["level"]: row["oldest"] for row in deferred},
        queued=queued["messages"],
        oldest_queued_ms=queued["oldest"],
        given_up=given_up,
    )


def listing(
    connection: Connection, standings: Collection[Standing], limit: int, *, customers: bool
) -> list[Listed]:
    """Return cases with their newest message, of highest value first."""
    chosen = list(standings) or list(Standing)
    rows = connection.execute(
        f"""
        SELECT {_COLUMNS} FROM (
            SELECT * FROM cases WHERE standing IN ({", ".join("?" * len(chosen))})
            ORDER BY value_cents DESC, alert_id LIMIT ?
        ) c LEFT JOIN messages m
            ON m.seq = (SELECT max(seq) FROM messages n WHERE n.alert_id = c.alert_id)
        ORDER BY c.value_cents DESC, c.alert_id
        """,
        (*chosen, limit),
    )
    return [_listed(row, customers=customers) for row in rows]


def given_up(connection: Connection, limit: int, *, customers: bool) -> list[Listed]:
    """Return messages that were given up, oldest first, with their cases."""
    rows = connection.execute(
        f"""
        SELECT {_COLUMNS} FROM messages m JOIN cases c ON c.alert_id = m.alert_id
        WHERE m.state = 'given_up' ORDER BY m.seq LIMIT ?
        """,
        (limit,),
    )
    return [_listed(row, customers=customers) for row in rows]


def _listed(row: Row, *, customers: bool) -> Listed:
    return Listed(
        alert_id=row["alert_id"],
        revision=row["revision"],
        level=row["level"],
        value_cents=row["value_cents"],
        currency=row["currency"],
        standing=Standing(row["standing"]),
        why=None if row["why"] is None else Hold(row["why"]),
        canary=bool(row["canary"]),
        first_ms=row["first_ms"],
        admitted_ms=row["admitted_ms"],
        told_ms=row["told_ms"],
        message_id=row["message_id"],
        kind=None if row["kind"] is None else Kind(row["kind"]),
        state=None if row["state"] is None else MessageState(row["state"]),
        attempts=row["attempts"] or 0,
        reason=row["reason"],
        next_ms=row["next_ms"],
        customer_id=row["customer_id"] if customers else None,
    )
