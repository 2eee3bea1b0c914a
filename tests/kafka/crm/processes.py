"""The bridge, the sandbox and the canary as processes, and alerts for them to carry."""

import base64
import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from kafka import KafkaProducer

from schemas.alert import Alert
from schemas.partitioner import partition_of
from schemas.topics import ALERTS
from streams.crm_settings import crm_variable
from streams.runtime.kafka.clients import kafka_python_options
from streams.runtime.local_kafka.engine import free_port
from streams.settings import Settings
from tests.kafka.deployment import WorkerProcess

SECRET: Final = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


class Bridge(WorkerProcess):
    """`retention-signals bridge`."""

    command = "bridge"

    @property
    def ready(self) -> bool:
        """Return whether it says so."""
        return self.get("/ready")[0] == 200

    @property
    def is_quiet(self) -> bool:
        """Return whether it has read all and has nothing to deliver."""
        text = self.get("/metrics")[1]
        return self.ready and all(
            f"\n{name} 0.0\n" in text
            for name in ("retention_bridge_lag_records", "retention_bridge_queued_messages")
        )


class Sandbox(WorkerProcess):
    """`retention-signals crm-sandbox`."""

    command = "crm-sandbox"


class Canary(WorkerProcess):
    """`retention-signals canary`."""

    command = "canary"


class Crm:
    """A sandbox that runs, and what a bridge has to be told to deliver to it."""

    def __init__(self, settings: Settings, folder: Path, *faults: object) -> None:
        self._settings, self._folder = settings, folder
        self._port, self._bridge_port = free_port(), free_port()
        self._secret, self.cases = folder / "secret", folder / "crm.sqlite3"
        self._secret.write_text(SECRET)
        self.bridges = 0
        self.sandbox = Sandbox(
            settings,
            folder / "sandbox.log",
            *("--port", str(self._port), "--db", str(self.cases), "--secret-file", str(self._secret)),
            *("--bridge", self.bridge_url),
            *map(str, faults),
        )

    @property
    def bridge_url(self) -> str:
        """Where the bridge listens."""
        return f"http://127.0.0.1:{self._bridge_port}"

    @property
    def address(self) -> str:
        """Where the sandbox listens."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def ledger(self) -> Path:
        """The file of the bridge's ledger."""
        return self._folder / "bridge.ledger"

    def environment(self, **changes: object) -> dict[str, str]:
        """Return what a bridge, or a canary, is told."""
        told = {
            "secret_file": self._secret,
            "url": f"{self.address}/webhook",
            "ledger": self.ledger,
            "bridge_url": self.bridge_url,
        } | changes
        return {crm_variable(name): str(value) for name, value in told.items()}

    @property
    def desk(self) -> tuple[str, ...]:
        """Return what `crm-sandbox dispose` is told."""
        return "--db", str(self.cases), "--secret-file", str(self._secret), "--bridge", self.bridge_url

    def bridge(
        self, settings: Settings | None = None, *, web_port: int | None = None, **changes: object
    ) -> Bridge:
        """Start a bridge, where dispositions are sent to unless it has another port; its log has a number."""
        self.bridges += 1
        log = self._folder / f"bridge-{self.bridges}.log"
        return Bridge(
            settings or self._settings,
            log,
            told=self.environment(**changes),
            web_port=web_port or self._bridge_port,
        )

    def messages(self) -> list[dict[str, Any]]:
        """Return every message that the CRM has, in the order in which it came."""
        return self._rows("SELECT webhook_id, alert_id, kind, revision, body FROM messages ORDER BY place")

    def tries(self) -> dict[str | None, int]:
        """Return how many requests met which fault, None for none."""
        rows = self._rows("SELECT fault, count(*) AS number FROM tries GROUP BY fault")
        return {row["fault"]: row["number"] for row in rows}

    def _rows(self, query: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.cases)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query)]


def send_alerts(settings: Settings, alerts: Iterable[Alert | Mapping[str, Any]]) -> None:
    """Write alert records as a worker does, each to its customer's partition."""
    producer = KafkaProducer(**kafka_python_options(settings), acks="all", linger_ms=5)
    try:
        for one in alerts:
            record = json.loads(one.model_dump_json()) if isinstance(one, Alert) else dict(one)
            customer_id = record["customer_id"]
            producer.send(
                settings.topic_prefix + ALERTS.name,
                key=customer_id.encode(),
                value=json.dumps(record).encode(),
                partition=partition_of(customer_id, settings.partitions),
            )
        producer.flush()
    finally:
        producer.close()
