"""The page of the metrics, made of their declarations: `python -m streams.runtime.telemetry.metrics_page`."""

import sys

from streams.runtime.telemetry.metrics import DECLARED, Declared, Label

_HEAD = """\
# Metrics

What `GET /metrics` of a worker shows, in the text format of Prometheus or, if asked for, OpenMetrics; beside
these what prometheus-client tells of the process (`process_`) and the interpreter (`python_`). No metric
holds a customer id. Counters count work: what is taken in again after a partition was opened anew counts
again, but alerts only when they were committed.
This page is made from the metrics themselves, by `python -m streams.runtime.telemetry.metrics_page`.

| metric | type | unit | labels | what it says |
|---|---|---|---|---|
"""


def page() -> str:
    """Return `docs/metrics.md`, every metric in the order of the code."""
    return _HEAD + "".join(f"| {' | '.join(_row(one))} |\n" for one in DECLARED)


def _row(declared: Declared) -> tuple[str, ...]:
    labels = "; ".join(map(_label, declared.labels))
    return f"`{declared.name}`", declared.kind, declared.unit, labels, declared.about


def _label(label: Label) -> str:
    values = ", ".join(f"`{value}`" for value in label.values)
    return f"`{label.name}`: {values}" if values else f"`{label.name}`"


if __name__ == "__main__":
    sys.stdout.write(page())
