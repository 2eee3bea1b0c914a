"""Sound messages of every type, to be varied by the tests, and ways to spell and to read them."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeAlias

from schemas import reference
from schemas.events import Event, Refusal
from schemas.hot import Decode, Decoder, tolerant, topic_decoder, transaction_decoder
from schemas.line_faults import BOM
from schemas.topics import CONTACTS, CUSTOMERS, DISPOSITIONS, INPUTS, TRANSACTIONS, Topic

Message: TypeAlias = dict[str, Any]

CANARY: Final = "C4n4ry"
"""Stands in every free text of the messages, and must never stand in a refusal."""

TIME: Final = "2024-03-05T14:23:11.482Z"
TIME_MS: Final = 1_709_648_591_482

_CUSTOMER: Final[Message] = {
    "event_id": f"e-{CANARY}",
    "customer_id": f"c-{CANARY}",
    "time": TIME,
    "source": f"s-{CANARY}",
}
_ATTRIBUTES: Final[Message] = {"attributes": {CANARY: f"a {CANARY}", "b": ""}}

FULL: Final[dict[str, Message]] = {
    "transaction": {
        "type": "transaction",
        **_CUSTOMER,
        "kind": "correction",
        "amount": "37.455",
        "currency": "EUR",
        "exchange_rate": "1.0843",
        "order_id": f"o-{CANARY}",
        "original_time": "2024-03-01T23:59:59+05:30",
        "channel": f"shop {CANARY}",
        "category": f"toys {CANARY}",
        "previous_amount": "61.25",
        "corrects": f"t-{CANARY}",
        **_ATTRIBUTES,
    },
    "contact": {
        "type": "contact",
        **_CUSTOMER,
        "contact_id": f"k-{CANARY}",
        "version": 2,
        "channel": "voice",
        "started_at": "2024-03-05T13:00:00Z",
        "ended_at": "2024-03-05T15:20:00+01:00",
        "direction": "outbound",
        "reason": f"refund {CANARY}",
        "case_id": f"case-{CANARY}",
        "resolution": "unknown",
        "queue_seconds": 12.5,
        "hold_seconds": 3,
        "hold_count": 1,
        "transfers_cold": 2,
        "transfers_warm": 3,
        "ended_by": "agent",
        "ended_stage": "transfer",
        "ivr_zero_outs": 4,
        "self_served": True,
        "self_service_minutes": 61.25,
        "deflected_to": "chat",
        "escalation_requested": True,
        "escalation_granted": False,
        "complaint": True,
        "repeated_information": True,
        "first_reply_seconds": 90000,
        "csat": 1,
        "ces": 7,
        "effort": -5,
        "phrases": ["policy", "not_allowed", "policy"],
        "recovery": True,
        "answered": False,
        "parent_contact_id": f"k-{CANARY}",
        **_ATTRIBUTES,
    },
    "notice": {
        "type": "notice",
        **_CUSTOMER,
        "contact_id": f"n-{CANARY}",
        "change": "price",
        "notified": True,
        **_ATTRIBUTES,
    },
    "customer_merged": {
        "type": "customer_merged",
        **_CUSTOMER,
        "merged_into": f"c-{CANARY}-other",
        **_ATTRIBUTES,
    },
    "tick": {"type": "tick", "time": TIME, "source": f"s-{CANARY}"},
    "profile": {
        "type": "profile",
        **_CUSTOMER,
        "tier": f"gold {CANARY}",
        "member_since": f"2011 {CANARY}",
        "country": f"US {CANARY}",
        "account_id": f"a-{CANARY}",
        "preferred_owner": f"owner {CANARY}",
        "do_not_contact": True,
        **_ATTRIBUTES,
    },
    "disposition": {
        "type": "disposition",
        **_CUSTOMER,
        "alert_id": f"alert-{CANARY}",
        "status": "acknowledged",
        "outcome": "benign",
        "action": f"call {CANARY}",
        "snooze_until": "2024-04-05T00:00:00Z",
        "actor_role": f"lead {CANARY}",
        **_ATTRIBUTES,
    },
}
"""Each type with every field that it can have."""

PURCHASE: Final[Message] = {
    "type": "transaction",
    **_CUSTOMER,
    "kind": "purchase",
    "amount": "37.45",
    "currency": "USD",
}

REFUND: Final[Message] = {
    name: value for name, value in FULL["transaction"].items() if name not in {"previous_amount", "corrects"}
} | {"kind": "refund"}

PRICE: Final[Message] = PURCHASE | {"kind": "subscription_changed", "previous_amount": "61.25"}

_REQUIRED: Final = {
    "contact": ("contact_id", "version", "channel"),
    "notice": ("contact_id", "change"),
    "customer_merged": ("merged_into",),
    "tick": (),
    "profile": (),
    "disposition": ("alert_id", "status"),
}

BARE: Final[dict[str, Message]] = {"transaction": PURCHASE} | {
    kind: {name: FULL[kind][name] for name in ("type", *_CUSTOMER, *names) if name in FULL[kind]}
    for kind, names in _REQUIRED.items()
}
"""Each type with the fields that it must have."""

SOUND: Final[dict[str, tuple[Message, ...]]] = {kind: (FULL[kind], BARE[kind]) for kind in FULL} | {
    "transaction": (FULL["transaction"], PURCHASE, REFUND, PRICE)
}

TOPIC: Final[dict[str, Topic]] = {kind: topic for topic in reversed(INPUTS) for kind in topic.models}


def spell(message: Mapping[str, Any]) -> bytes:
    """Return a message as compact JSON."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()


