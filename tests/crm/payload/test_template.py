"""Templates: what an expression becomes, how sections lie over one another, and what is refused, how."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from streams.crm.payload.examples import alert, case, lookup
from streams.crm.payload.fields import Case
from streams.crm.payload.leaves import chat
from streams.crm.payload.plain import clip
from streams.crm.payload.template import (
    FOLDER,
    FindTable,
    RequestTable,
    SectionTable,
    Template,
    TemplateError,
)
from streams.crm.wire import Kind, Rendered

PAGE = (Path(__file__).parents[3] / "docs" / "crm-templates.md").read_text(encoding="utf-8")
SMALL = '[message]\nmethod = "POST"\npath = "/x"\nbody = { a = 1 }\n'


def rendered(text: str, told: Case | None = None, kind: Kind = Kind.CREATE) -> Rendered | None:
    told = case(alert(), kind, lookup()) if told is None else told
    return Template.parse(text, "mine.toml").render(told, kind, "m/1")


def body(leaves: str, told: Case | None = None) -> Any:
    found = rendered(f'[message]\nmethod = "POST"\npath = ""\n[message.body]\n{leaves}', told)
    assert found is not None
    return json.loads(found.request.body)


def refused(text: str) -> str:
    with pytest.raises(TemplateError) as raised:
        Template.parse(text, "mine.toml")
    assert str(raised.value).startswith("template mine.toml: ")
    return str(raised.value)


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        ("{{ case.probability }}", 0.9512),
        ("{{- case.others_of_account -}}", 2),
        ("{{ case.synthetic }}", False),
        ("{{ case.snoozed_until }}", None),
        ("{{ case.what_happened }}", ["Was left unresolved", "Was passed on", "Spends less than usual"]),
        ("{{ case.contact.channel if case.contact else none }}", "voice"),
        ("{{ (1, 2) }}", [1, 2]),
        ("{{ case.level }} {{ case.state }}", "alert open"),
        ("{{ case.level }}{{ case.state }}", "alertopen"),
        (" {{ case.others_of_account }}", " 2"),
        ("{% if case.internal_only %}a{% else %}b{% endif %}", "b"),
        ("{{ kind }}", "create"),
        ("{{ message_id }}", "m/1"),
        ("plain {found} text", "plain {found} text"),
        ("", ""),
    ],
)
def test_one_expression_keeps_its_type_and_all_else_is_text(leaf: str, expected: object) -> None:
    assert body(f"leaf = {json.dumps(leaf)}") == {"leaf": expected}


def test_values_of_toml_stay_what_they_are() -> None:
    assert body('a = 1\nb = 1.5\nc = true\nd = ["{{ kind }}", 2, { e = "{{ case.level }}" }]') == {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": ["create", 2, {"e": "alert"}],
    }


def test_what_a_value_holds_is_neither_computed_nor_breaks_out() -> None:
    told = case(alert(customer_id='"},{{ 7*7 }}{% x %}\\'), Kind.CREATE, None)
    assert body('a = "{{ case.customer_id }}"\nb = "<{{ case.customer_id }}>"', told) == {
        "a": told.customer_id,
        "b": f"<{told.customer_id}>",
    }
    text = (
        '[message]\nmethod="POST"\npath="/a/{{ case.customer_id }}/b"\nheaders={x="{{ case.customer_id }}"}\n'
    )
    found = rendered(
        text + 'body={c="{{ case.customer_id }}"}', case(alert(customer_id="é/\n%?"), Kind.CREATE, None)
    )
    assert found is not None
    assert found.request.path == "/a/%C3%A9%2F%5Cu000a%25%3F/b"
    assert found.request.headers == {"x": "%C3%A9/\\u000a%25?"}


def test_sections_lie_over_the_common_one_table_by_table() -> None:
    text = (
        SMALL + '[close.body]\nb = 2\n[update]\nmethod = "PUT"\nbody = { a = 3 }\n[refresh]\nsend = false\n'
    )
    found = {kind: rendered(text, kind=kind) for kind in Kind}
    assert found[Kind.REFRESH] is None
    assert {
        kind: (one.request.method, json.loads(one.request.body))
        for kind, one in found.items()
        if one is not None
    } == {
        Kind.CREATE: ("POST", {"a": 1}),
        Kind.UPDATE: ("PUT", {"a": 3}),
        Kind.CLOSE: ("POST", {"a": 1, "b": 2}),
    }


@pytest.mark.parametrize(
    ("create", "update", "of_case"),
    [
        (("POST", "/cases"), ("PATCH", "/cases/{{ case.alert_id }}"), True),
        (("PUT", "/cases/{{ case.alert_id }}"), ("PATCH", "/cases/{{ case.alert_id }}"), True),
        (("PUT", "/cases/{{ case.alert_id }}"), ("PUT", "/cases/{{ case.alert_id }}"), False),
        (("PUT", "/{{ kind }}/{{ case.alert_id }}"), ("PUT", "/{{ kind }}/{{ case.alert_id }}"), True),
        (("POST", "/cases"), ("POST", "/cases"), False),
    ],
)
def test_what_is_only_for_a_case_that_is_there_is_known_as_such(
    create: tuple[str, str], update: tuple[str, str], of_case: bool
) -> None:
    """Not an upsert, which a create is too: its 404 is not that somebody has deleted the case."""
    text = "".join(
        f'[{kind}]\nmethod = "{method}"\npath = "{path}"\nbody = {{}}\n'
        for kind, (method, path) in (("create", create), ("update", update))
    )
    found = {kind: rendered(text, kind=kind) for kind in (Kind.CREATE, Kind.UPDATE)}
    assert {kind: one and one.of_case for kind, one in found.items()} == {
        Kind.CREATE: False,
        Kind.UPDATE: of_case,
    }


def test_without_a_common_section_what_is_not_there_is_not_sent() -> None:
    text = SMALL.replace("message", "create")
    assert rendered(text) is not None
    assert rendered(text, kind=Kind.CLOSE) is None


FIND = SMALL + '[message.find]\npath = "/q"\nid_at = "a.0.id"\n[message.find.found]\nmethod = "PUT"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[message", "no TOML"),
        ("", r"\[create\] is missing: nothing would ever be sent; write it, or \[message\]"),
        ("[create]\n", r"\[create\] is missing"),
        (SMALL + "[create]\nsend = false", r"\[create\] is missing"),
        (SMALL + "[closed]\n", r"closed: no such section; write \[message\], \[create\]"),
        ("create = 1", "create: no such section"),
        (SMALL + '[close]\nbodyy = "x"', r"\[close\]: bodyy: no such key; take it out"),
        (SMALL.replace("path", "#"), r"\[create\]: path is missing; write it here or in \[message\]"),
        (SMALL.replace("POST", "DELETE"), r"\[create\]: method: Input should be 'POST', 'PUT' or 'PATCH'"),
        (SMALL + "[close]\nsend = 1", "send: write true or false"),
        (SMALL + '[close.body]\nb = "{{ case.nam }}"', r"\[close\]: .*case.nam.* of a case: .*case.alert_id"),
        (SMALL + '[close.body]\nb = "a {{ nam }}"', "'nam' is undefined"),
        (SMALL + '[close.body]\nb = "{{ nam }}"', "'nam' is undefined"),
        (SMALL + '[close.body]\nb = "{{ case. }}"', r"\[close\]: body: b: '{{ case. }}': "),
        (SMALL + '[close.body]\nb = "{{ case.level | nofilter }}"', "nofilter"),
        (SMALL + '[close.body]\nb = "{{ case.level + 1 }}"', "case.level"),
        (SMALL + '[close.body]\nb = "{{ case.__class__ }}"', "templates only read the case"),
        (SMALL + '[close.body]\nb = "{{ case.clear() }}"', "templates only read the case"),
        (SMALL + '[close.body]\nb = "{{ range }}"', "JSON has no such value"),
        (SMALL + '[close.body]\nb = "{{ [case.nam] }}"', "JSON has no such value"),
        (SMALL + "[close.body]\nb = [nan]", "body: b: 0: nan: JSON has no such value"),
        (SMALL + "[close.body]\nb = 2026-03-01", "2026-03-01: JSON has no such value; write it as text"),
        (SMALL.replace("{ a = 1 }", '"{{ kind }}"'), "body: it has to be a table"),
        (SMALL.replace("/x", "x"), "path: it begins with / or ?"),
        (SMALL.replace("/x", "//evil.example"), "path: it begins with"),
        (SMALL.replace("/x", "https://evil.example"), "path: it begins with"),
        (SMALL.replace("/x", "/a/../b"), "path: it begins with"),
        (SMALL.replace("/x", "/a b"), "path: it begins with"),
        (SMALL.replace("/x", "/{{ case.nam }}"), "case.nam"),
        (SMALL + '[close.headers]\nWebhook-Id = "1"', "headers: Webhook-Id is written by the bridge"),
        (SMALL + '[close.headers]\nauthorization = "1"', "headers: authorization is written by the bridge"),
        (SMALL + '[close.headers]\n"a b" = "1"', "'a b' is no name of a header"),
        (SMALL + '[close.headers]\na = "{{ nam }}"', "'nam' is undefined"),
        (SMALL + "[close.headers]\na = 1", "headers.a: Input should be a valid string"),
        (FIND + 'path = "/x"\nbody = {}', r"find.found.path: write \{found\} where the id belongs"),
        (
            FIND.replace("a.0.id", "a..id") + 'path = "/{found}"\nbody = {}',
            "find.id_at: write keys and indices",
        ),
        (FIND + 'path = "/{found}"', "find.found.body is missing"),
    ],
)
def test_a_wrong_template_is_refused_with_the_section_and_what_to_do(text: str, said: str) -> None:
    assert re.search(said, refused(text), flags=re.DOTALL)


def test_a_null_that_a_template_can_not_stand_is_found_at_once() -> None:
    assert "case.account_id" in refused(SMALL + "[update.body]\nb = \"{{ case.account_id + '!' }}\"")


def test_what_fails_later_says_nothing_of_the_case() -> None:
    text = SMALL + "[message.body]\nb = \"{{ {'c-1042': 1}[case.customer_id] }}\""
    with pytest.raises(TemplateError) as raised:
        rendered(
            text.replace("body = { a = 1 }\n", ""), case(alert(customer_id="secret-7"), Kind.CREATE, None)
        )
    assert "secret-7" not in str(raised.value)
    assert "it can't be computed for this case" in str(raised.value)


def test_a_file_is_read_and_a_wrong_name_says_which_there_are(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_bytes((FOLDER / "slack.toml").read_bytes())
    told = case(alert(), Kind.CREATE, None)
    assert Template.load(own).render(told, Kind.CREATE, "m") == Template.load("slack").render(
        told, Kind.CREATE, "m"
    )
    with pytest.raises(
        TemplateError, match="write generic, salesforce, slack, zendesk, or the path of a TOML"
    ):
        Template.load("hubspot")
    own.write_bytes(b"\xff")
    with pytest.raises(TemplateError, match="save it as UTF-8"):
        Template.load(str(own))


def test_text_is_cut_by_the_strictest_count() -> None:
    assert clip("abc", 3) == "abc"
    assert clip("abcd", 3) == "ab…"
    assert clip("🌊🌊", 4) == "🌊🌊"
    assert clip("🌊🌊", 3) == "🌊…"
    assert chat("a&b", 7) == "a&amp;b"
    assert chat("a&&b", 7) == "a&amp;…"
    assert chat("&&", 5) == "…"
    assert chat("", 5) == ""


def test_the_page_names_every_field_and_key() -> None:
    prose = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    code = set(re.findall(r"\w+", " ".join([*re.findall(r"`([^`]+)`", prose), *blocks()])))
    assert set(Case.model_fields) - code == set()
    for table in (RequestTable, FindTable, SectionTable):
        assert set(table.model_fields) - code == set()


def test_the_example_of_the_page_works() -> None:
    [text] = blocks()
    told = case(alert(), Kind.CREATE, lookup())
    found = rendered(text, told)
    assert found is not None
    assert found.request.path == f"/v1/leads/{told.alert_id}"
    assert json.loads(found.request.body) == {
        "key": told.alert_id,
        "name": f"Retention: {told.title}",
        "chance": 0.9512,
        "value": 1006.4,
        "open": True,
    }
    assert rendered(text, kind=Kind.REFRESH) is None


def test_the_case_of_the_page_is_what_is_made() -> None:
    told = case(alert(), Kind.CREATE, lookup())
    assert f"```text\n{told.title}\n\n{told.description}\n```" in PAGE


def blocks() -> list[str]:
    return re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
