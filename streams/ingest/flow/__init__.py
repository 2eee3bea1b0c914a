"""What is read next, what is written for it, and what is remembered: pure, no Kafka client, no clock.

Imports `formats`, `streams.mapping`, schemas, and the limit on refused records of the runtime.
"""
