"""The whole chain on a real Kafka: history, worker, bridge, CRM, and back again."""

import json
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from standardwebhooks import Webhook

from schemas.alert import Alert
from schemas.partitioner import partition_of
from streams.core.watermark import Input
from streams.crm.bridge.process import policy_of
from streams.crm.ledger.ledger import Ledger
from streams.crm_settings import CrmSettings
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import create, plan
from streams.runtime.local_kafka.engine import free_port
from streams.settings import Settings
from tests.core.drive import HOME
from tests.kafka.commands import until
from tests.kafka.crm.processes import SECRET, Bridge, Crm
from tests.kafka.deployment import Deployment
from tests.kafka.feeds import Raw, contact, purchase, raw, send, ticks
from tests.kafka.held import alerts, held, lag
from tests.lab.datasets import run

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

DAY: Final = 86_400_000
TROUBLE: Final = 180
"""The day on which it went wrong for some."""
SEVERE: Final = {"complaint": True, "ended_by": "system", "repeated_information": True, "hold_seconds": 900}
RETURNS, CLOSED, SNOOZED, SEEN, LEFT, FORGOTTEN = (
    f"chain-{name}" for name in ("returns", "closed", "snoozed", "seen", "left", "forgotten")
)
UNHAPPY: Final = (RETURNS, CLOSED, SNOOZED, SEEN, LEFT, FORGOTTEN)
HAPPY: Final = tuple(f"chain-happy-{number}" for number in range(14))


@pytest.fixture
def chain(settings: Settings, tmp_path: Path) -> Settings:
    """Give settings for the event clock with topics of two partitions, where a handful is judged."""
    rules = tmp_path / "rules.toml"
    rules.write_text("high_value_quantile = 0.1\npopulation_minimum = 1\n")
    changes = {"clock": "event", "partitions": 2, "ruleset_file": rules}
    changed = settings.model_copy(update=changes)
    with admin_client(changed) as admin:
        create(admin, plan(changed))
    return changed


def at(day: float) -> int:
    return HOME + round(day * DAY)


def bought(settings: Settings, customers: tuple[str, ...], first: int, last: int) -> Iterator[Raw]:
    """Yield daily purchases, in the order of time."""
    for day in range(first, last):
        for number, customer_id in enumerate(customers):
            yield raw(settings, Input.TRANSACTIONS, purchase(customer_id, at(day) + number * 60_000))


class Chain:
    """What a test looks at along the chain."""

    def __init__(self, settings: Settings, crm: Crm) -> None:
        self.settings, self.crm = settings, crm

    def pass_days(self, first: int, last: int, returning: tuple[str, ...] = ()) -> None:
        """Let time pass: the happy go on buying, and those who come back."""
        send(self.settings, bought(self.settings, HAPPY + returning, first, last))
        send(self.settings, ticks(self.settings, at(last)))

    def alerts(self) -> dict[str, list[Alert]]:
        """Return the alert records of each customer, in their order."""
        found: dict[str, list[Alert]] = {}
        for one in alerts(self.settings):
            found.setdefault(one.customer_id, []).append(one)
        return found

    def cases(self) -> dict[str, dict[str, Any]]:
        """Return what the CRM has, by customer."""
        done = run("crm-sandbox", "cases", "--db", self.crm.cases, "--json")
        return {one["customer_id"]: one for one in map(json.loads, done.out.splitlines())}

    def dispose(self, customer_id: str, *arguments: object) -> None:
        """Press a button of the CRM."""
        alert_id = self.cases()[customer_id]["alert_id"]
        done = run("crm-sandbox", "dispose", alert_id, *arguments, "--time-of-case", *self.crm.desk)
        assert done.code == 0, done.err

    def post(self, webhook_id: str, body: bytes, *, secret: str = SECRET, minutes_ago: int = 0) -> int:
        """Send a disposition by hand, and return the status of the answer."""
        moment = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        headers = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": Webhook(secret).sign(webhook_id, moment, body.decode()),
            "content-type": "application/json",
        }
        request = Request(f"{self.crm.bridge_url}/dispositions", body, headers)  # noqa: S310 - loopback
        try:
            with urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
                return int(answer.status)
        except HTTPError as error:
            return error.code

    def kinds(self, customer_id: str) -> list[str]:
        """Return the kinds of messages that the CRM has about a customer, in order."""
        return [
            one["kind"]
            for one in self.crm.messages()
            if json.loads(one["body"])["customer_id"] == customer_id
        ]


