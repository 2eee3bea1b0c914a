"""The pages: hostile input is shown and never obeyed, and a desk sees what it needs."""

import asyncio
import json
from typing import Any

import pytest

from streams.sandbox import page
from streams.sandbox.case import ranked, read
from streams.sandbox.store import Effect, Store
from tests.sandbox.sandbox_cases import HOSTILE, case, drawn_cases, sandbox


def keep(store: Store, *cases: dict[str, Any]) -> None:
    """Store cases as if they had been delivered."""
    for at, one in enumerate(cases):
        place = store.arrived(f"m-{at}", None, at)
        effect = store.take(place, f"m-{at}", read(json.dumps(one).encode()), at, synthetic=False)
        assert effect is Effect.STORED
        store.told(place, 200)


def list_page(store: Store) -> str:
    return page.of_cases(ranked(store.cases()), store.counts())


def case_page(store: Store, alert_id: str) -> str:
    found = store.case(alert_id)
    assert found is not None
    return page.of_case(found, store.deliveries(alert_id), store.dispositions(alert_id))


def test_hostile_text_is_shown_and_not_obeyed(store: Store) -> None:
    fields = {name: HOSTILE for name, value in case().items() if isinstance(value, str)}
    lists = {"what_happened": [HOSTILE] * 3, "contact": {"channel": HOSTILE, "reason": HOSTILE}}
    hostile = {**case(), **fields, **lists, "kind": "create", HOSTILE: {HOSTILE: HOSTILE}}
    keep(store, hostile)
    for shown in (list_page(store), case_page(store, HOSTILE)):
        assert "<script" not in shown
        assert "&lt;script&gt;" in shown
        assert not {"\u202e", "\x1b", "\x00"} & set(shown)
        assert "\\u202e" in shown
        assert 'class="badge "' in shown


def test_a_page_runs_nothing_and_may_be_framed_by_nobody(store: Store) -> None:
    async def talk() -> Any:
        async with sandbox(store) as client:
            await client.deliver(case())
            found = []
            for path in ("/", "/case?id=a-1", "/style.css", "/case?id=none", "/cases.json"):
                async with client.http.get(client.url + path) as answer:
                    found.append((answer.status, dict(answer.headers)))
            foreign = await client.get("/", Host="evil.example")
            return found, foreign

    found, foreign = asyncio.run(talk())
    assert [status for status, _ in found] == [200, 200, 200, 404, 200]
    for _, headers in found:
        assert headers["Content-Security-Policy"] == (
            "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
    assert foreign[0] == 403


def test_a_list_says_all_that_a_desk_needs(store: Store) -> None:
    keep(store, *drawn_cases(), case("z", kind="close", customer_id="1902"))
    shown = list_page(store)
    assert "6 open cases, by value at risk" in shown
    assert "All of these cases are synthetic" in shown
    assert "1 resolved" in shown
    places = [shown.index(f"<bdi>{customer}</bdi>") for customer in ("1020", "1081", "1111", "1902")]
    assert places == sorted(places)
    for text in ("1,183 USD", "&gt; 99 %", "internal only: call nobody", "20 Apr 2026", "store manager"):
        assert text in shown


def test_a_case_that_is_internal_only_is_not_to_be_called(store: Store) -> None:
    keep(store, case(internal_only=True, synthetic=False), case("b", synthetic=False))
    internal, other = case_page(store, "a-1"), case_page(store, "b")
    assert "call nobody" in internal
    assert 'value="contacted"' not in internal
    assert 'value="contacted"' in other
    assert "synthetic:" not in other


def test_a_resolved_case_takes_only_its_outcome(store: Store) -> None:
    keep(store, case(kind="close"))
    shown = case_page(store, "a-1")
    assert "Tell the outcome" in shown
    assert 'value="snooze"' not in shown
    assert "returned" in shown


def test_very_many_cases_are_cut_and_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "OPEN_SHOWN", 2)
    monkeypatch.setattr(page, "RESOLVED_SHOWN", 1)
    keep(store, *(case(f"o-{at}") for at in range(5)), *(case(f"r-{at}", kind="close") for at in range(3)))
    shown = list_page(store)
    assert "5 open cases" in shown
    assert "And 3 more" in shown
    assert "3 resolved" in shown
    assert shown.count('<th scope="row">') == 3


def test_an_empty_list_says_where_cases_come_from(store: Store) -> None:
    assert "No case has come yet. The bridge sends them to /webhook." in list_page(store)
