"""Other people's records to our events, by a mapping that is written in TOML.

A mapping says for each of their sources what its records are, which to skip, and how a record becomes events
of ours. It is pure: a record goes in, outcomes come out; what must be remembered from one record to the next
is given and returned. `streams.adapt` runs it over files, `streams.ingest` over topics. Imports `schemas` and
`streams.core.watermark`.
"""
