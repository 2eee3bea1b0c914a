"""What somebody wants to do about an alert, as a form tells it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final, get_args

from schemas.disposition import Disposition
from schemas.times import format_ms
from streams.core.time import DAY_MS
from streams.desk.board.entry import Done

SOURCE: Final = "desk"
STATUSES: Final = ("acknowledged", "contacted", "closed")
OUTCOMES: Final[Mapping[str, str]] = {
    "confirmed": "it was so: the customer was leaving",
    "benign": "a false alarm",
    "returned": "came back",
    "already_left": "already left",
    "no_answer": "nobody answered",
    "wrong_customer": "the wrong customer",
    "duplicate": "known already",
}
ACTIONS: Final = ("call", "email", "letter", "visit", "credit", "put right")
MOST_ROLE: Final = 60
_ID: Final = re.compile(r"desk-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOST_SNOOZE_MS: Final = 366 * DAY_MS
_MOST_ID: Final = 128
_MOST_SEEN: Final = 32

_KNOWN: Final = get_args(get_args(Disposition.model_fields["outcome"].annotation)[0])
assert set(OUTCOMES) == set(_KNOWN), "every outcome of the contract has its words"  # noqa: S101 - at import


class WishError(ValueError):
    """A form that was not filled in as it has to be; the message says which field, never its value."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to do about an alert, by somebody who saw it as `seen` says."""

    action_id: str
    """Made by the page, and the same when it is sent again: it becomes the event_id."""
    alert_id: str
    seen: str
    done: Done

    def disposition(self, customer_id: str) -> Disposition:
        """Return the event that says so."""
        done = self.done
        return Disposition(
            type="disposition",
            event_id=self.action_id,
            customer_id=customer_id,
            time=format_ms(done.time_ms),
            source=SOURCE,
            alert_id=self.alert_id,
            status=done.status,  # type: ignore[arg-type] # checked below, and by the model
            outcome=done.outcome,  # type: ignore[arg-type] # likewise
            action=done.action,
            snooze_until=None if done.snooze_until_ms is None else format_ms(done.snooze_until_ms),
            actor_role=done.actor_role,
        )


def wish_of(form: Mapping[str, str], now_ms: int) -> Wish:
    """Return what a form says. Raises WishError."""
    action_id, alert_id = undo_of(form)
    seen = form.get("seen", "")
    if len(seen) > _MOST_SEEN:
        raise WishError("seen: too long")
    what = form.get("do", "")
    snooze_until_ms = _snooze(form.get("until", ""), now_ms) if what == "snooze" else None
    status = "acknowledged" if what == "snooze" else what
    if status not in STATUSES:
        raise WishError("do: has to be acknowledged, contacted, snooze or closed")
    outcome = form.get("outcome") or None
    if outcome is not None and outcome not in OUTCOMES:
        raise WishError("outcome: not one that there is")
    if status == "closed" and outcome is None:
        raise WishError("outcome: say how it ended")
    action = form.get("action") or None
    if action is not None and action not in ACTIONS:
        raise WishError("action: not one that there is")
    role = form.get("role", "").strip()
    if len(role) > MOST_ROLE or not role.isprintable():
        raise WishError(f"role: at most {MOST_ROLE} printable characters, and a role rather than a name")
    done = Done(action_id, now_ms, status, outcome, action, snooze_until_ms, role or None, SOURCE)
    return Wish(action_id, alert_id, seen, done)


def undo_of(form: Mapping[str, str]) -> tuple[str, str]:
    """Return the action that a form is about, and its alert. Raises WishError."""
    action_id, alert_id = form.get("action_id", ""), form.get("alert_id", "")
    if not _ID.fullmatch(action_id):
        raise WishError("action_id: has to be desk- and a UUID")
    if not 0 < len(alert_id) <= _MOST_ID:
        raise WishError("alert_id: missing or too long")
    return action_id, alert_id


def _snooze(text: str, now_ms: int) -> int:
    """Return when the day begins until which it is snoozed, UTC."""
    try:
        until = date.fromisoformat(text)
    except ValueError:
        raise WishError("until: has to be a day") from None
    ms = round(datetime.combine(until, time(), UTC).timestamp() * 1000)
    if not now_ms < ms <= now_ms + _MOST_SNOOZE_MS:
        raise WishError("until: has to be a day ahead, within a year")
    return ms
