"""How the fields of a case are said, on the page and in the terminal alike."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from streams.sandbox.case import Case

NOTHING: Final = "–"
_LEVELS: Final = {"alert", "watch"}


def money(amount: Decimal | None, currency: str = "") -> str:
    """Return an amount in whole units from 100 up, and its currency if one is given."""
    if amount is None:
        return NOTHING
    return f"{amount:,.0f} {currency}".strip() if abs(amount) >= 100 else f"{amount:,.2f} {currency}".strip()


def chance(share: Decimal | None) -> str:
    """Return a probability in per cent; never 0 % or 100 %, for nothing is certain."""
    if share is None:
        return NOTHING
    percent = round(share * 100)
    if percent in {0, 100} and 0 < share < 1:
        return "< 1 %" if percent == 0 else "> 99 %"
    return f"{percent} %"


def level(case: Case) -> str:
    """Return the name of a level that there is, for the style; nothing for any other."""
    return name if (name := case.text("level")) in _LEVELS else ""


def who(case: Case) -> str:
    """Return who should call."""
    return case.text("owner") or NOTHING


def until(case: Case) -> str:
    """Return the last day on which it makes sense to act."""
    return day(case, "deadline")


def day(case: Case, name: str) -> str:
    """Return the day of a field that is a time, else what it holds."""
    time = case.time(name)
    return case.text(name) or NOTHING if time is None else _day(time)


def minute(time: datetime) -> str:
    """Return a time in UTC to the minute."""
    return f"{_day(time)} {time:%H:%M}"


def stands(case: Case) -> str:
    """Return where a case stands: what the desk last did, or how it ended."""
    if not case.is_open:
        return case.text("resolution") or case.text("state").replace("_", " ") or "resolved"
    told = case.told
    if told is None:
        return "new"
    if told.snooze_until is not None:
        return f"snoozed until {_date(told.snooze_until)}"
    return told.status if told.outcome is None else f"{told.status}: {told.outcome.replace('_', ' ')}"


def wish(fields: dict[str, Any]) -> str:
    """Return what a disposition says."""
    parts = [fields["status"]]
    if "outcome" in fields:
        parts.append(fields["outcome"].replace("_", " "))
    if "action" in fields:
        parts.append(fields["action"])
    if "snooze_until" in fields:
        parts.append(f"snoozed until {_date(fields['snooze_until'])}")
    return ", ".join(parts)


def facts(case: Case) -> list[tuple[str, str]]:
    """Return what else a case says, as names and values; what it does not say is left out."""
    found = [
        ("Customer", case.text("customer_id")),
        ("Where it stands", case.text("standing")),
        ("Priority", case.text("priority")),
        ("Who should call", "nobody: internal only" if case.internal_only else case.text("owner")),
        ("Until", day(case, "deadline")),
        ("What would clear it", case.text("clears_when")),
        ("Snoozed until", day(case, "snoozed_until")),
        ("The contact", _contact(case)),
        ("Account", case.text("account_id")),
        ("Its other open alerts", case.text("others_of_account") if case.text("account_id") else ""),
        ("How it ended", case.text("resolution")),
        ("Figures as of", _as_of(case)),
        ("Alert", case.alert_id),
        ("Revision", case.text("revision")),
    ]
    return [(name, value) for name, value in found if value and value != NOTHING]


def _day(time: datetime) -> str:
    return f"{time.day} {time:%b %Y}"


def _date(text: str) -> str:
    """Return the day of a time that we wrote ourselves."""
    return _day(datetime.fromisoformat(text))


def _contact(case: Case) -> str:
    """Return by which channel the bad contact came, and what it was about."""
    contact = case.fields.get("contact")
    if not isinstance(contact, dict):
        return ""
    return ", ".join(one for name in ("channel", "reason") if isinstance(one := contact.get(name), str))


def _as_of(case: Case) -> str:
    time = case.time("as_of")
    when = case.text("as_of") if time is None else f"{minute(time)} UTC"
    of = {"now": "as things stood then", "alert": "as the alert had them"}.get(case.text("figures_of"))
    return f"{when} ({of})" if when and of else when
