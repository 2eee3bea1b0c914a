"""The panels in the form that Grafana 10 and newer read: JSON of a dashboard."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from streams.runtime.telemetry.dashboard.panels import GROUPS, Group, Panel
from streams.runtime.telemetry.metrics_page import rows

_COLUMNS: Final = 24
_HEIGHTS: Final = {"timeseries": 8, "stat": 4, "table": 8}
OURS: Final = ".*retention.*"
"""What the rules know our jobs by: Prometheus tells `up` and starts of processes of all that it watches."""
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_UNITS: Final[Mapping[str, str]] = {
    "seconds": "s",
    "seconds since 1970": "s",
    "bytes": "bytes",
    "share": "percentunit",
    "per second": "cps",
    "cores": "none",
    "0 or 1": "bool_yes_no",
    "1": "none",
}
"""Grafana's names of units; of what is merely counted there is none, and large numbers are shortened."""


def dashboard() -> str:
    """Return the dashboard as it is imported or provisioned."""
    board = {
        "uid": "retention-signals",
        "title": "retention-signals",
        "description": "Of one deployment: choose it where there are several. What each alert means and what "
        "to do is in docs/operations/alerts.md, in the same order.",
        "tags": ["retention-signals"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "graphTooltip": 1,
        "annotations": {"list": [_restarts()]},
        "templating": {"list": [*_variables()]},
        "links": [],
        "panels": [*_panels(GROUPS)],
    }
    return json.dumps(board, indent=1, ensure_ascii=False) + "\n"


def _variables() -> Iterator[dict[str, Any]]:
    """Yield what can be chosen: where the metrics are, which job and process, any other label."""
    yield {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    for name, label, asked, everything in (
        ("job", "Job", "label_values(retention_build_info, job)", OURS),
        ("instance", "Process", 'label_values(retention_build_info{job=~"$job"}, instance)', ".*"),
    ):
        yield {
            "name": name,
            "label": label,
            "type": "query",
            "datasource": _SOURCE,
            "query": {"query": asked, "refId": name},
            "refresh": 2,
            "sort": 1,
            "multi": True,
            "includeAll": True,
            "allValue": everything,
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        }
    yield {"name": "deployment", "label": "Deployment", "type": "adhoc", "datasource": _SOURCE}


def _restarts() -> dict[str, Any]:
    return {
        "name": "Starts",
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": "orange",
        "expr": 'changes(process_start_time_seconds{job=~"$job", instance=~"$instance"}[1m]) > 0',
        "titleFormat": "{{job}} {{instance}} was started",
        "step": "60s",
    }


def _panels(groups: Sequence[Group]) -> Iterator[dict[str, Any]]:
    """Yield rows and their panels, each under what is above it."""
    number, y = 1, 0
    for group in groups:
        yield {
            "id": number,
            "type": "row",
            "title": group.title,
            "collapsed": False,
            "gridPos": {"x": 0, "y": y, "w": _COLUMNS, "h": 1},
            "panels": [],
        }
        number, y = number + 1, y + 1
        x = height = 0
        for panel in group.panels:
            if x + panel.width > _COLUMNS or (x and height != _HEIGHTS[panel.kind]):
                x, y = 0, y + height
            height = _HEIGHTS[panel.kind]
            place = {"x": x, "y": y, "w": panel.width, "h": height}
            yield _panel(panel, number, place)
            number, x = number + 1, x + panel.width
        y += height


def _panel(panel: Panel, number: int, place: Mapping[str, int]) -> dict[str, Any]:
    instant = panel.kind != "timeseries"
    unit = _unit(panel)
    defaults: dict[str, Any] = {
        "unit": _UNITS.get(unit, "short"),
        "thresholds": {"mode": "absolute", "steps": [*_steps(panel)]},
        "color": {"mode": "thresholds" if instant else "palette-classic"},
    }
    if unit == "0 or 1":
        defaults |= {"min": 0, "max": 1, "decimals": 0}
    if not instant:
        marked = panel.warning is not None or panel.critical is not None
        defaults["custom"] = {
            "lineWidth": 1,
            "fillOpacity": 5,
            "showPoints": "never",
            "spanNulls": False,
            "thresholdsStyle": {"mode": "dashed" if marked else "off"},
        }
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": _description(panel),
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _options(panel),
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "datasource": _SOURCE,
                "expr": query.text,
                "legendFormat": query.legend,
                "instant": instant,
                "range": not instant,
                **({"format": "table"} if panel.kind == "table" else {}),
            }
            for at, query in enumerate(panel.queries)
        ],
        **({"transformations": _TABLE} if panel.kind == "table" else {}),
    }


_TABLE: Final = [
    {"id": "merge", "options": {}},
    {
        "id": "organize",
        "options": {
            "excludeByName": {"Time": True, "Value #A": True},
            "renameByName": {"Value #B": "compiled hot path (1: yes)"},
        },
    },
]


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        return {"reduceOptions": reduced, "colorMode": "background", "graphMode": "none", "textMode": "value"}
    if panel.kind == "table":
        return {"showHeader": True}
    return {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def _steps(panel: Panel) -> Iterator[dict[str, Any]]:
    yield {"color": "green", "value": None}
    if panel.warning is not None:
        yield {"color": "yellow", "value": panel.warning}
    if panel.critical is not None:
        yield {"color": "red", "value": panel.critical}


def _unit(panel: Panel) -> str:
    return panel.unit or _ABOUT[panel.queries[0].metrics[0]][0]


def _description(panel: Panel) -> str:
    """Return what the metrics of a panel say, what is to be known beside it, and which alerts watch it."""
    metrics = dict.fromkeys(name for query in panel.queries for name in query.metrics)
    said = [*(_ABOUT[name][1] for name in metrics), panel.note]
    if panel.alerts:
        said.append(f"Alerts: {', '.join(f'Retention{name}' for name in panel.alerts)}.")
    return "\n\n".join(one for one in said if one)


_ABOUT: Final = {row.name: (row.unit, row.about) for row in rows()}
"""The unit of each metric, and what it says."""
