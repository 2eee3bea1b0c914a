"""The dashboard: generated, current, about every metric and every alert rule, and readable."""

import json
import re
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from streams.runtime.telemetry.dashboard.grafana import OURS, dashboard
from streams.runtime.telemetry.dashboard.panels import GROUPS, Panel
from streams.runtime.telemetry.dashboard.queries import hourly, most, quantiles
from streams.runtime.telemetry.metrics_page import rows
from tests.deploy.files import DEPLOY, parsed, run
from tests.deploy.promql import known, mistakes
from tests.deploy.test_prometheus import name, rules

FILE: Final = DEPLOY / "grafana" / "dashboards" / "retention-signals.json"
PANELS: Final = [panel for group in GROUPS for panel in group.panels]


def plain(expression: str) -> str:
    """Return an expression as Prometheus takes it, everything chosen."""
    return re.sub(r"\$(job|instance)\b", OURS, expression.replace("$__rate_interval", "5m"))


def shown() -> list[dict[str, Any]]:
    return [one for one in json.loads(dashboard())["panels"] if one["type"] != "row"]


def title(panel: Panel) -> str:
    return panel.title


def test_the_dashboard_is_what_the_metrics_say() -> None:
    """When this fails: `python -m streams.runtime.telemetry.dashboard > deploy/grafana/dashboards/...`."""
    assert FILE.read_text(encoding="utf-8") == dashboard()


def test_every_metric_is_on_a_panel() -> None:
    on_panels = {metric for panel in PANELS for query in panel.queries for metric in query.metrics}
    assert {row.name for row in rows()} == on_panels


def test_every_alert_is_named_by_one_panel() -> None:
    named = [f"Retention{one}" for panel in PANELS for one in panel.alerts]
    assert sorted(named) == sorted(name(rule) for rule in rules())


@pytest.mark.parametrize("panel", PANELS, ids=title)
def test_a_panel_names_metrics_and_labels_that_there_are(panel: Panel) -> None:
    for query in panel.queries:
        assert mistakes(plain(query.text), known()) == []
        series = set().union(*(known()[metric] for metric in query.metrics))
        assert set(re.findall(r"{{(\w+)}}", query.legend)) <= series | {"job", "instance"}


def test_a_panel_says_what_it_shows_and_in_which_unit() -> None:
    for one in shown():
        assert one["description"], one["title"]
        assert one["fieldConfig"]["defaults"]["unit"]
        assert one["targets"]
    titles = [one["title"] for one in shown()]
    assert len(titles) == len(set(titles))


def test_panels_stand_side_by_side_and_none_covers_another() -> None:
    places = [one["gridPos"] for one in json.loads(dashboard())["panels"]]
    cells = [
        {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        for at in places
    ]
    assert all(one.isdisjoint(other) for one, other in combinations(cells, 2))
    assert all(at["x"] >= 0 and at["x"] + at["w"] <= 24 for at in places)
    assert all(before["y"] <= after["y"] for before, after in pairwise(places))


def test_thresholds_rise() -> None:
    for one in shown():
        steps = [step["value"] for step in one["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        assert steps[0] is None
        assert steps[1:] == sorted(steps[1:])


def test_all_that_can_be_chosen_is_ours_and_not_all_that_prometheus_watches() -> None:
    chosen = {one["name"]: one for one in json.loads(dashboard())["templating"]["list"]}
    assert chosen["job"]["allValue"] == OURS
    assert any(f'up{{job=~"{OURS}"}}' in rule["expr"] for rule in rules())


def test_a_query_that_does_not_fit_its_metric_is_refused() -> None:
    with pytest.raises(KeyError):
        most("no_such_thing")
    with pytest.raises(ValueError, match="is a gauge"):
        hourly("open_episodes")
    with pytest.raises(ValueError, match="has no colour"):
        most("open_episodes", "colour")
    with pytest.raises(ValueError, match="is a counter"):
        quantiles("alerts_total")


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    folder = DEPLOY / "grafana" / "provisioning"
    (source,) = parsed(folder / "datasources" / "prometheus.yml")["datasources"]
    (provider,) = parsed(folder / "dashboards" / "retention-signals.yml")["providers"]
    assert source["type"] == "prometheus"
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"


@pytest.mark.slow
def test_prometheus_can_read_every_query(tmp_path: Path) -> None:
    found = [query.text for panel in PANELS for query in panel.queries]
    recorded = [{"record": f"panel:{at}", "expr": plain(text)} for at, text in enumerate(found)]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    done = run("promtool", "check", "rules", "--lint=none", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(found)} rules found" in done.stdout
