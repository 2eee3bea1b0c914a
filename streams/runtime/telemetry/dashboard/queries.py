"""PromQL for a metric, by its type: of what is chosen on the dashboard, over all processes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from streams.runtime.telemetry.metrics_page import Row, rows

_CHOSEN: Final = 'job=~"$job", instance=~"$instance"'


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, the metrics in it, and how its series are called."""

    text: str
    metrics: tuple[str, ...]
    legend: str

    def called(self, legend: str) -> "Query":
        """Return it with another legend."""
        return replace(self, legend=legend)


@cache
def _metrics() -> Mapping[str, Row]:
    return {row.name: row for row in rows()}


def metric(name: str) -> Row:
    """Return a metric of ours, without the prefix `retention_`. Raise KeyError if there is none."""
    return _metrics()[f"retention_{name}"]


def selector(name: str, **labels: str) -> str:
    """Return a series of what is chosen, whose labels match a regular expression."""
    asked = "".join(f', {label}=~"{value}"' for label, value in labels.items())
    return f"{name}{{{_CHOSEN}{asked}}}"


def most(name: str, *by: str, **labels: str) -> Query:
    """Ask for the largest of a gauge over all that differ in other labels."""
    return _gauge("max", name, by, labels)


def total(name: str, *by: str, **labels: str) -> Query:
    """Ask for the sum of a gauge over all that differ in other labels."""
    return _gauge("sum", name, by, labels)


def _gauge(function: str, name: str, by: tuple[str, ...], labels: Mapping[str, str]) -> Query:
    row = metric(name)
    _check(row, "gauge", by)
    text = f"{function}{_by(by)}({selector(row.name, **labels)})"
    return Query(text, (row.name,), _legend(by, name))


def rate(name: str, *by: str, **labels: str) -> Query:
    """Ask how much a counter rises a second."""
    return _counter("rate({}[$__rate_interval])", name, by, labels)


def hourly(name: str, *by: str, **labels: str) -> Query:
    """Ask how much a counter rose within an hour."""
    return _counter("increase({}[1h])", name, by, labels)


def daily(name: str, *by: str, **labels: str) -> Query:
    """Ask how much a counter rose within a day."""
    return _counter("increase({}[1d])", name, by, labels)


def _counter(function: str, name: str, by: tuple[str, ...], labels: Mapping[str, str]) -> Query:
    row = metric(name)
    _check(row, "counter", by)
    text = f"sum{_by(by)}({function.format(selector(row.name, **labels))})"
    return Query(text, (row.name,), _legend(by, name))


def quantiles(name: str, *by: str, of: tuple[float, ...] = (0.5, 0.99)) -> tuple[Query, ...]:
    """Ask for quantiles of a histogram."""
    row = metric(name)
    _check(row, "histogram", by)
    series = f"sum by ({', '.join(('le', *by))}) (rate({selector(f'{row.name}_bucket')}[$__rate_interval]))"
    return tuple(
        Query(
            f"histogram_quantile({one}, {series})",
            (row.name,),
            f"p{round(one * 100)} {_legend(by, '')}".strip(),
        )
        for one in of
    )


def plus(one: Query, other: Query) -> Query:
    """Ask for the sum of two, called as the first."""
    return Query(f"({one.text} + {other.text})", (*one.metrics, *other.metrics), one.legend)


def share(part: Query, whole: Query) -> Query:
    """Ask for a part of a whole, from 0 to 1; nothing where there is no whole."""
    return Query(f"{part.text} / ({whole.text} > 0)", (*part.metrics, *whole.metrics), part.legend)


def age(name: str, *by: str) -> Query:
    """Ask how many seconds ago a time was."""
    row = metric(name)
    _check(row, "gauge", by)
    text = f"time() - max{_by(by)}({selector(row.name)})"
    return Query(text, (row.name,), _legend(by, name))


def expression(text: str, legend: str, *metrics: str) -> Query:
    """Ask for what the others can't say: each `{}` is a series of a metric, as is chosen."""
    return Query(text.format(*map(selector, metrics)), tuple(_metrics().keys() & set(metrics)), legend)


def _check(row: Row, kind: str, by: tuple[str, ...]) -> None:
    strange = set(by) - row.labels.keys() - {"instance", "job"}
    if row.kind not in {kind, "info"} or strange:
        raise ValueError(f"{row.name} is a {row.kind}, and has no {', '.join(sorted(strange))}")


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(labels)}) " if labels else ""


def _legend(by: tuple[str, ...], name: str) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in by) or name.replace("_", " ")