def public(topic: Topic, currency: str = "USD", *, strict_fields: bool = False) -> Decode:
    """Return the decoder's method for a topic."""
    decoder = Decoder(currency, strict_fields=strict_fields)
    methods: dict[str, Decode] = {
        TRANSACTIONS.name: decoder.transactions,
        CONTACTS.name: decoder.contacts,
        CUSTOMERS.name: decoder.customers,
        DISPOSITIONS.name: decoder.dispositions,
    }
    return methods[topic.name]


def hot_alone(topic: Topic, currency: str = "USD") -> Callable[[bytes], Event | None]:
    """Return both quick ways of a topic without the reference behind them: None where they doubt."""

    def made(doubt: Decode, *, loose: bool = False) -> Decode:
        if topic is TRANSACTIONS:
            return transaction_decoder(currency, doubt, loose=loose)
        return topic_decoder(topic, doubt, loose=loose)

    return made(tolerant(topic, made(_nothing, loose=True), _nothing, _note))


def _nothing(_raw: bytes) -> None:
    """Return None: nobody decides."""


_noted: list[Collection[str]] = []


def _note(_topic: Topic, _raw: bytes, names: Collection[str]) -> None:
    _noted.append(names)


_NO_SECONDS: Final = re.compile(rb'[0-9][Tt ][0-9]{2}:[0-9]{2}[Zz+-][0-9:]*"')
_HOT: Final = {topic.name: hot_alone(topic) for topic in INPUTS}


def read(raw: bytes, topic: Topic) -> Event | Refusal:
    """Return what pydantic makes of the bytes, once the hot path is seen to agree."""
    expected = reference.decode(raw, topic, "USD")
    _noted.clear()
    hot = _HOT[topic.name](raw)
    if isinstance(expected, Refusal):
        assert hot is None, (raw, hot, expected)
        assert CANARY not in repr(expected), (raw, expected)
    elif hot is None:
        assert goes_the_slow_way(raw), (raw, expected)
    else:
        # As text, because -0.0 equals 0.0 and 1 equals 1.0 and True.
        assert repr(hot) == repr(expected), (raw, hot, expected)
        unknown = unknown_names(raw, topic)
        assert [set(names) for names in _noted] == ([unknown] if unknown else []), raw
    return expected


def unknown_names(raw: bytes, topic: Topic) -> set[str]:
    """Return the fields of a sound record that its model does not have, by the plainest way."""
    document = json.loads(raw.removeprefix(BOM))
    return set(document) - set(topic.models[document["type"]].model_fields)


def goes_the_slow_way(raw: bytes) -> bool:
    """Return whether the hot path may doubt sound bytes.

    Of two equal keys pydantic does not look at the first, which msgspec may refuse; msgspec knows no BOM; and
    the pieces of a time without seconds stand elsewhere.
    """
    return raw.startswith(BOM) or _NO_SECONDS.search(raw) is not None or has_equal_keys(raw)


def has_equal_keys(raw: bytes) -> bool:
    """Return whether an object in the JSON has the same key twice."""
    found = False

    def look(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal found
        found |= len(pairs) != len(dict(pairs))
        return dict(pairs)

    json.loads(raw, object_pairs_hook=look)
    return found


def read_message(message: Message, **changes: object) -> Event | Refusal:
    """Return what becomes of a message with some fields changed, on the topic of its type."""
    changed = {**message, **changes}
    return read(spell(changed), TOPIC[message["type"]])
