"""The Kafka side: brokers, topics, and the worker that drives the core."""
