"""The pure core: events in, alerts out. It knows no clock, no Kafka, no files, no logs and no metrics."""
