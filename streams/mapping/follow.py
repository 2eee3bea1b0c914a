"""Things of which several records tell: an order whose amount changes, a contact that goes on.

Each function takes a draft and what is remembered of its thing, and returns the fields of the event that is
new about it (or why there is none), and what to remember. They stand on the order in which drafts come only
where `OUTDATED` says so, so the same records give the same events.
"""

from collections.abc import Callable
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final, TypeAlias

from msgspec.json import encode

from schemas.times import format_ms, parse_ms
from schemas.transaction import CORRECTION, PURCHASE
from streams.mapping.forms import FormError
from streams.mapping.outcomes import OUTDATED, UNCHANGED, Draft, Memory

CALLED_OFF: Final = "called off"
MOST_LEGS: Final = 100
"""Of one contact: what is remembered of it has to fit into one record, and is written with each leg."""
Fields: TypeAlias = dict[str, Any]
Followed: TypeAlias = tuple[Fields | str, Memory]
"""The fields of an event, or why there is none, and what to remember; its last element is a time, ms."""

_SUMS: Final = frozenset(
    (
        *("queue_seconds", "hold_seconds", "hold_count", "transfers_cold", "transfers_warm"),
        *("ivr_zero_outs", "self_service_minutes"),
    )
)
_ANY: Final = frozenset(
    (
        "self_served",
        "escalation_requested",
        "escalation_granted",
        "complaint",
        "answered",
        "repeated_information",
        "recovery",
    )
)
_FIRST: Final = frozenset(("channel", "direction", "reason", "first_reply_seconds", "started_at"))
"""What the first leg says of a contact; of all else that is neither added up nor true at once, the last."""
_KEPT: Final = (
    "type",
    "customer_id",
    "source",
    "currency",
    "exchange_rate",
    "order_id",
    "channel",
    "category",
)
"""Fields of a purchase that its corrections have too."""


def total(draft: Draft, memory: Memory) -> Followed:
    """Follow an order: a purchase when it is first met, then a correction each time that its amount changes.

    Of other kinds, as refunds that each version of an order repeats, only the first counts. One that was
    called off before anything else was known of it is nothing. Remembered: its amount (null while there was
    no event), how many corrections there were, the fields of the purchase that these need, the last time.
    """
    fields = draft.fields
    known, corrections, first, last = memory or [None, 0, {}, draft.time]
    if draft.time < last:
        return OUTDATED, memory
    if known is None:
        if draft.void:
            return CALLED_OFF, [None, 0, {}, draft.time]
        kept = {name: fields[name] for name in (*_KEPT, "event_id", "time") if name in fields}
        return fields, [fields.get("amount", ""), 0, kept, draft.time]
    now = "0" if draft.void else fields.get("amount")
    if fields.get("kind") != PURCHASE or now is None or Decimal(now) == Decimal(known):
        return UNCHANGED, [known, corrections, first, draft.time]
    correction = {name: first[name] for name in _KEPT if name in first} | {
        "event_id": f"{first['event_id']}/{corrections + 1}",
        "time": format_ms(max(draft.time, parse_ms(first["time"]))),
        "kind": CORRECTION,
        "amount": now,
        "previous_amount": known,
        "original_time": first["time"],
        "corrects": first["event_id"],
    }
    return correction, [now, corrections + 1, first, draft.time]


def snapshot(draft: Draft, memory: Memory) -> Followed:
    """Follow a contact that each record tells as a whole: a version for each change.

    Remembered: the version, a digest of the contact, the last time.
    """
    digest = blake2b(encode(_content(draft.fields), order="sorted"), digest_size=8).hexdigest()
    version, known, last = memory or [0, "", draft.time]
    if draft.time < last:
        return OUTDATED, memory
    if digest == known:
        return UNCHANGED, [version, known, draft.time]
    return _version(draft.fields, version + 1, draft, draft.time), [version + 1, digest, draft.time]


def legs(draft: Draft, memory: Memory) -> Followed:
    """Follow a contact of several legs, in whatever order they come: a version for each that changes it.

    Remembered: the version, and each leg as [its time, its name, its fields]; the last time.
    Raises FormError for more legs than a contact has.
    """
    version, known, last = memory or [0, [], draft.time]
    part = draft.part or format_ms(draft.time)
    others = [leg for leg in known if leg[1] != part]
    if len(others) >= MOST_LEGS:
        raise FormError(f"more than {MOST_LEGS} legs, so `by` is no name of a single contact")
    if any(leg[1] == part and leg[0] > draft.time for leg in known):
        return OUTDATED, memory
    all_legs = sorted([*others, [draft.time, part, draft.fields]], key=_place)
    last = max(last, draft.time)
    before, after = _joined(known), _joined(all_legs)
    if known and _content(before) == _content(after):
        return UNCHANGED, [version, all_legs, last]
    return _version(after, version + 1, draft, last), [version + 1, all_legs, last]


def _place(leg: list[Any]) -> tuple[int, str]:
    """Return where a leg stands among the others: by its beginning, for one may be written again later."""
    time, part, fields = leg
    started = fields.get("started_at")
    return time if started is None else parse_ms(started), part


def _joined(all_legs: list[Any]) -> Fields:
    """Return the contact that legs make, which are in their order."""
    joined: Fields = {}
    for _, _, fields in all_legs:
        for name, value in fields.items():
            there = joined.get(name)
            if there is None:
                joined[name] = value
            elif name in _SUMS:
                joined[name] = there + value
            elif name in _ANY:
                joined[name] = there or value
            elif name == "phrases":
                joined[name] = sorted({*there, *value})
            elif name not in _FIRST:
                joined[name] = value
    return joined


def _content(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if name not in {"event_id", "version", "time"}}


def _version(fields: Fields, version: int, draft: Draft, written: int) -> Fields:
    """Return the contact as its version; recorded when it was written, but the first when it says itself.

    For an export has only the last state of a contact, often written long after all that matters happened.
    """
    recorded = parse_ms(draft.fields["time"]) if version == 1 else written
    ended = fields.get("ended_at")
    return fields | {
        "event_id": f"{fields['contact_id']}/{version}",
        "version": version,
        "time": format_ms(recorded if ended is None else max(recorded, parse_ms(ended))),
    }


FOLLOWED: Final[dict[str, Callable[[Draft, Memory], Followed]]] = {
    "total": total,
    "snapshot": snapshot,
    "legs": legs,
}
"""By what a mapping says it follows a thing `as`."""
