"""A Kafka on this machine for people and tests: in Docker, or by Java and Maven.

Imports `kafka` for the question whether a broker answers.
"""
