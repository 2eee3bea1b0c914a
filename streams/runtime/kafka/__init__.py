"""Kafka clients: options and errors, topics, groups, fetches, transactions, the committed reader.

Imports `ports`, schemas and settings. Knows nothing of Faust, and nothing of what a partition decides.
"""
