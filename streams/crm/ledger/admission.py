"""Who is admitted: the candidates whose time has come, and what the policy says of them."""

from collections import Counter
from datetime import timedelta
from sqlite3 import Connection, Row
from typing import Final

from streams.crm.cases.policy import Policy, budget_day, look, next_look
from streams.crm.cases.standing import LEVELS, Candidate, Decision, Level, Standing
from streams.crm.ledger.rows import Admission

MOST_RETRY_MS: Final = timedelta(hours=2) // timedelta(milliseconds=1)
"""Longer than the longest that a CRM may ask to wait."""


def waits(connection: Connection, now_ms: int) -> bool:
    """Return whether there is a candidate to look at."""
    found = connection.execute("SELECT 1 FROM cases WHERE look_ms <= ? LIMIT 1", (now_ms,)).fetchone()
    return found is not None


def look_anew(connection: Connection, policy: Policy, now_ms: int) -> None:
    """Plan to look at all candidates: the policy may be another than before."""
    for level in LEVELS:
        for canary in (False, True):
            connection.execute(
                """
                UPDATE cases SET look_ms = :look_ms
                WHERE standing IN ('waiting', 'deferred', 'held') AND level = :level AND canary = :canary
                """,
                {"look_ms": next_look(policy, level, canary, now_ms), "level": level, "canary": canary},
            )
    # No retry is planned for so late: it was by a clock that was ahead, and is right again.
    connection.execute(
        "UPDATE messages SET next_ms = :now_ms WHERE next_ms > :now_ms + :most_ms",
        {"now_ms": now_ms, "most_ms": MOST_RETRY_MS},
    )


def admit(connection: Connection, policy: Policy, now_ms: int) -> Admission:
    """Look at the candidates whose time has come, and keep what is decided."""
    rows = connection.execute(_CANDIDATES, {"now_ms": now_ms, "quiet": policy.quiet_ms > 0})
    before = {row["alert_id"]: row for row in rows}
    day = budget_day(policy, now_ms)
    spent = {
        row["level"]: row["cases"]
        for row in connection.execute("SELECT level, cases FROM admissions WHERE day = ?", (day,))
    }
    busy = {row["account_id"]: row["level"] for row in connection.execute(_BUSY)}
    decisions = look(map(_candidate, before.values()), policy, now_ms, spent=spent, busy=busy)
    admitted = [one for one in decisions if one.standing is Standing.ADMITTED]
    _put_off(connection, [one for one in decisions if one.standing is not Standing.ADMITTED], now_ms)
    places = [{"alert_id": one.alert_id, "now_ms": now_ms} for one in admitted]
    connection.executemany(_CREATE, places)
    connection.executemany(_ADMIT, places)
    _spend(connection, day, Counter(one.level for one in admitted if not before[one.alert_id]["canary"]))
    return Admission(
        admitted=Counter(one.level for one in admitted),
        deferred=Counter(
            one.level
            for one in decisions
            if one.standing is Standing.DEFERRED and before[one.alert_id]["standing"] != "deferred"
        ),
        held=Counter(
            one.why for one in decisions if one.why is not None and before[one.alert_id]["why"] != one.why
        ),
    )


_CANDIDATES = """
SELECT c.alert_id, c.level, c.value_cents, c.canary, c.backfill, c.holdout, c.deferred_as, c.standing, c.why,
    p.account_id,
    EXISTS (SELECT 1 FROM messages m WHERE m.alert_id = c.alert_id AND m.state = 'queued') AS closing,
    CASE WHEN :quiet THEN (
        SELECT max(d.done_ms) FROM cases d WHERE d.customer_id = c.customer_id
    ) END AS done_ms
FROM cases c LEFT JOIN profiles p ON p.customer_id = c.customer_id
WHERE c.look_ms <= :now_ms
"""

# What the CRM does not have, and gets nothing of, keeps nobody waiting: its create was given up.
# Of the levels of an account the first by name is the highest.
_BUSY = """
SELECT p.account_id, min(c.level) AS level FROM cases c JOIN profiles p ON p.customer_id = c.customer_id
WHERE c.standing = 'admitted' AND p.account_id IS NOT NULL AND (
    c.there OR EXISTS (SELECT 1 FROM messages m WHERE m.alert_id = c.alert_id AND m.state = 'queued')
) GROUP BY p.account_id
"""

# What it was told in an earlier episode no longer counts.
_ADMIT = """
UPDATE cases SET standing = 'admitted', why = NULL, look_ms = NULL, deferred_as = NULL,
    admitted_ms = :now_ms, changed_ms = :now_ms, created_ms = NULL, acted_ms = NULL, snooze_ms = NULL,
    told = NULL, told_ms = NULL
WHERE alert_id = :alert_id
"""

# Its id is `revision_id`. Nothing else is queued about it: while something is, it is held.
_CREATE = """
INSERT INTO messages (message_id, alert_id, kind, record, made_ms, next_ms, opened_ms, was_deferred)
SELECT alert_id || '/' || revision, alert_id, 'create', record, :now_ms, :now_ms,
    CASE WHEN NOT was_held THEN opened_ms END, deferred_as IS NOT NULL
FROM cases
WHERE alert_id = :alert_id
"""


def _candidate(row: Row) -> Candidate:
    return Candidate(
        alert_id=row["alert_id"],
        level=row["level"],
        value_cents=row["value_cents"],
        canary=bool(row["canary"]),
        backfill=bool(row["backfill"]),
        holdout=bool(row["holdout"]),
        deferred_as=row["deferred_as"],
        account_id=row["account_id"],
        closing=bool(row["closing"]),
        done_ms=row["done_ms"],
    )


def _put_off(connection: Connection, decisions: list[Decision], now_ms: int) -> None:
    connection.executemany(
        """
        UPDATE cases SET standing = :standing, why = :why, look_ms = :look_ms, changed_ms = :now_ms,
            deferred_as = coalesce(deferred_as, CASE WHEN :standing = 'deferred' THEN level END),
            was_held = was_held OR :standing = 'held'
        WHERE alert_id = :alert_id
        """,
        [
            {
                "standing": one.standing,
                "why": one.why,
                "look_ms": one.look_ms,
                "now_ms": now_ms,
                "alert_id": one.alert_id,
            }
            for one in decisions
        ],
    )


def _spend(connection: Connection, day: str, cases: Counter[Level]) -> None:
    connection.executemany(
        "INSERT INTO admissions VALUES (?, ?, ?) "
        "ON CONFLICT (day, level) DO UPDATE SET cases = cases + excluded.cases",
        [(day, level, count) for level, count in cases.items()],
    )
