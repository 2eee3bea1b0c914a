"""Kafka to Kafka: other people's topics, through a mapping, into our inputs.

Records are read in the order of event time, mapped, and written exactly once: events, what is remembered of
things that change, dead letters and offsets go in one transaction. `formats` turns bytes into records, `flow`
decides what is written (pure), `kafka` talks to Kafka; the process and its command are on top. Imports
`streams.mapping`, and of the runtime what it shares with the worker.
"""
