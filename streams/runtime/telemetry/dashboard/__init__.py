"""The Grafana dashboard, generated from the metrics: `python -m streams.runtime.telemetry.dashboard`.

`queries` makes PromQL of a metric by its type, `panels` says what is shown in which row, and `grafana` is the
form that Grafana reads. Knows nothing of the processes that show the metrics.
"""
