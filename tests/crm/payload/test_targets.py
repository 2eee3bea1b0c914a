"""What goes to each CRM: as its public API takes it, whatever ids and reasons hold.

To write the golden files anew: python -m tests.crm.payload.test_targets
"""

import json
import unicodedata
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.alert import Anchor, Signal
from streams.crm.payload.case import case_of
from streams.crm.payload.examples import alert, case, examples, lookup
from streams.crm.payload.fields import Case
from streams.crm.payload.template import BUILT_IN, Template
from streams.crm.wire import Kind, Rendered, Request
from tests.crm.payload import shapes

GOLDEN = Path(__file__).with_name("golden")
TEMPLATES = {name: Template.load(name) for name in BUILT_IN}
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def message_id(told: Case) -> str:
    return f"{told.alert_id}/{told.revision}"


def sent(name: str, told: Case) -> Rendered:
    rendered = TEMPLATES[name].render(told, told.kind, message_id(told))
    assert rendered is not None
    return rendered


def read(request: Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": request.path,
        "headers": dict(request.headers),
        "body": json.loads(request.body),
    }


def golden(name: str) -> str:
    """Return what a template makes of one case of each kind, as JSON."""
    messages: dict[str, Any] = {}
    for told in {one.kind: one for one in reversed(examples())}.values():
        rendered = TEMPLATES[name].render(told, told.kind, message_id(told))
        messages[told.kind] = None if rendered is None else read(rendered.request)
        if rendered is not None and rendered.find is not None:
            find = rendered.find
            messages[told.kind]["find"] = {
                "path": find.path,
                "id_at": find.id_at,
                "found": read(find.found),
                "closed": dict(find.closed),
                "anew": find.anew,
            }
    return json.dumps(messages, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def check(name: str, rendered: Rendered) -> None:
    """Check a message against the API, and that what is in it is harmless."""
    shapes.check(name, json.loads(rendered.request.body))
    requests = [rendered.request]
    if rendered.find is not None:
        shapes.check(f"{name}, found", json.loads(rendered.find.found.body))
        requests.append(rendered.find.found)
    for request in requests:
        assert all(0x20 <= ord(char) < 0x7F for value in request.headers.values() for char in value)
        assert all(0x20 < ord(char) < 0x7F for char in request.path)
        for text in texts(json.loads(request.body)):
            assert {unicodedata.category(char) for char in text if char != "\n"} & UNSEEN == set()


def texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts(one)]
    return [text for one in value for text in texts(one)] if isinstance(value, list) else []


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_golden_files_are_what_is_sent(name: str) -> None:
    assert (GOLDEN / f"{name}.json").read_text(encoding="utf-8") == golden(name)


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_kind_is_as_the_api_takes_it(name: str) -> None:
    for told in examples():
        rendered = TEMPLATES[name].render(told, told.kind, message_id(told))
        if name == "slack" and told.kind is Kind.REFRESH:
            assert rendered is None
        else:
            assert rendered is not None
            check(name, rendered)


def test_generic_is_the_case() -> None:
    for told in examples():
        request = sent("generic", told).request
        assert (request.method, request.path) == ("POST", "")
        assert Case.model_validate_json(request.body) == told


def test_salesforce_upserts_and_closes() -> None:
    status = {told.kind: read(sent("salesforce", told).request) for told in examples()}
    assert {kind: one["body"].get("Status") for kind, one in status.items()} == {
        Kind.CREATE: "New",
        Kind.UPDATE: None,
        Kind.REFRESH: None,
        Kind.CLOSE: "Closed",
    }
    for kind, one in status.items():
        assert one["method"] == "PATCH"
        assert one["path"] == (
            "/services/data/v62.0/sobjects/Case/Retention_Alert_Id__c/0b6f4e0e-3a4b-5c52-9f0e-0d5f6f3c1f11"
        )
        assert one["headers"] == {"Sforce-Auto-Assign": "TRUE" if kind is Kind.CREATE else "FALSE"}


def test_no_request_of_ours_is_only_for_a_case_that_is_there() -> None:
    """Whoever upserts says 404 for another reason than that somebody has deleted the case."""
    for template in TEMPLATES.values():
        made = [template.render(told, told.kind, message_id(told)) for told in examples()]
        assert not any(one.of_case for one in made if one is not None)


