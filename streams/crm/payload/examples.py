"""Made-up cases, of each kind and of each sort of null: what templates are tried with. All are synthetic."""

from typing import Any, Final

from schemas.alert import Alert, Anchor, Counters, LogOdds, Signal
from schemas.times import parse_ms
from streams.crm.payload.case import case_of
from streams.crm.payload.fields import Case
from streams.crm.wire import Kind
from streams.runtime.http.lookup import LookupAnswer, LookupEpisode

_ALERT_ID: Final = "0b6f4e0e-3a4b-5c52-9f0e-0d5f6f3c1f11"
_NOW: Final = "2026-03-30T06:00:00.000Z"
_ANCHOR: Final = Anchor(
    contact_id="call-9", ended_at="2026-03-02T14:23:10.000Z", channel="voice", reason="refund"
)
_COUNTERS: Final = Counters(
    spend_24h="0.00",
    spend_7d="0.00",
    spend_28d="86.38",
    spend_90d="1100.02",
    spend_364d="4491.76",
    contacts_24h=0,
    contacts_7d=0,
    contacts_30d=2,
    transfers_30d=1,
    hangups_30d=0,
    frustration=2.05,
)
_SHARED: Final[dict[str, Any]] = {
    "alert_id": _ALERT_ID,
    "rule": "contact",
    "anchor": _ANCHOR,
    "level": "alert",
    "usual_spend_per_day": "12.34",
    "recurring_per_day": "0.00",
    "irregularity_days": 6.3412,
    "trailing_spend": "4491.76",
    "value_cutoff": "3100.00",
    "clears_when": "Clears when the customer spends 172.76 USD within 28 days, "
    "or by itself 180 days after the contact.",
    "deadline": "2026-05-31T15:00:00.000Z",
    "ruleset": "4+0123456789ab",
}


def alert(**changes: Any) -> Alert:
    """Return an alert record with some fields changed."""
    fields: dict[str, Any] = {
        **_SHARED,
        "event_id": f"{_ALERT_ID}/1",
        "revision": 1,
        "customer_id": "c-1042",
        "state": "raised",
        "resolution": None,
        "arm": "treated",
        "time": "2026-03-19T11:00:00.000Z",
        "reasons": (
            Signal(signal="transfers", nats=0.15, contact_id="call-9"),
            Signal(signal="unresolved", nats=1.85, contact_id="call-9"),
        ),
        "probability": 0.8123,
        "log_odds": LogOdds(prior=-2.9444, frustration=2.0, silence=2.46),
        "spend_since": "0.00",
        "days_since": 16.8333,
        "days_usual_spend_since": 0.0,
        "value_at_risk": "902.15",
        "currency": "USD",
        "spend_by_week": ("86.38", "0.00"),
        "counters": _COUNTERS,
        "backfill": False,
        "summary": "The customer was left unresolved; since then 0.00 USD in 17 days, "
        "usually 12.34 USD a day.",
        "recommended_owner": "named executive",
        "do_not_contact": False,
    }
    return Alert.model_validate(fields | changes)


def lookup(episode: dict[str, Any] | None = None, **changes: Any) -> LookupAnswer:
    """Return how things stand later, with some fields changed, of the open episode too."""
    opened: dict[str, Any] = {
        **_SHARED,
        "opened": "2026-03-02T15:00:00.000Z",
        "weighed_from": "2026-03-02T15:00:00.000Z",
        "cancelled": False,
        "snoozed_until": None,
        "probability": 0.9512,
        "log_odds": LogOdds(prior=-2.9444, frustration=1.9, silence=4.02),
        "spend_since": "20.00",
        "visits_since": 0,
        "unread_since": 0,
        "days_since": 27.625,
        "days_usual_spend_since": 1.62,
        "value_at_risk": "1006.40",
    }
    fields: dict[str, Any] = {
        "customer_id": "c-1042",
        "as_of": _NOW,
        "currency": "USD",
        "first_pane": "2024-01-04T12:00:00.000Z",
        "counters": _COUNTERS,
        "frustration": 2.0,
        "do_not_contact": False,
        "shared": False,
        "merged_into": None,
        "merged_from": (),
        "contacts": (),
        "open_episode": LookupEpisode.model_validate(opened | (episode or {})),
    }
    return LookupAnswer.model_validate(fields | changes)


def case(record: Alert, kind: Kind, now: LookupAnswer | None, **changes: Any) -> Case:
    """Return the case, with an account unless that is changed."""
    given: dict[str, Any] = {
        "account_id": "a-77",
        "others_of_account": 2,
        "internal_only": record.do_not_contact,
        "canary": False,
        "refreshed_at": parse_ms(_NOW) + 90_000,
    }
    return case_of(record, kind, now, **given | changes)


def examples() -> list[Case]:
    """Return cases of each kind; each field that can be null is null in one of them."""
    alone: dict[str, Any] = {"account_id": None, "others_of_account": 0}
    silent = alert(
        rule="silent",
        anchor=None,
        reasons=(),
        value_cutoff=None,
        recommended_owner=None,
        level="watch",
        summary="Spend fell without a known bad contact: 0.00 USD in 17 days, usually 12.34 USD a day.",
    )
    resolved = alert(
        state="resolved",
        resolution="returned",
        revision=3,
        event_id=f"{_ALERT_ID}/3",
        time=_NOW,
        probability=0.0711,
        log_odds=LogOdds(prior=-2.9444, frustration=1.8, silence=-1.42),
        spend_since="310.20",
        days_since=33.0,
        days_usual_spend_since=25.14,
        value_at_risk="18.81",
        summary="The customer came back: 310.20 USD in 33 days, usually 12.34 USD a day.",
        clears_when="Nothing more is needed.",
    )
    snoozed = lookup({"snoozed_until": "2026-04-12T00:00:00.000Z"}, do_not_contact=True)
    return [
        case(alert(), Kind.CREATE, lookup()),
        case(silent, Kind.CREATE, None, **alone),
        case(alert(state="updated", revision=2), Kind.UPDATE, snoozed),
        case(alert(state="updated", revision=2), Kind.UPDATE, None, canary=True, **alone),
        case(silent, Kind.REFRESH, lookup({"rule": "silent", "anchor": None, "level": "watch"})),
        case(alert(), Kind.REFRESH, lookup(open_episode=None), **alone),
        case(resolved, Kind.CLOSE, None),
        case(resolved, Kind.CLOSE, lookup(open_episode=None), canary=True, **alone),
    ]
