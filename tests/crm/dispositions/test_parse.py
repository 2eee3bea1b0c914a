"""What the CRM may say of an alert, and what is made of it."""

import json
from http import HTTPStatus
from typing import Any

import pytest

from schemas.disposition import Disposition
from schemas.times import format_ms
from schemas.topics import DISPOSITIONS
from streams.crm.dispositions.parse import FIELDS, Parsed, Refusal, parse, snooze_until_ms

NOW_MS = 1_780_000_000_000
CUSTOMERS = {"a-1": "c-secret-1042"}


def parsed(body: bytes | None = None, **said: Any) -> Parsed | Refusal:
    whole = json.dumps({"alert_id": "a-1", "status": "contacted"} | said).encode()
    return parse(whole if body is None else body, "d-1", CUSTOMERS.get, NOW_MS)


def disposition(**said: Any) -> Disposition:
    found = parsed(**said)
    assert isinstance(found, Parsed), found
    return found.disposition


def refusal(body: bytes | None = None, **said: Any) -> Refusal:
    found = parsed(body, **said)
    assert isinstance(found, Refusal), found
    return found


def test_what_is_known_makes_the_event() -> None:
    assert disposition().model_dump(exclude_none=True) == {
        "type": "disposition",
        "event_id": "d-1",
        "source": "crm",
        "customer_id": "c-secret-1042",
        "alert_id": "a-1",
        "status": "contacted",
        "time": format_ms(NOW_MS),
    }
    said = {
        "status": "acknowledged",
        "outcome": "no_answer",
        "action": "called, in vain",
        "actor_role": "retention lead",
        "time": "2026-05-28T12:00:00+02:00",
        "snooze_until": "2026-06-11T12:00Z",
    }
    made = disposition(**said)
    assert {name: getattr(made, name) for name in said} == said
    assert snooze_until_ms(made) == 1_781_179_200_000
    assert snooze_until_ms(disposition(outcome=None, snooze_until=None)) is None


def test_the_fields_are_those_of_the_contract() -> None:
    ours = {"type", "event_id", "customer_id", "source", "attributes"}
    assert DISPOSITIONS.fields["disposition"] == set(FIELDS) | ours


def test_unknown_fields_are_left_out_and_named_as_the_tolerant_reader_does() -> None:
    odd: dict[str, Any] = {"c-77 1042": 1, "jo@example.com": 2}
    found = parsed(snoozeUntil=7, note={"a": ["c-secret"]}, **odd)
    assert isinstance(found, Parsed)
    assert found.ignored == ("(odd name)", "note", "snoozeUntil")
    assert found.disposition == disposition()


def test_who_and_which_is_never_for_the_crm_to_say() -> None:
    found = parsed(
        customer_id="c-other", event_id="d-other", source="desk", type="alert", attributes={"a": "b"}
    )
    assert isinstance(found, Parsed)
    assert found.disposition == disposition()
    assert "customer_id" in found.ignored


def test_the_clock_of_the_crm_may_be_a_little_ahead() -> None:
    assert disposition(time=format_ms(NOW_MS + 300_000))
    refused = refusal(time=format_ms(NOW_MS + 300_001))
    assert refused == Refusal("time: more than 5 minutes ahead", HTTPStatus.UNPROCESSABLE_ENTITY)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"status": "done"}, "status: not one of acknowledged, contacted or closed"),
        ({"status": None}, "status: "),
        ({"alert_id": ""}, "alert_id: empty"),
        ({"alert_id": 7}, "alert_id: a number, where text in quotes belongs"),
        ({"alert_id": "x" * 129}, "alert_id: more than 128 characters"),
        ({"outcome": "secret"}, "outcome: not one of confirmed"),
        ({"time": 1_780_000_000}, "time: a number, where text in quotes belongs"),
        ({"time": "2026-05-28"}, "time: a day without a time of day"),
        ({"snooze_until": "tomorrow"}, "snooze_until: not an RFC 3339 time"),
        ({"action": ["secret"]}, "action: a list, where text in quotes belongs"),
        ({"actor_role": {"secret": 1}}, "actor_role: an object"),
    ],
)
def test_what_is_wrong_is_said_without_the_value(said: dict[str, Any], reason: str) -> None:
    refused = refusal(**said)
    assert refused.status is HTTPStatus.UNPROCESSABLE_ENTITY
    assert refused.reason.startswith(reason)
    assert "secret" not in refused.reason


def test_a_misspelt_field_is_told() -> None:
    refused = refusal(b'{"alertid":"a-1","status":"closed"}')
    assert refused.reason == "alert_id: missing; alertid is an unknown field"


def test_what_is_no_disposition_at_all() -> None:
    for body in (b"", b"{", b"\xff", b'{"a":NaN}', b"[]", b'"a"', b"null", b"[" * 4000):
        assert refusal(body).status is HTTPStatus.BAD_REQUEST
    assert refusal(b'{"alert_id":"\\ud800","status":"closed"}').status in {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
    big = refusal(action="x" * 4096)
    assert big == Refusal("more than 4096 bytes", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def test_an_alert_that_is_not_known() -> None:
    refused = refusal(alert_id="a-secret")
    assert refused == Refusal("alert_id: no such alert is known here", HTTPStatus.NOT_FOUND)


def test_nobody_shows_in_a_representation() -> None:
    assert "c-secret" not in repr(parsed())
