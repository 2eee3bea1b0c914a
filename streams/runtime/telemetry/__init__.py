"""Prometheus metrics of a worker, and the page that lists them.

Imports core and schemas; knows nothing of Kafka, Faust or HTTP. Everything above may import it.
"""