def test_zendesk_asks_first_and_solves() -> None:
    for told in examples():
        rendered = sent("zendesk", told)
        assert rendered.find is not None
        created, found = read(rendered.request), read(rendered.find.found)
        assert rendered.find.path == "/api/v2/tickets?external_id=0b6f4e0e-3a4b-5c52-9f0e-0d5f6f3c1f11"
        assert (created["method"], created["path"]) == ("POST", "/api/v2/tickets")
        assert (found["method"], found["path"]) == ("PUT", "/api/v2/tickets/{found}")
        assert created["headers"]["Idempotency-Key"] == message_id(told)
        assert created["body"]["ticket"].get("status") == ("solved" if told.kind is Kind.CLOSE else None)
        assert found["body"]["ticket"].get("status") == {"create": "open", "close": "solved"}.get(told.kind)
        tags = ["retention", f"retention_{told.level}", *(["synthetic"] if told.synthetic else [])]
        assert created["body"]["ticket"]["tags"] == tags
        assert "tags" not in found["body"]["ticket"]


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_canary_says_in_title_and_text_that_it_is_synthetic(name: str) -> None:
    body = sent(name, case(alert(), Kind.CREATE, lookup(), canary=True)).request.body.decode()
    assert "SYNTHETIC, ignore: Alert" in body
    assert "Synthetic, a test of the whole chain: ignore it." in body


HOSTILE = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="&<>\u202e\u2028\x00\x1b\r\n\"'\\{}%/.🌊", max_size=128),
    st.sampled_from(
        [
            "..",
            ".",
            "../../Account/1",
            "%2e%2e",
            "?external_id=",
            "a#b",
            "{{ 7 * 7 }}",
            "{found}",
            "<!channel>",
            "&" * 128,
            "🌊" * 64,
            "é" * 128,
            "\u202e" * 128,
        ]
    ),
)
IDS = HOSTILE.filter(bool)
LONG = st.builds(lambda text, times: text * times, HOSTILE, st.sampled_from([1, 400]))


@settings(max_examples=100, deadline=None)
@given(
    alert_id=IDS,
    customer=IDS,
    account=st.none() | HOSTILE,
    reason=st.none() | LONG,
    owner=st.none() | LONG,
    signal=LONG,
    kind=st.sampled_from(Kind),
    canary=st.booleans(),
    internal=st.booleans(),
    others=st.integers(min_value=0, max_value=2**63 - 1),
    known=st.booleans(),
)
def test_hostile_ids_and_reasons_stay_harmless_and_within_every_limit(  # noqa: PLR0917
    alert_id: str,
    customer: str,
    account: str | None,
    reason: str | None,
    owner: str | None,
    signal: str,
    kind: Kind,
    canary: bool,
    internal: bool,
    others: int,
    known: bool,
) -> None:
    anchor = Anchor(contact_id=customer, ended_at=None, channel=None, reason=reason)
    record = alert(
        alert_id=alert_id,
        customer_id=customer,
        anchor=anchor,
        reasons=(Signal(signal=signal, nats=9.0, contact_id=customer),),
        recommended_owner=owner,
        value_at_risk="99999999999999.99",
        ruleset=signal,
    )
    told = case_of(
        record,
        kind,
        lookup({"alert_id": alert_id, "value_at_risk": "99999999999999.99"}) if known else None,
        account_id=account,
        others_of_account=others,
        internal_only=internal,
        canary=canary,
        refreshed_at=0,
    )
    assert len(told.title) <= 100
    assert len(told.description) <= 8000
    for name, template in TEMPLATES.items():
        rendered = template.render(told, kind, f"{alert_id}/1")
        if rendered is not None:
            check(name, rendered)
    path = sent("salesforce", told).request.path
    steps = path.split("/")
    assert steps[:-1] == ["", "services", "data", "v62.0", "sobjects", "Case", "Retention_Alert_Id__c"]
    assert unquote(steps[-1]) == told.alert_id
    assert steps[-1].strip(".")
    assert "?" not in path
    find = sent("zendesk", told).find
    assert find is not None
    asked, _, query = find.path.partition("?external_id=")
    assert (asked, unquote(query)) == ("/api/v2/tickets", told.alert_id)
    assert not set(query) & set("&#?=/")


def test_an_ordinary_id_stays_as_it_is() -> None:
    told = case(alert(customer_id="Müller & Söhne <42>"), Kind.CREATE, None, account_id="a/7.x")
    assert (told.customer_id, told.account_id) == ("Müller & Söhne <42>", "a/7.x")


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for one in BUILT_IN:
        (GOLDEN / f"{one}.json").write_text(golden(one), encoding="utf-8")
