"""All of it in one command: history into Kafka, two workers, alerts as they come, and replay to compare."""
