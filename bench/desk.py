"""The desk with very many open alerts, on a real Kafka and in a real Chromium: how soon people see what.

From the start to having read all; from a request to the first paint; from a choice of a filter to the rows;
from the moment at which Kafka has an alert to its row. Then the memory of the page while alerts change.
"""

import random
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any, Final

from kafka import KafkaProducer
from selenium import webdriver

from bench.shared.command_line import parser
from bench.shared.machine import machine
from bench.shared.running import Running, running
from bench.shared.topics import broker, fresh_settings
from schemas.alert import Alert
from schemas.partitioner import partition_of
from schemas.topics import ALERTS
from streams.runtime.kafka.clients import kafka_python_options
from streams.runtime.local_kafka.engine import free_port
from streams.settings import Settings
from tests.chromium import chromium
from tests.desk.desk_cases import alert

DESK: Final = ("-m", "streams", "desk")
_PATIENCE: Final = 60
_LOADS: Final = 9
_FILTERS: Final = (
    *(("reason", "billing"), ("level", "watch"), ("level", ""), ("reason", ""), ("channel", "chat")),
    *(("sort", "deadline"), ("sort", "risk"), ("channel", ""), ("age", "older"), ("age", "")),
)
_PAINTED: Final = """
const [done] = arguments;
new PerformanceObserver((list) => {
    for (const one of list.getEntriesByName("first-contentful-paint")) done(one.startTime);
}).observe({type: "paint", buffered: true});
"""
_CHOOSE: Final = """
const [name, value, done] = arguments, began = performance.now();
new MutationObserver((_, it) => {
    it.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - began), 0));
}).observe(document.querySelector("#rows"), {childList: true});
const field = document.querySelector(`#filters [name=${name}]`);
field.value = value;
field.dispatchEvent(new Event(field.type === "search" ? "input" : "change", {bubbles: true}));
"""
_APPEARS: Final = """
const [customer, done] = arguments;
const look = (it) => {
    if (!document.querySelector(`[data-customer="${customer}"]`)) return;
    it?.disconnect();
    requestAnimationFrame(() => done(Date.now()));
};
new MutationObserver((_, it) => look(it)).observe(document.querySelector("#rows"), {childList: true});
"""


def main(arguments: list[str] | None = None) -> None:
    """Fill the topic, start a desk, look at it, print."""
    asked = _parser().parse_args(arguments)
    print(machine())
    drawn = random.Random(1)
    with broker() as bootstrap:
        settings = fresh_settings(bootstrap).model_copy(update={"web_port": free_port()})
        with _producer(settings) as producer:
            for number in range(asked.alerts):
                _send(settings, producer, _drawn(drawn, f"n{number}"))
            producer.flush()
            began = time.time()
            with running(settings, DESK) as desk, chromium() as browser:
                _until_read(desk)
                print(f"{asked.alerts:,} open alerts: read {time.time() - began:.1f} s after the start")
                browser.set_script_timeout(_PATIENCE)
                url = f"http://127.0.0.1:{settings.web_port}/"
                _paint(browser, url)
                _filter(browser)
                _latency(browser, url, settings, producer, asked.rounds)
                _memory(browser, settings, producer, drawn, asked)
                used = desk.metrics("process_resident_memory_bytes")[()]
                print(f"memory of the desk: {used / 2**20:,.0f} MiB")


def _parser() -> ArgumentParser:
    found = parser(__doc__)
    found.add_argument("--alerts", type=int, default=10_000)
    found.add_argument("--rounds", type=int, default=20)
    found.add_argument("--minutes", type=float, default=10.0)
    found.add_argument("--changes", type=float, default=10.0, help="alerts that change in a second")
    return found


def _drawn(drawn: random.Random, name: str, revision: int = 1, **others: Any) -> Alert:
    """Return a synthetic alert."""
    usual: dict[str, Any] = {
        "value": drawn.randint(1_000, 1_000_000),
        "days": drawn.uniform(1, 80),
        "reason": drawn.choice(("billing", "delivery", "returns", "account", None)),
        "channel": drawn.choice(("voice", "chat", "email")),
        "level": drawn.choice(("watch", "alert")),
        "time": round(time.time() * 1000) - 60_000,
        "deadline": "2099-01-01T00:00:00.000Z",
    }
    return alert(name, revision, **(usual | others))


