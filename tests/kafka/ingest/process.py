"""`ingest` as a process, for tests that start, hurt and end it."""

from tests.kafka.deployment import WorkerProcess


class IngestProcess(WorkerProcess):
    """`retention-signals ingest`, its output in a file."""

    command = "ingest"

    @property
    def ready(self) -> bool:
        """Return whether it says so."""
        return self.get("/ready")[0] == 200

    @property
    def events(self) -> float:
        """Return how many events it has committed."""
        return self.metric("retention_ingest_events_total")
