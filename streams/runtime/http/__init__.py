"""The worker's web server: metrics, health, readiness, lookup, and the JSON that a lookup answers.

Imports `telemetry` and core. `worker` starts it; `tools` read its answers.
"""
