"""Bytes of a topic to the record that a mapping sees: formats, a schema registry, envelopes.

Pure but for the registry. Imports `streams.mapping` and schemas.
"""
