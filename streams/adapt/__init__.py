"""Exports to event files: `streams.mapping` over files, for `replay`, `publish` and `calibrate`.

Imports `streams.mapping`, settings and what commands share; needs the extra `ingest`.
"""