@contextmanager
def _producer(settings: Settings) -> Iterator[KafkaProducer]:
    producer = KafkaProducer(**kafka_python_options(settings), acks="all", linger_ms=0)
    try:
        yield producer
    finally:
        producer.close()


def _send(settings: Settings, producer: KafkaProducer, one: Alert) -> Any:
    key = one.customer_id.encode()
    return producer.send(
        settings.topic_prefix + ALERTS.name,
        key=key,
        value=one.model_dump_json().encode(),
        partition=partition_of(one.customer_id, settings.partitions),
    )


def _until_read(desk: Running) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not any("all is read" in line for _, line in list(desk.lines)):
        desk.check(deadline)
        time.sleep(0.02)


def _paint(browser: webdriver.Chrome, url: str) -> None:
    found = []
    for _ in range(_LOADS):
        browser.get(url)
        found.append(browser.execute_async_script(_PAINTED))
    print(f"first paint: {_said(found)}; the first time {found[0]:.0f}")


def _filter(browser: webdriver.Chrome) -> None:
    time.sleep(1)
    found = []
    for name, value in (*_FILTERS, ("customer", "n7"), ("customer", "n77"), ("customer", "")):
        found.append(browser.execute_async_script(_CHOOSE, name, value))
        time.sleep(0.2)
    print(f"filters: {_said(found)}")


def _latency(
    browser: webdriver.Chrome, url: str, settings: Settings, producer: KafkaProducer, rounds: int
) -> None:
    """Measure from when Kafka has a record to the frame with its row: both clocks are this machine's."""
    found = []
    browser.get(url)
    for number in range(rounds):
        time.sleep(0.9)
        name = f"new{number}"
        # The row may be there before the script looks: then it is told at once.
        script = f"{_APPEARS}look(null);"
        appended: list[float] = []
        one = _send(settings, producer, alert(name, value=10**9, deadline="2099-01-01T00:00:00.000Z"))
        appended.append(one.get(timeout=_PATIENCE).timestamp)
        found.append(browser.execute_async_script(script, f"c-{name}") - appended[0])
    print(f"from Kafka to the row: {_said(found)}")


def _memory(
    browser: webdriver.Chrome,
    settings: Settings,
    producer: KafkaProducer,
    drawn: random.Random,
    asked: Any,
) -> None:
    for domain in ("HeapProfiler", "Performance"):
        browser.execute_cdp_cmd(f"{domain}.enable", {})
    began, changed, revision = time.monotonic(), 0, 2
    seconds = asked.minutes * 60
    next_look = 0.0
    while (passed := time.monotonic() - began) <= seconds + 1:
        if passed >= next_look:
            next_look += max(1.0, seconds / 5)
            heap, nodes = _heap(browser)
            print(
                f"{passed:>5.0f} s, {changed:>6,} changes: heap {heap / 1e6:.2f} MB, {nodes:,} nodes",
                flush=True,
            )
        for _ in range(max(1, round(asked.changes / 5))):
            _send(
                settings,
                producer,
                _drawn(drawn, f"n{drawn.randrange(asked.alerts)}", revision, state="updated"),
            )
            changed, revision = changed + 1, revision + 1
        time.sleep(0.2)


def _heap(browser: webdriver.Chrome) -> tuple[float, int]:
    for _ in range(2):
        browser.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
    metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    found = {one["name"]: one["value"] for one in metrics}
    return found["JSHeapUsedSize"], int(found["Nodes"])


def _said(ms: list[float]) -> str:
    ordered = sorted(ms)
    return f"median {median(ordered):.0f} ms, {ordered[0]:.0f} to {ordered[-1]:.0f} ({len(ordered)})"


if __name__ == "__main__":
    main()
