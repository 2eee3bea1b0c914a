"""`bridge` refuses at the start what it could not work with, and says what to do; no secret is shown."""

import base64
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from schemas.topics import Topic
from streams.crm.commands import bridge as module
from streams.crm.ledger.ledger import Ledger
from streams.crm_settings import crm_variable
from streams.runtime.kafka.topics import ActualTopic
from streams.runtime.local_kafka.engine import free_port
from streams.settings import Settings, variable
from tests.crm.ledger.records import NOON, Desk, alert
from tests.lab.datasets import Done, run

HIDDEN: Final = "c-secret"
KEY: Final = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


@pytest.fixture(autouse=True)
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give the environment of a bridge that lacks nothing but a Kafka."""
    monkeypatch.setattr(module, "set_up_logging", lambda _settings: None)
    secret = tmp_path / "secret"
    secret.write_text(f"whsec_{KEY}\n")
    found = {
        crm_variable("url"): "http://127.0.0.1:9/hook",
        crm_variable("secret_file"): str(secret),
        crm_variable("ledger"): str(tmp_path / "its.ledger"),
        variable("web_port"): "0",
        variable("bootstrap_servers"): f"127.0.0.1:{free_port()}",
    }
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


def topics(settings: Settings, asked: Iterable[Topic]) -> dict[str, ActualTopic]:
    """Return the topics of a Kafka that nobody needs here."""
    names = [settings.topic_prefix + one.name for one in asked]
    return {name: ActualTopic(name, 1, 1, {}, topic_id=f"id of {name}") for name in names}


def refused(code: int, *words: str) -> Done:
    done = run("bridge")
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("error: ")
    for one in words:
        assert one in done.err
    assert KEY not in done.err
    assert "Traceback" not in done.err
    return done


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("url", None, ("RETENTION_CRM_URL is needed: where do cases go?",)),
        ("url", "http://crm.example.com/hook", ("RETENTION_CRM_URL", "off loopback it has to be https")),
        ("url", "https://user:c-secret@crm.example.com", ("RETENTION_CRM_URL", "have settings of their own")),
        ("url", "crm.example.com", ("RETENTION_CRM_URL", "write a URL, https://")),
        ("canary_url", "http://crm.example.com/hook", ("RETENTION_CRM_CANARY_URL", "has to be https")),
        ("secret_file", None, ("RETENTION_CRM_SECRET_FILE is needed",)),
        ("secret_file", "nowhere", ("RETENTION_CRM_SECRET_FILE", "nowhere cannot be read")),
        ("template", "hubspot", ("hubspot",)),
        ("ca_file", "nowhere.pem", ("RETENTION_CRM_CA_FILE", "nowhere.pem cannot be read")),
        ("auth", "oauth", ("RETENTION_CRM_AUTH_SECRET_FILE is needed for oauth",)),
        ("budget_zone", "Mars/Olympus", ("RETENTION_CRM_BUDGET_ZONE", "is no time zone")),
    ],
)
def test_a_setting_that_cannot_be_used(
    name: str, value: str | None, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before Kafka is asked for anything: it is away here."""
    if value is None:
        monkeypatch.delenv(crm_variable(name))
    else:
        monkeypatch.setenv(crm_variable(name), value)
    done = refused(78, *words)
    assert "c-secret" not in done.err


@pytest.mark.parametrize(
    "text", ["c-secret", "whsec_c-secret", f"whsec_{KEY[:20]}", f"{KEY}\nwhsec_", "\xff"]
)
def test_a_secret_that_is_none_is_not_shown(text: str, told: dict[str, str]) -> None:
    path = Path(told[crm_variable("secret_file")])
    path.write_bytes(text.encode("latin-1"))
    done = refused(78, "RETENTION_CRM_SECRET_FILE", str(path))
    for shown in (KEY[:20], "c-secret"):
        assert shown not in done.err


def test_a_template_that_cannot_be_used_is_named_with_its_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[create]\nmethod = "POST"\npath = ""\nbody = { what = "{{ case.tilte }}" }\n')
    monkeypatch.setenv(crm_variable("template"), str(own))
    refused(78, "own.toml", "create", "tilte")


def test_without_kafka_it_says_so(told: dict[str, str]) -> None:
    refused(69, told[variable("bootstrap_servers")])


