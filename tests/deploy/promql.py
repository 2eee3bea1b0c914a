"""What an expression of PromQL names: series, what is asked of their labels, and labels by themselves."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from prometheus_client.metrics_core import Metric

from streams.runtime.telemetry.metrics import Metrics
from streams.runtime.telemetry.metrics_page import rows

OF_TARGETS: Final = frozenset({"job", "instance", "pod", "node", "application", "namespace"})
"""Labels that Prometheus puts on all that it scrapes, or may be told to."""
_SERIES: Final = re.compile(r"\b((?:retention|process|python)_[a-z_]+|up(?=\{))(?:\{([^}]*)\})?")
_MATCHER: Final = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING: Final = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Asked:
    """A series as it is asked for: what its labels have to be."""

    name: str
    labels: tuple[tuple[str, str, str], ...]
    """Label, operator, value."""


def asked(expression: str) -> list[Asked]:
    """Return the series that an expression names."""
    return [Asked(name, tuple(_MATCHER.findall(inside))) for name, inside in _SERIES.findall(expression)]


def grouped(expression: str) -> set[str]:
    """Return the labels that an expression aggregates or joins by."""
    return {label.strip() for inside in _GROUPING.findall(expression) for label in inside.split(",")} - {""}


@cache
def known() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return for every series there can be its labels, and for each its values, or none if they are open.

    Of a histogram the three series that it has.
    """
    found: dict[str, dict[str, tuple[str, ...]]] = {"up": {}}
    others: list[Metric] = list(Metrics().registry.collect())
    for sample in (sample for metric in others for sample in metric.samples):
        found.setdefault(sample.name, {}).update(dict.fromkeys(sample.labels, ()))
    for row in rows():
        found[row.name] = dict(row.labels)
        if row.kind == "histogram":
            found[f"{row.name}_bucket"] = {**row.labels, "le": ()}
            found[f"{row.name}_sum"] = found[f"{row.name}_count"] = dict(row.labels)
    return found


def mistakes(expression: str, series: dict[str, dict[str, tuple[str, ...]]]) -> list[str]:
    """Return what an expression names that there is not, in words."""
    found = []
    labels = set(OF_TARGETS)
    for one in asked(expression):
        if one.name not in series:
            found.append(f"no metric {one.name}")
            continue
        there = series[one.name]
        labels |= there.keys()
        for label, operator, value in one.labels:
            if label in OF_TARGETS:
                continue
            if label not in there:
                found.append(f"{one.name} has no label {label}")
                continue
            wanted = value.split("|") if operator in {"=~", "!~"} else [value]
            found += [
                f"{one.name} has no {label} {text}"
                for text in wanted
                if there[label] and text not in there[label]
            ]
    return found + [f"no label {label}" for label in grouped(expression) - labels]
