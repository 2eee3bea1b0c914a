"""The alert: precise types, and the same bytes for the same alert."""

import json

import pytest
from pydantic import ValidationError

from schemas.alert import Alert, Anchor, Counters, LogOdds, Signal
from schemas.times import format_ms

SPENDS = ("spend_24h", "spend_7d", "spend_28d", "spend_90d", "spend_364d")
COUNTS = ("contacts_24h", "contacts_7d", "contacts_30d", "transfers_30d", "hangups_30d")


def alert(**changes: object) -> Alert:
    """Return an alert with some fields changed."""
    fields: dict[str, object] = {
        "event_id": "0b6f4e0e-3a4b-5c52-9f0e-0d5f6f3c1f11/1",
        "alert_id": "0b6f4e0e-3a4b-5c52-9f0e-0d5f6f3c1f11",
        "revision": 1,
        "customer_id": "c-1042",
        "rule": "contact",
        "state": "raised",
        "resolution": None,
        "level": "alert",
        "arm": "treated",
        "time": "2026-03-19T11:00:00.000Z",
        "anchor": Anchor(
            contact_id="call-9", ended_at="2026-03-02T14:23:10.000Z", channel="voice", reason="refund"
        ),
        "reasons": (
            Signal(signal="unresolved", nats=1.85, contact_id="call-9"),
            Signal(signal="cancelled", nats=0.0, contact_id=None),
        ),
        "probability": 0.8123,
        "log_odds": LogOdds(prior=-2.9444, frustration=2.95, silence=1.46),
        "usual_spend_per_day": "12.34",
        "spend_since": "0.00",
        "days_since": 16.8333,
        "days_usual_spend_since": 0.0,
        "irregularity_days": 6.3412,
        "value_at_risk": "902.15",
        "currency": "USD",
        "trailing_spend": "4491.76",
        "value_cutoff": "3100.00",
        "spend_by_week": ("86.38", "-12.00"),
        "counters": Counters.model_validate(
            dict.fromkeys(SPENDS, "0.00") | dict.fromkeys(COUNTS, 1) | {"frustration": 2.95}
        ),
        "backfill": False,
        "clears_when": "Clears once 172.76 USD are spent within 28 days.",
        "summary": "Spent nothing for 17 days after an unresolved call.",
        "deadline": "2026-05-31T15:00:00.000Z",
        "recommended_owner": "key accounts",
        "ruleset": "1 0123456789ab",
    }
    return Alert.model_validate(fields | changes)


def test_an_alert_survives_the_wire() -> None:
    written = alert().model_dump_json()
    assert Alert.model_validate_json(written) == alert()
    assert written == alert().model_dump_json()
    assert list(json.loads(written)) == list(Alert.model_fields)
    assert json.loads(written)["type"] == "alert"


@pytest.mark.parametrize(
    ("name", "value", "default"),
    [
        ("do_not_contact", True, False),
        ("recurring_per_day", "30.00", "0.00"),
        ("visits_since", 3, 0),
        ("unread_since", 5, 0),
    ],
)
def test_an_alert_of_an_earlier_release_is_without_what_came_later(
    name: str, value: object, default: object
) -> None:
    earlier = json.loads(alert(**{name: value}).model_dump_json())
    assert earlier.pop(name) == value
    assert Alert.model_validate_json(json.dumps(earlier)) == alert(**{name: default}) == alert()


def test_lists_may_be_handed_over_as_lists() -> None:
    given = alert()
    assert alert(reasons=list(given.reasons), spend_by_week=list(given.spend_by_week)) == given


def test_null_is_allowed_where_there_may_be_nothing() -> None:
    bare = alert(anchor=None, value_cutoff=None, recommended_owner=None, resolution="expired", rule="silent")
    assert Alert.model_validate_json(bare.model_dump_json()) == bare
    notice = Anchor(contact_id="n", ended_at=None, channel=None, reason=None)
    assert alert(anchor=notice).anchor == notice


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("revision", 0), ("revision", 1.0), ("revision", None), ("level", "high"), ("state", None)],
        *[("time", "2026-03-19T11:00:00Z"), ("time", "2026-03-19T11:00:00.000+00:00"), ("deadline", None)],
        *[("usual_spend_per_day", "12.3"), ("usual_spend_per_day", 12.34), ("spend_by_week", ("1",))],
        *[("spend_by_week", "1.00"), ("value_cutoff", ""), ("currency", "usd")],
        *[("recurring_per_day", "1"), ("visits_since", -1), ("unread_since", 1.0), ("unread_since", None)],
        *[("probability", -0.0001), ("probability", 1.0001), ("probability", float("nan"))],
        *[("days_since", -0.1), ("irregularity_days", float("inf")), ("log_odds", None), ("backfill", 0)],
        *[("reasons", ({"signal": "a", "nats": "1", "contact_id": None},)), ("surprise", 1)],
    ],
)
def test_another_value_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        alert(**{name: value})


@pytest.mark.parametrize("probability", [0, 0.0001, 0.5, 0.9999, 1])
def test_a_probability_lies_within_0_and_1(probability: float) -> None:
    assert alert(probability=probability).probability == probability


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (946_684_800_000, "2000-01-01T00:00:00.000Z"),
        (1_709_648_591_482, "2024-03-05T14:23:11.482Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_time_is_written_in_utc_with_ms(ms: int, text: str) -> None:
    assert format_ms(ms) == text
    assert alert(time=text).time == text
