"""One line of a file: an event, a tick, or the reason of its refusal."""

import json
from codecs import BOM_UTF8
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import Never, TypedDict

from tests.recompute.events import (
    Cancellation,
    Charge,
    Contact,
    Correction,
    Disposition,
    Event,
    Fee,
    Merge,
    PlanChange,
    Profile,
    Purchase,
    Reversal,
    SignOfLife,
    Tick,
)
from tests.recompute.rules import Rules
from tests.recompute.shapes import is_valid, tells_who_bought, time_ms

TYPES = {
    "transactions": {"transaction", "customer_merged", "tick"},
    "contacts": {"contact", "notice", "tick"},
    "customers": {"profile"},
    "dispositions": {"disposition"},
}
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_MOST_CENTS = 10**14


class Refused(Exception):  # noqa: N818 - the contract's word
    """The line would be a dead letter; the message is its reason."""


class _Common(TypedDict):
    event_id: str
    source: str
    customer_id: str
    time_ms: int
    kind: str


class _Body:
    """A valid object with typed getters."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self._fields = fields

    def text(self, name: str) -> str | None:
        value = self._fields.get(name)
        return value if isinstance(value, str) else None

    def must(self, name: str) -> str:
        return str(self._fields[name])

    def flag(self, name: str) -> bool:
        return self._fields.get(name) is True

    def score(self, name: str) -> int | None:
        value = self._fields.get(name)
        return value if isinstance(value, int) else None

    def count(self, name: str) -> int:
        return self.score(name) or 0

    def length(self, name: str) -> float:
        value = self._fields.get(name)
        return value if isinstance(value, int | float) else 0

    def time(self, name: str) -> int | None:
        return time_ms(self._fields.get(name))

    def has(self, name: str) -> bool:
        return self._fields.get(name) is not None

    def some(self, name: str) -> bool:
        return bool(self._fields.get(name))

    def common(self) -> _Common:
        return {
            "event_id": self.must("event_id"),
            "source": self.must("source"),
            "customer_id": self.must("customer_id"),
            "time_ms": self.now(),
            "kind": self.text("kind") or self.must("type"),
        }

    def now(self) -> int:
        moment = self.time("time")
        if moment is None:
            raise Refused("schema")
        return moment


def parse(line: bytes, topic: str, rules: Rules, now_ms: int, currency: str) -> Event | Tick:
    """Read one line of a topic's file; raises Refused with one of the contract's reasons."""
    if len(line) > rules.line_bytes:
        raise Refused("too_large")
    event = _parsed(line, topic, currency)
    if event.time_ms > now_ms + rules.future_ms:
        raise Refused("future")
    return event


@lru_cache(1 << 16)
def _parsed(line: bytes, topic: str, currency: str) -> Event | Tick:
    """Read a line that is the same under all rules, which are many for each directory."""
    fields = _object(line)
    kind = fields.get("type")
    if not isinstance(kind, str) or kind not in TYPES[topic]:
        raise Refused("unknown_type")
    if not is_valid(fields):
        raise Refused("schema")
    return _event(kind, _Body(fields), currency)


def sign_of_life(line: bytes, rules: Rules) -> SignOfLife | None:
    """Give who bought and when, if a refused line is a purchase that tells it, and not too large."""
    if len(line) > rules.line_bytes:
        return None
    try:
        fields = _object(line)
    except Refused:
        return None
    if not tells_who_bought(fields):
        return None
    body = _Body(fields)
    return SignOfLife(customer_id=body.must("customer_id"), time_ms=body.now())


def _object(line: bytes) -> dict[str, object]:
    try:
        value = json.loads(line.removeprefix(BOM_UTF8).decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused("not_json") from error
    if not isinstance(value, dict):
        raise Refused("not_json")
    return value


def _no_constant(name: str) -> Never:
    raise ValueError(name)


def _event(kind: str, body: _Body, currency: str) -> Event | Tick:
    match kind:
        case "tick":
            return Tick(time_ms=body.now())
        case "transaction":
            return _transaction(body, currency)
        case "contact":
            return _contact(body)
        case "notice":
            return _notice(body)
        case "profile":
            return Profile(**body.common(), tier=body.text("tier"))
        case _:
            return _merge(body) if kind == "customer_merged" else _disposition(body)


def _transaction(body: _Body, currency: str) -> Event:
    common, kind = body.common(), body.must("kind")
    _check_kind(kind, body)
    cents, previous = _cents("amount", body, currency), _cents("previous_amount", body, currency)
    match kind:
        case "purchase":
            return Purchase(**common, cents=cents)
        case "refund" | "chargeback" | "correction":
            return _change_of_a_purchase(body, cents, previous)
        case "subscription_charge":
            return Charge(**common, cents=cents)
        case "subscription_changed":
            return PlanChange(**common, cents=cents, previous_cents=previous or None)
        case _:
            return Cancellation(**common) if kind == "subscription_cancelled" else Fee(**common)


def _change_of_a_purchase(body: _Body, cents: int, previous: int) -> Event:
    common, original_ms = body.common(), body.time("original_time")
    spent_ms = common["time_ms"] if original_ms is None else original_ms
    if body.must("kind") == "correction":
        return Correction(**common, cents=cents - previous, spent_ms=spent_ms)
    return Reversal(**common, cents=-cents, spent_ms=spent_ms, dated=original_ms is not None)


def _check_kind(kind: str, body: _Body) -> None:
    """Refuse what no transaction of the kind has, or lacks."""
    amount, previous, original_ms = (
        body.text("amount"),
        body.text("previous_amount"),
        body.time("original_time"),
    )
    of_a_purchase = kind in {"refund", "chargeback", "correction"}
    may_be_zero = kind in {"purchase", "correction", "subscription_changed"}
    faults = (
        (kind == "subscription_cancelled") != (amount is None),
        amount is not None and body.text("currency") is None,
        amount is not None and Decimal(amount) == 0 and not may_be_zero,
        previous is not None and kind not in {"correction", "subscription_changed"},
        previous is not None and Decimal(previous) == 0 and kind == "subscription_changed",
        body.text("corrects") is not None and kind != "correction",
        kind == "correction" and (previous is None or original_ms is None),
        of_a_purchase and original_ms is not None and original_ms > body.now(),
    )
    if any(faults):
        raise Refused("schema")


def _cents(name: str, body: _Body, currency: str) -> int:
    """Give an amount in hundredths of the reporting currency, 0 where there is none."""
    rate, amount = "1", body.text(name)
    if amount is None:
        return 0
    if body.text("currency") != currency:
        given = body.text("exchange_rate")
        if given is None:
            raise Refused("currency")
        rate = given
    hundredths = _EXACT.multiply(_EXACT.multiply(Decimal(amount), Decimal(rate)), Decimal(100))
    cents = int(hundredths.to_integral_value(ROUND_HALF_EVEN))
    if cents > _MOST_CENTS:
        raise Refused("currency")
    return cents


def _contact(body: _Body) -> Contact:
    common, ended_ms = body.common(), body.time("ended_at")
    if ended_ms is not None and ended_ms > common["time_ms"]:
        raise Refused("schema")
    return Contact(
        **common,
        contact_id=body.must("contact_id"),
        version=body.count("version"),
        moment_ms=common["time_ms"] if ended_ms is None else ended_ms,
        started_ms=body.time("started_at"),
        parent_contact_id=body.text("parent_contact_id"),
        answered=body.flag("answered") if body.has("answered") else None,
        outbound=body.text("direction") == "outbound",
        recovery=body.flag("recovery"),
        case_id=body.text("case_id"),
        reason=body.text("reason"),
        resolution=body.text("resolution"),
        self_served=body.flag("self_served"),
        csat=body.score("csat"),
        ces=body.score("ces"),
        effort=body.score("effort"),
        escalation_requested=body.flag("escalation_requested"),
        escalation_granted=body.flag("escalation_granted"),
        complaint=body.flag("complaint"),
        first_reply_seconds=body.length("first_reply_seconds"),
        transfers_cold=body.count("transfers_cold"),
        transfers_warm=body.count("transfers_warm"),
        hold_seconds=body.length("hold_seconds"),
        hold_count=body.count("hold_count"),
        deflected_to=body.text("deflected_to"),
        ended_stage=body.text("ended_stage"),
        ended_by=body.text("ended_by"),
        ivr_zero_outs=body.count("ivr_zero_outs"),
        queue_seconds=body.length("queue_seconds"),
        repeated_information=body.flag("repeated_information"),
        phrases=body.some("phrases"),
        self_service_minutes=body.length("self_service_minutes"),
    )


def _notice(body: _Body) -> Contact:
    return Contact(
        **body.common(),
        contact_id=body.must("contact_id"),
        moment_ms=body.now(),
        is_notice=True,
        notified=body.flag("notified"),
    )


def _merge(body: _Body) -> Merge:
    merge = Merge(**body.common(), merged_into=body.must("merged_into"))
    if merge.merged_into == merge.customer_id:
        raise Refused("schema")
    return merge


def _disposition(body: _Body) -> Disposition:
    return Disposition(
        **body.common(),
        alert_id=body.must("alert_id"),
        status=body.must("status"),
        snooze_until_ms=body.time("snooze_until"),
    )
