"""One partition while it is assigned: decode, apply, decide, commit, and what happens when that fails.

Sans-IO: Kafka, Faust and the clock come in through `ports`. Imports `ports`, `telemetry` and core, so that a
simulation can run it on virtual time.
"""
