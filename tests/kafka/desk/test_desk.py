"""The desk as a process on a real Kafka, in a real Chromium: alerts come, are acted upon, all survives."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from kafka import KafkaConsumer
from selenium.webdriver.support.ui import Select

from schemas.partitioner import partition_of
from schemas.topics import ALERTS, DISPOSITIONS
from streams.desk_settings import desk_variable
from streams.runtime.kafka.clients import kafka_python_options
from streams.runtime.local_kafka.engine import free_port
from streams.settings import Settings, variable
from tests.chromium import CHROMIUM, DRIVER, chromium
from tests.desk.browser import Page
from tests.desk.desk_cases import HOSTILE, NOON, alert, id_of
from tests.kafka.commands import until
from tests.kafka.crm.processes import send_alerts
from tests.kafka.deployment import WorkerProcess

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium with its driver is here"),
]
VISIBLE_SECONDS: Final = 20
"""Generous, for the machine may be busy: what a quiet one takes is in docs/desk.md."""


class Desk(WorkerProcess):
    """`retention-signals desk`."""

    command = "desk"

    @property
    def ready(self) -> bool:
        """Return whether it has read all."""
        return self.get("/ready")[0] == 200


class Desks:
    """Starts desks of one deployment; those that still run at the end are killed."""

    def __init__(self, settings: Settings, folder: Path, worker_port: int) -> None:
        self._settings, self._folder, self._worker_port = settings, folder, worker_port
        self.started: list[Desk] = []

    def start(self, port: int) -> Desk:
        """Start one, and wait until it has read all."""
        told = {
            desk_variable("undo_seconds"): "1",
            desk_variable("silent_seconds"): "3",
            variable("worker_addresses"): f"127.0.0.1:{self._worker_port}",
            variable("clock"): "event",
        }
        log = self._folder / f"desk-{len(self.started)}.log"
        one = Desk(self._settings, log, "--synthetic", told=told, web_port=port)
        self.started.append(one)
        until(lambda: one.ready)
        return one


@pytest.fixture(name="desks")
def _desks(topics: Settings, tmp_path: Path) -> Iterator[Desks]:
    found = Desks(topics, tmp_path, free_port())
    yield found
    for one in found.started:
        if one.runs:
            one.kill()


@pytest.fixture(name="page")
def _page() -> Iterator[Page]:
    with chromium() as browser:
        yield Page(browser)


def dispositions(settings: Settings) -> list[dict[str, Any]]:
    """Return what the topic of dispositions holds, after checking that each is where its customer is."""
    consumer = KafkaConsumer(
        settings.topic_prefix + DISPOSITIONS.name,
        **kafka_python_options(settings),
        auto_offset_reset="earliest",
        consumer_timeout_ms=1_500,
    )
    try:
        found = []
        for record in consumer:
            assert record.partition == partition_of(record.key.decode(), settings.partitions)
            found.append(json.loads(record.value))
        return found
    finally:
        consumer.close()


def test_alerts_come_and_are_acted_upon_and_all_of_it_survives_a_crash(
    topics: Settings, desks: Desks, page: Page, tmp_path: Path
) -> None:
    port, other = free_port(), free_port()
    one, url = desks.start(port), f"http://127.0.0.1:{port}"
    page.open(url)
    # No worker is there: an empty list must not look like happy customers.
    page.until(lambda: "This list is empty because something is broken" in page.text(".empty"))
    worker = WorkerProcess(
        topics.model_copy(update={"clock": "event"}), tmp_path / "worker.log", web_port=desks._worker_port
    )
    try:
        until(lambda: worker.get("/ready")[0] == 200)
        page.until(lambda: "Nobody is to be called" in page.text(".empty"))
        # What is on the topic shows by itself, hostile or no alert at all.
        began = time.monotonic()
        wrong = {"customer_id": "c-none", "type": "alert"}
        send_alerts(topics, [wrong, alert("ada", value=900), alert("h", customer_id=HOSTILE, value=800)])
        page.until(lambda: len(page.customers()) == 2)
        assert time.monotonic() - began < VISIBLE_SECONDS
        send_alerts(topics, [alert("ada", 2, value=700, state="updated"), alert("ben", value=10)])
        page.until(lambda: [page.customers()[0][:3], *page.customers()[1:]] == ['"><', "c-ada", "c-ben"])
        # What is done about one is written to the topic, and another desk sees it.
        page.press("j", "j", "x")
        page.until(lambda: page.one("#act").is_displayed())
        Select(page.one("#act [name=outcome]")).select_by_value("confirmed")
        page.one("#act .go").click()
        page.until(lambda: "written" in page.text("#toasts"))
        second = desks.start(other)
        page.open(f"http://127.0.0.1:{other}/alert?id={id_of('ada')}")
        assert "Closed: it was so: the customer was leaving" in page.text("#acting")
        [done] = dispositions(topics)
        assert (done["status"], done["outcome"], done["customer_id"]) == ("closed", "confirmed", "c-ada")
        assert (done["source"], done["actor_role"], done["alert_id"]) == (
            "desk",
            "retention desk",
            id_of("ada"),
        )
        assert done["time"] == "2026-03-19T12:00:00.000Z"  # on the event clock, the time of the newest alert
        # A desk that is killed loses nothing of that; an open page finds the next one by itself.
        page.open(url)
        one.kill()
        page.until(lambda: "The desk does not answer" in page.text("#health"))
        again = desks.start(port)
        send_alerts(topics, [alert("new", value=1_000, time=NOON)])
        page.until(lambda: page.customers()[:1] == ["c-new"])
        page.until(lambda: "closed" in page.text("tbody tr:nth-child(3) .c-standing"))
        page.until(lambda: "Live" in page.text("#health"))
        # One that is told to end writes what is held, though nobody has waited for it.
        page.press("j", "a")
        page.until(
            lambda: "being written" in page.text("tbody tr .c-standing") or len(dispositions(topics)) == 2
        )
        again.signal(signal.SIGTERM)
        assert again.wait(20) == 0
        assert sorted(each["status"] for each in dispositions(topics)) == ["acknowledged", "closed"]
        assert second.runs
        for each in desks.started:
            assert "c-ada" not in each.log
            assert f"{topics.topic_prefix}{ALERTS.name} [" in each.log  # the record that is no alert
        # And when the worker is gone, it is said.
        page.open(f"http://127.0.0.1:{other}")
        page.until(lambda: "Live" in page.text("#health"))
    finally:
        worker.kill()
    page.until(lambda: "Broken" in page.text("#health"))
    assert len(page.customers()) == 4