def sqlite_of_something_else(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
        connection.execute("INSERT INTO customers VALUES ('c-secret')")
        connection.commit()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (sqlite_of_something_else, "is a SQLite file of something else; name another file for the ledger"),
        (lambda path: path.write_bytes(b"c-secret" * 1000), "is no ledger, or is damaged"),
        (lambda path: path.mkdir(), "cannot be written"),
    ],
)
def test_a_ledger_that_is_none_is_left_as_it_is(
    make: Any, words: str, told: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "topics_or_exit", topics)
    path = Path(told[crm_variable("ledger")])
    make(path)
    before = path.read_bytes() if path.is_file() else None
    done = refused(78, str(path), words)
    assert "c-secret" not in done.err
    assert (path.read_bytes() if path.is_file() else None) == before


def test_what_nobody_expected_ends_it_with_the_place_and_not_the_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fails(*_: object) -> None:
        raise KeyError(HIDDEN)

    monkeypatch.setattr(module, "topics_or_exit", topics)
    monkeypatch.setattr(module, "_run", fails)
    done = run("bridge")
    assert done.code == 70
    assert done.err.startswith("error: KeyError in the bridge; it ends, and goes on from its ledger")
    assert "in fails" in done.err
    assert "c-secret" not in done.err


def test_preview_shows_the_requests_of_the_newest_alerts_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And needs neither a Kafka nor a URL nor a secret."""
    for name in ("url", "secret_file"):
        monkeypatch.delenv(crm_variable(name))
    path = tmp_path / "alerts.jsonl"
    records = [alert("old"), alert("a"), alert("a", 2, "updated"), alert("a", 3, "resolved")]
    path.write_text("".join(f"{one.model_dump_json()}\n" for one in records))
    done = run("bridge", "preview", "--alerts", path)
    assert (done.code, done.err) == (0, "")
    heads = [line for line in done.out.splitlines() if line.startswith("# ")]
    assert heads == [
        f"# {kind} {one.event_id}"
        for kind, one in zip(("create", "update", "close"), records[1:], strict=True)
    ]
    assert done.out.count("POST (RETENTION_CRM_URL)\n") == 3
    assert '"customer_id": "customer-a"' in done.out
    assert "customer-old" not in done.out
    found = run("bridge", "preview", "--alerts", path, "--last", 1, "--template", "zendesk")
    assert "GET (RETENTION_CRM_URL)/api/v2/tickets?external_id=" in found.out
    assert found.out.index("PUT ") < found.out.index("# else:") < found.out.index("POST ")


def test_preview_names_what_it_cannot_read(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    done = run("bridge", "preview", "--alerts", path)
    assert (done.code, done.err) == (66, f"error: {path} cannot be read: No such file or directory")
    path.write_text('{"customer_id": "c-secret"}\n')
    done = run("bridge", "preview", "--alerts", path)
    assert done.code == 65
    assert f"{path}: not alerts of `replay --alerts`" in done.err
    assert "c-secret" not in done.err
    path.write_text("")
    done = run("bridge", "preview", "--alerts", path)
    assert (done.code, done.out, done.err) == (0, "", "there are no alerts yet")
    done = run("bridge", "preview", "--alerts", path, "--template", tmp_path / "none.toml")
    assert done.code == 78


def test_resend_wants_ids_or_all_and_the_lists_run_beside_a_bridge(told: dict[str, str]) -> None:
    path = Path(told[crm_variable("ledger")])
    assert run("bridge", "resend").code == 2
    assert run("bridge", "resend", "--all", "some").code == 2
    assert run("bridge", "resend", "--all").code == 66
    desk = Desk(path)
    desk.ledger.caught_up(NOON)
    desk.read(alert("a"), alert("b"))
    desk.ledger.admit(NOON)
    for one in desk.due(NOON):
        desk.ledger.give_up(one.message_id, "status_422", NOON)
    desk.read(alert("b", 2, "updated"))
    done = run("bridge", "resend", "--all")
    assert (done.code, done.out) == (0, "1 queued, 1 dropped as overtaken\n")
    assert isinstance(desk.ledger, Ledger)
    assert {one.message_id for one in desk.due(1 << 50)} == {
        f"{alert(name, revision).alert_id}/{revision}" for name, revision in (("a", 1), ("b", 2))
    }
    desk.ledger.close()
