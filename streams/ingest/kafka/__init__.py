"""Kafka through librdkafka: options, the group's consumer, transactions, what was remembered read back.

Imports `flow`, and of the runtime its errors. The worker's clients (aiokafka) can't fence by the generation
of a group, which `ingest` needs.
"""