def test_from_a_bad_contact_to_a_closed_case_and_back(chain: Settings, tmp_path: Path) -> None:
    port, crm = free_port(), Crm(chain, tmp_path)
    told = chain.model_copy(update={"worker_addresses": (f"127.0.0.1:{port}",)})
    options: dict[str, Any] = {"backfill": True, "refresh_hours": 0.001, "requests_per_second": 200}
    one = Chain(chain, crm)
    bridges: list[Bridge] = []
    with Deployment(chain, tmp_path) as deployment:
        try:
            deployment.start(web_port=port)
            bridges.append(crm.bridge(told, **options))
            delivered = go_wrong(one, bridges[0])
            answer(one, bridges[0], delivered)
            bridges.append(crm.bridge(told, web_port=free_port(), **options))
            take_over(*bridges)
            days_pass(one, delivered)
            until(lambda: bridges[1].is_quiet)
            bridges[1].signal(signal.SIGTERM)
            assert bridges[1].wait(10) == 0
        finally:
            for bridge in bridges:
                bridge.kill()
            crm.sandbox.kill()
    with Ledger.open(crm.ledger, policy=policy_of(CrmSettings())) as ledger:
        ledger.tidy(time.time_ns() // 1_000_000)
        kept = b"".join(path.read_bytes() for path in tmp_path.glob("bridge.ledger*"))
    assert LEFT.encode() in kept
    assert FORGOTTEN.encode() not in kept
    for bridge in bridges:
        assert "chain-" not in bridge.log
        assert "Traceback" not in bridge.log


def go_wrong(one: Chain, bridge: Bridge) -> dict[str, dict[str, Any]]:
    """Leave some alone with a problem; return their cases, which have figures of now."""
    settings = one.settings
    send(settings, bought(settings, UNHAPPY + HAPPY, 0, TROUBLE))
    trouble = [contact(customer_id, at(TROUBLE), **SEVERE) for customer_id in UNHAPPY]
    send(settings, [raw(settings, Input.CONTACTS, each) for each in trouble])
    one.pass_days(TROUBLE, TROUBLE + 2)
    until(lambda: one.alerts().keys() == set(UNHAPPY))
    until(lambda: len(one.crm.messages()) >= len(UNHAPPY) and bridge.is_quiet)
    delivered = one.cases()
    assert delivered.keys() == set(UNHAPPY)
    late = "retention_bridge_case_seconds"  # since Kafka took the alert, by the wall clock
    assert bridge.metric(f"{late}_count", budget="room") == len(UNHAPPY)
    assert 0 <= bridge.metric(f"{late}_sum", budget="room") < 60 * len(UNHAPPY)
    for customer_id, case in delivered.items():
        assert (case["state"], case["figures_of"], case["level"]) == ("open", "now", "watch")
        assert one.kinds(customer_id)[0] == "create"
    return delivered


def answer(one: Chain, bridge: Bridge, delivered: dict[str, dict[str, Any]]) -> None:
    """Decide on cases: it comes back once, and only if it is the CRM's."""
    first_actions = "retention_bridge_first_action_seconds_count"
    assert bridge.metric(first_actions) == 0
    case = delivered[SEEN]
    said = {"alert_id": case["alert_id"], "status": "acknowledged", "time": case["as_of"]}
    seen, closed = (json.dumps(said | {"status": each}).encode() for each in ("acknowledged", "closed"))
    assert one.post("d-forged", closed, secret=f"whsec_{'QUJD' * 8}") == 401
    assert one.post("d-old", closed, minutes_ago=10) == 401
    assert one.post("d-seen", seen) == 202
    assert one.post("d-seen", closed) == 200  # seen before, whatever it says by now
    one.dispose(CLOSED, "--status", "closed", "--outcome", "benign")
    one.dispose(SNOOZED, "--status", "contacted", "--snooze-days", 60)
    assert sum(map(len, held(one.settings, "dispositions"))) == 3
    assert bridge.metric(first_actions) == 3
    until(lambda: one.alerts()[CLOSED][-1].resolution == "closed")
    until(lambda: one.cases()[CLOSED]["state"] == "resolved")
    assert one.cases()[CLOSED]["resolution"] == "closed"
    until(lambda: lag(one.settings) == 0)  # also the snooze is known before days pass


def take_over(first: Bridge, second: Bridge) -> None:
    """End the first bridge: the second waits until then."""
    until(lambda: "another bridge has" in second.get("/ready")[1])
    began = time.monotonic()
    first.signal(signal.SIGTERM)
    assert first.wait(10) == 0
    assert time.monotonic() - began < 6
    until(lambda: second.ready)


def days_pass(one: Chain, delivered: dict[str, dict[str, Any]]) -> None:
    """Let one come back and one be forgotten; of the others the CRM is told how they stand."""
    settings = one.settings
    home = partition_of(FORGOTTEN, settings.partitions, settings.partitioner)
    send(settings, [Raw(Input.CUSTOMERS, home, FORGOTTEN.encode(), None)])
    one.pass_days(TROUBLE + 2, TROUBLE + 30, returning=(RETURNS,))
    until(lambda: one.alerts()[RETURNS][-1].resolution == "returned")
    until(lambda: one.alerts()[FORGOTTEN][-1].resolution == "erased")
    until(lambda: one.alerts()[LEFT][-1].level == "alert")
    until(lambda: [one.kinds(each)[-1] for each in (RETURNS, FORGOTTEN)] == ["close", "close"])
    assert one.cases()[RETURNS]["state"] == "resolved"
    assert one.alerts()[SEEN][-1].state != "resolved"
    # What is held back is what would be raised, not what the case tells.
    assert [each.level for each in one.alerts()[SNOOZED]] == ["watch"]
    until(lambda: one.cases()[SNOOZED]["probability"] > delivered[SNOOZED]["probability"])
    assert set(one.kinds(SNOOZED)) == {"create", "refresh"}
    now = one.cases()[SNOOZED]
    assert (now["figures_of"], now["revision"]) == ("now", delivered[SNOOZED]["revision"])
    assert now["as_of"] > delivered[SNOOZED]["as_of"]
    until(lambda: one.cases()[LEFT]["level"] == "alert")
