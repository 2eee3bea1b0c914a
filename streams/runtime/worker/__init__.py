"""One process of the deployment: Faust's life cycle around the supervisors of its partitions.

Imports `faust`, `http`, `kafka`, `partition`, `startup`, `telemetry`. Only `commands` imports it.
"""
