"""Which JSON objects the wire contract allows, field by field."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import TypeAlias

Check: TypeAlias = Callable[[object], bool]

_TIME = re.compile(
    r"((\d{4})-\d\d-\d\d)[Tt ](\d\d:\d\d)(:\d\d)?(?:(?<=:\d\d:\d\d)\.(\d{1,9}))?"
    r"([Zz]|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)",
    re.ASCII,
)
_AMOUNT = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)
_RATE = re.compile(r"\d{1,12}(\.\d{1,12})?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_ms(value: object) -> int | None:
    """Milliseconds UTC of the text of a time, floored; None if it is not one or lies before 2000."""
    return _text_ms(value) if isinstance(value, str) else None


@lru_cache
def _text_ms(text: str) -> int | None:
    if not (match := _TIME.fullmatch(text)) or match[2] < "2000":
        return None
    try:
        local = datetime.fromisoformat(f"{match[1]}T{match[3]}{match[4] or ':00'}+00:00")
    except ValueError:
        return None
    ahead_minutes = int(f"{match[7] or '+'}1") * (60 * int(match[8] or 0) + int(match[9] or 0))
    since = local - _EPOCH - timedelta(minutes=ahead_minutes)
    return since // timedelta(milliseconds=1) + int((match[5] or "").ljust(3, "0")[:3])


def _time(value: object) -> bool:
    return time_ms(value) is not None


def _text(low: int = 0, high: int | None = None) -> Check:
    def check(value: object) -> bool:
        return (
            isinstance(value, str)
            and low <= len(value) <= (len(value) if high is None else high)
            and not _SURROGATE.search(value)
        )

    return check


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _integer(low: int, high: int | None = None) -> Check:
    return lambda value: type(value) is int and low <= value and (high is None or value <= high)


def _duration(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return (isinstance(value, int) or (isinstance(value, float) and isfinite(value))) and value >= 0


def _one_of(*names: str) -> Check:
    return lambda value: isinstance(value, str) and value in names


def _some_of(*names: str) -> Check:
    return lambda value: isinstance(value, list) and all(item in names for item in value)


def _amount(value: object) -> bool:
    return isinstance(value, str) and _AMOUNT.fullmatch(value) is not None


def _rate(value: object) -> bool:
    return isinstance(value, str) and _RATE.fullmatch(value) is not None and Decimal(value) > 0


def _currency(value: object) -> bool:
    return isinstance(value, str) and _CURRENCY.fullmatch(value) is not None


def _attributes(value: object) -> bool:
    text = _text()
    return isinstance(value, dict) and all(text(name) and text(item) for name, item in value.items())


def _type(value: object) -> bool:
    return isinstance(value, str)


_ID = _text(1, 128)
_CHANNEL = _one_of("voice", "chat", "email", "message", "social", "web", "store")
_COMMON: dict[str, Check] = {
    "type": _type,
    "event_id": _ID,
    "customer_id": _ID,
    "time": _time,
    "source": _ID,
}

REQUIRED: dict[str, dict[str, Check]] = {
    "tick": {"type": _type, "time": _time, "source": _ID},
    "transaction": _COMMON
    | {
        "kind": _one_of(
            "purchase",
            "refund",
            "chargeback",
            "correction",
            "fee",
            "subscription_charge",
            "subscription_changed",
            "subscription_cancelled",
        )
    },
    "contact": _COMMON | {"contact_id": _ID, "version": _integer(1), "channel": _CHANNEL},
    "notice": _COMMON
    | {
        "contact_id": _ID,
        "change": _one_of("price", "ownership", "discontinuation", "policy", "outage"),
    },
    "customer_merged": _COMMON | {"merged_into": _ID},
    "profile": _COMMON,
    "disposition": _COMMON | {"alert_id": _ID, "status": _one_of("acknowledged", "contacted", "closed")},
}

OPTIONAL: dict[str, dict[str, Check]] = {
    "tick": {},
    "transaction": {
        "attributes": _attributes,
        "amount": _amount,
        "previous_amount": _amount,
        "currency": _currency,
        "exchange_rate": _rate,
        "corrects": _ID,
        "order_id": _text(),
        "original_time": _time,
        "channel": _text(),
        "category": _text(),
    },
    "contact": {
        "attributes": _attributes,
        "started_at": _time,
        "ended_at": _time,
        "direction": _one_of("inbound", "outbound"),
        "reason": _text(),
        "case_id": _text(),
        "resolution": _one_of("resolved", "unresolved", "unknown"),
        "queue_seconds": _duration,
        "hold_seconds": _duration,
        "hold_count": _integer(0),
        "transfers_cold": _integer(0),
        "transfers_warm": _integer(0),
        "ended_by": _one_of("customer", "agent", "system", "network"),
        "ended_stage": _one_of("ivr", "queue", "hold", "agent", "transfer"),
        "ivr_zero_outs": _integer(0),
        "self_served": _flag,
        "self_service_minutes": _duration,
        "deflected_to": _CHANNEL,
        "escalation_requested": _flag,
        "escalation_granted": _flag,
        "complaint": _flag,
        "repeated_information": _flag,
        "first_reply_seconds": _duration,
        "csat": _integer(1, 5),
        "ces": _integer(1, 7),
        "effort": _integer(-5, 5),
        "phrases": _some_of("system_wont_let_me", "not_allowed", "policy"),
        "recovery": _flag,
        "answered": _flag,
        "parent_contact_id": _ID,
    },
    "notice": {"attributes": _attributes, "notified": _flag},
    "customer_merged": {"attributes": _attributes},
    "profile": {
        "attributes": _attributes,
        "tier": _text(),
        "member_since": _text(),
        "country": _text(),
        "account_id": _text(),
        "preferred_owner": _text(),
        "do_not_contact": _flag,
    },
    "disposition": {
        "attributes": _attributes,
        "outcome": _one_of(
            "confirmed", "benign", "already_left", "wrong_customer", "duplicate", "returned", "no_answer"
        ),
        "action": _text(),
        "snooze_until": _time,
        "actor_role": _text(),
    },
}


def is_valid(body: Mapping[str, object]) -> bool:
    """Whether an object of a known type has all its fields, each as the contract says; others are ignored."""
    required, optional = REQUIRED[str(body["type"])], OPTIONAL[str(body["type"])]
    return all(name in body and check(body[name]) for name, check in required.items()) and all(
        body.get(name) is None or check(body[name]) for name, check in optional.items()
    )


def tells_who_bought(body: Mapping[str, object]) -> bool:
    """Whether an object is a purchase of which customer and time are sound, whatever else it may be."""
    is_purchase = body.get("type") == "transaction" and body.get("kind") == "purchase"
    return is_purchase and _ID(body.get("customer_id")) and _time(body.get("time"))
