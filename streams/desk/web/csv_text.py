"""The queue and the groups as CSV, for a spreadsheet that must not take a text of ours for a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from schemas.money import format_cents
from schemas.times import format_ms
from streams.console import visible
from streams.desk.board.entry import Entry
from streams.desk.board.policy import Group
from streams.desk.board.queue import standing_of

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_QUEUE: Final = (
    *("customer_id", "level", "value_at_risk", "currency", "probability", "summary", "went_wrong", "about"),
    *("channel", "owner", "raised", "deadline", "standing", "do_not_contact", "state", "alert_id"),
)
_POLICY: Final = (
    "group",
    "value_at_risk",
    "customers",
    "raised",
    "last_4_weeks",
    "4_weeks_before",
    "returned",
)


def queue_csv(entries: Iterable[Entry]) -> str:
    """Return a line an alert, below a line of names."""
    return _text(
        _QUEUE,
        (
            (
                one.customer_id,
                one.level,
                format_cents(one.at_risk),
                one.currency,
                f"{one.probability:.4f}",
                one.summary,
                " ".join(signal for signal, _ in one.signals),
                one.reason or "",
                one.channel or "",
                one.owner or "",
                format_ms(one.raised_ms),
                format_ms(one.deadline_ms),
                standing_of(one) if one.is_open else (one.resolution or ""),
                "yes" if one.do_not_contact else "",
                one.state,
                one.alert_id,
            )
            for one in entries
        ),
    )


def policy_csv(groups: Iterable[Group]) -> str:
    """Return a line a group, below a line of names."""
    return _text(
        _POLICY,
        (
            (
                one.name,
                format_cents(one.at_risk),
                str(one.customers),
                str(one.total),
                str(one.recent),
                str(one.before),
                str(one.returned),
            )
            for one in groups
        ),
    )


def _text(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: str) -> str:
    """Return a cell as a spreadsheet shows it and does not compute it; what is unseen is made visible."""
    shown = visible(value)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
