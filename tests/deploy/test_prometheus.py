"""The rules of Prometheus: what they name exists, each is tested, and each is told how to be answered."""

import re
from functools import cache
from itertools import chain
from typing import Any, Final

import pytest

from streams.settings_page import unknown_variables
from tests.deploy.files import DEPLOY, TOP, parsed, run
from tests.deploy.promql import OF_TARGETS, asked, known, mistakes

PROMETHEUS: Final = DEPLOY / "prometheus"
RULES: Final = sorted((PROMETHEUS / "rules").glob("*.yml"))
TESTS: Final = sorted((PROMETHEUS / "tests").glob("*.yml"))
RUNBOOK: Final = TOP / "docs" / "operations" / "alerts.md"
PARTS: Final = ("**It means**", "**Look**", "**Do**")


read = cache(parsed)


@cache
def rules() -> list[dict[str, Any]]:
    return [rule for file in RULES for group in read(file)["groups"] for rule in group["rules"]]


@cache
def entries() -> dict[str, str]:
    """Return the text of each entry of the runbook by the name of its alert."""
    found = re.findall(
        r"^### (Retention\w+)\n(.*?)(?=^#|\Z)", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert len(found) == len(dict(found)), "an entry twice"
    return dict(found)


def name(rule: dict[str, Any]) -> str:
    return str(rule["alert"])


def test_a_name_is_that_of_one_rule() -> None:
    names = [name(rule) for rule in rules()]
    assert len(names) == len(set(names)) >= 30


def test_prometheus_reads_all_rules_and_knows_where_alerts_would_go() -> None:
    config = parsed(PROMETHEUS / "prometheus.yml")
    assert config["rule_files"] == ["rules/*.yml"]
    assert config["alerting"]["alertmanagers"]


def test_the_jobs_that_are_watched_are_those_that_the_rules_mean() -> None:
    scraped = parsed(PROMETHEUS / "prometheus.yml")["scrape_configs"]
    matchers = [matcher for rule in rules() for one in asked(rule["expr"]) for matcher in one.labels]
    (pattern,) = {value for label, _, value in matchers if label == "job"}
    assert all(re.fullmatch(pattern, one["job_name"]) for one in scraped)
    assert all("application" in labels_of(one) for one in scraped)


def labels_of(job: dict[str, Any]) -> set[str]:
    """Return the labels that a job gives to all of its targets."""
    fixed = (name for one in job.get("static_configs", []) for name in one["labels"])
    return {*fixed, *(one["target_label"] for one in job.get("relabel_configs", []))}


def test_each_part_that_rules_watch_is_scraped() -> None:
    scraped = {one["job_name"] for one in parsed(PROMETHEUS / "prometheus.yml")["scrape_configs"]}
    assert scraped == {f"retention-{part}" for part in ("worker", "bridge", "desk", "ingest", "canary")}


@pytest.mark.parametrize("rule", rules(), ids=name)
def test_a_rule_names_metrics_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    series = known()
    assert asked(rule["expr"])
    assert mistakes(rule["expr"], series) == []
    labels = set(chain(OF_TARGETS, *(series[one.name] for one in asked(rule["expr"]))))
    assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= labels


@pytest.mark.parametrize("rule", rules(), ids=name)
def test_a_rule_keeps_what_tells_two_deployments_apart(rule: dict[str, Any]) -> None:
    """`by` and `on` would drop labels that they don't know of: an application, a namespace, a cluster."""
    assert not re.search(r"\b(?:by|on)\s*\(", rule["expr"])
    if "without (instance" in rule["expr"]:
        told = [str(test) for file in TESTS for test in read(file)["tests"]]
        assert any(f'alertname="{name(rule)}"' in one for one in told if 'application="sick"' in one)


@pytest.mark.parametrize("rule", rules(), ids=name)
def test_a_rule_says_how_bad_it_is_and_where_to_read_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"].keys() == {"severity"}
    assert rule["annotations"].keys() == {"summary", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/operations/alerts.md#{name(rule).lower()}"
    entry = entries()[name(rule)]
    assert entry.strip().startswith(f"*{rule['labels']['severity']}*"), "how bad it is, first"
    assert [part for part in PARTS if entry.count(part) != 1] == []


def test_the_runbook_has_an_entry_for_each_rule_and_no_other() -> None:
    assert sorted(entries()) == sorted(name(rule) for rule in rules())


def test_the_runbook_names_metrics_and_settings_that_there_are() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    assert unknown_variables(re.findall(r"\bRETENTION_[A-Z_]+\b", text)) == []
    expressions = re.findall(r"`([^`]*(?:retention|process)_[a-z_]+[^`]*)`", text)
    assert expressions
    assert [wrong for one in expressions for wrong in mistakes(one, known())] == []


@pytest.mark.parametrize("rule", rules(), ids=name)
def test_every_rule_is_shown_to_fire_and_not_to_fire(rule: dict[str, Any]) -> None:
    tests = [one for file in TESTS for one in read(file)["tests"]]
    expected = [one for test in tests for one in test["promql_expr_test"]]
    found = [bool(one["exp_samples"]) for one in expected if f'"{name(rule)}"' in one["expr"]]
    assert {True, False} <= set(found)


@pytest.mark.slow
def test_promtool_takes_the_configuration_and_the_rules() -> None:
    done = run("promtool", "check", "config", "deploy/prometheus/prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULES)} rule files found" in done.stdout


@pytest.mark.slow
def test_promtool_finds_that_rules_fire_when_they_should() -> None:
    done = run("promtool", "test", "rules", *(file.name for file in TESTS), cwd=PROMETHEUS / "tests")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SUCCESS") == len(TESTS), done.stdout
