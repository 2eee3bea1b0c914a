"""The command `explain` over a whole directory."""

import json
from pathlib import Path

import pytest

from schemas.alert import Alert
from streams.lab.replay import ReplayResult, replay_directory
from streams.lab.replay.watch import Watcher
from tests.lab.datasets import NOW, RULES, copy_as, lines_of, run, write_lines, write_rules

pytestmark = pytest.mark.slow

TAKEN_IN = "an episode was open already; it took this contact in"


@pytest.fixture(name="result", scope="module")
def result_fixture(dataset: Path) -> ReplayResult:
    return replay_directory(dataset, ruleset=RULES, now_ms=NOW)


def of(alerts: list[Alert], customer_id: str) -> list[Alert]:
    return [alert for alert in alerts if alert.customer_id == customer_id]


def explain(dataset: Path, rules: Path, customer_id: str) -> str:
    done = run("explain", dataset, "--customer", customer_id, "--ruleset", rules, width=100)
    assert done.code == 0
    assert done.err == ""
    return done.out


def test_every_alert_of_the_customer_is_told(dataset: Path, rules: Path, result: ReplayResult) -> None:
    customer_id = result.alerts[-1].customer_id
    mine = of(result.alerts, customer_id)
    text = explain(dataset, rules, customer_id)
    assert text.startswith(f"Customer {customer_id}\n")
    assert "The contacts are synthetic." in text
    assert text.count("  raised as ") == sum(alert.state == "raised" for alert in mine)
    assert text.count("  updated as ") == sum(alert.state == "updated" for alert in mine)
    assert text.count("  resolved, ") == sum(alert.state == "resolved" for alert in mine)


def test_a_customer_without_an_alert(dataset: Path, rules: Path, result: ReplayResult) -> None:
    alerted = {alert.customer_id for alert in result.alerts}
    quiet = next(
        event["customer_id"]
        for event in map(json.loads, lines_of(dataset / "contacts.jsonl"))
        if event["customer_id"] not in alerted
    )
    text = explain(dataset, rules, quiet)
    assert "No alert up to " in text
    assert "raised as" not in text
    assert "Contacts that opened no episode" in text or "Why there was nothing to judge" in text


def test_all_bad_contacts_are_accounted_for(dataset: Path, result: ReplayResult) -> None:
    """Each was weighed and opened an episode, was weighed and did not, or met one that was open."""
    met = 0
    for customer_id in sorted({alert.customer_id for alert in result.alerts})[:4]:
        watcher = Watcher(RULES, only=customer_id)
        again = replay_directory(dataset, ruleset=RULES, now_ms=NOW, sampler=watcher)
        assert again.alerts == result.alerts
        story = watcher.customer(customer_id, again, "USD")
        weighed = {judgement.contact_id for judgement in story.judgements}
        assert {episode.anchor_id for episode in story.episodes} <= weighed
        for mark in story.contacts:
            if mark.nats > 0 and mark.contact_id not in weighed:
                assert any(episode.opened_ms <= mark.time_ms for episode in story.episodes)
                met += 1
    assert met


def test_a_bad_contact_that_met_an_open_episode_says_so(
    dataset: Path, rules: Path, result: ReplayResult, tmp_path: Path
) -> None:
    alert = next(one for one in result.alerts if one.state == "raised")
    contact = {
        "type": "contact",
        "event_id": "further",
        "customer_id": alert.customer_id,
        "time": alert.time,
        "source": "desk",
        "contact_id": "further",
        "version": 1,
        "channel": "voice",
        "reason": "a further failure",
        "resolution": "unresolved",
    }
    directory = copy_as(dataset, tmp_path / "copy", ".jsonl")
    lines = lines_of(directory / "contacts.jsonl")
    at = next(number for number, line in enumerate(lines) if json.loads(line)["time"] > alert.time)
    write_lines(directory / "contacts.jsonl", [*lines[:at], json.dumps(contact).encode(), *lines[at:]])
    before, after = (explain(where, rules, alert.customer_id) for where in (dataset, directory))
    assert after.count(TAKEN_IN) > before.count(TAKEN_IN)
    part = after[after.index("a further failure") :]
    assert part.splitlines()[1].strip() == TAKEN_IN


@pytest.mark.parametrize(
    "customer_id", ["nobody", "", "[bold]x[/bold]", "\x1b[2J", "x" * 5_000, "\udcff\udc00"]
)
def test_a_customer_that_is_not_there(dataset: Path, rules: Path, customer_id: str) -> None:
    done = run("explain", dataset, "--customer", customer_id, "--ruleset", rules)
    assert (done.code, done.out) == (66, "")
    assert done.err == "error: no event of that customer was accepted"


def test_a_hostile_id_that_is_there_steers_nothing(dataset: Path, tmp_path: Path) -> None:
    hostile = "\x1b[31m[bold]evil[/bold]\n\u202e"
    directory = copy_as(dataset, tmp_path / "copy", ".jsonl")
    for path in directory.iterdir():
        events = [json.loads(line) for line in lines_of(path)]
        for event in events:
            if event["customer_id"] == "s0000001":
                event["customer_id"] = hostile
        write_lines(path, [json.dumps(event).encode() for event in events])
    done = run("explain", directory, "--customer", hostile)
    assert done.code == 0
    assert "Customer \\u001b[31m[bold]evil[/bold]\\u000a\\u202e\n" in done.out
    assert not {"\x1b", "\u202e"} & set(done.out)


def test_the_hold_out_arm_can_be_explained(dataset: Path, tmp_path: Path, result: ReplayResult) -> None:
    rules = write_rules(tmp_path)
    rules.write_text(rules.read_text(encoding="utf-8") + "holdout_share = 1.0\n", encoding="utf-8")
    assert "raised as " in explain(dataset, rules, result.alerts[0].customer_id)


def test_failures_are_those_of_replay(dataset: Path, tmp_path: Path) -> None:
    bad = tmp_path / "rules.toml"
    bad.write_text("nonsense = 1\n", encoding="utf-8")
    assert run("explain", tmp_path, "--customer", "c").code == 66
    assert run("explain", tmp_path / "missing", "--customer", "c").code == 66
    assert run("explain", dataset, "--customer", "c", "--ruleset", bad).code == 78
