"""The bridge on a real Kafka, and a CRM that fails: each alert delivered once, none lost, in order."""

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from schemas.alert import Alert
from streams.crm.payload.examples import alert
from streams.settings import Settings
from tests.kafka.commands import until
from tests.kafka.crm.processes import Crm, send_alerts

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

ALERTS = 2000
KILLS = 10
UPDATED, RESOLVED = 0.15, 0.15


def record(number: int, revision: int, state: str, **changes: Any) -> Alert:
    """Return an alert record of a customer of the same number."""
    alert_id = f"alert-{number}"
    return alert(
        alert_id=alert_id,
        event_id=f"{alert_id}/{revision}",
        customer_id=f"customer-{number}",
        revision=revision,
        state=state,
        resolution="returned" if state == "resolved" else None,
        **changes,
    )


def history(rng: random.Random) -> list[list[Alert]]:
    """Return the records of each alert, in their order: raised, perhaps updated, perhaps resolved."""
    states = [
        ["raised", *["updated"] * (rng.random() < UPDATED), *["resolved"] * (rng.random() < RESOLVED)]
        for _ in range(ALERTS)
    ]
    return [
        [record(number, revision, state) for revision, state in enumerate(one, 1)]
        for number, one in enumerate(states)
    ]


def in_turns(histories: list[list[Alert]], rng: random.Random) -> list[Alert]:
    """Return all records, those of an alert in their order, but now this alert's, now that one's."""
    turns = [number for number, one in enumerate(histories) for _ in one]
    rng.shuffle(turns)
    left = [iter(one) for one in histories]
    return [next(left[number]) for number in turns]


def test_each_alert_is_delivered_once_whatever_fails(topics: Settings, tmp_path: Path) -> None:
    """R13: 50 requests a second, errors and time-outs after the effect, ten kills."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    histories = history(rng)
    crm = Crm(
        topics,
        tmp_path,
        *("--rate", 50, "--fail", 0.05, "--hang", 0.01, "--slow", 0.02, "--slow-seconds", 0.3),
        *("--after-effect", "--seed", seed % 1000),
    )
    limits: dict[str, Any] = {"requests_per_second": 80, "concurrency": 16, "timeout_seconds": 1}
    bridge, bridges = crm.bridge(**limits), []
    try:
        until(lambda: bridge.ready)
        send_alerts(topics, in_turns(histories, rng))
        for _ in range(KILLS):
            before = len(crm.messages())
            until(lambda before=before: len(crm.messages()) > before + 50)  # type: ignore[misc]
            bridge.kill()
            bridges.append(bridge.log)
            bridge = crm.bridge(**limits)
        sent = sum(map(len, histories))
        until(lambda: len(crm.messages()) == sent and bridge.is_quiet, seconds=300)
        print(f"{KILLS} kills, {sent} messages; requests by fault: {crm.tries()}")
    finally:
        bridge.kill()
        crm.sandbox.kill()
    faults = crm.tries()
    assert {"rate", "fail", "hang", "slow"} <= faults.keys(), faults
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for message in crm.messages():
        found[message["alert_id"]].append((message["revision"], message["webhook_id"]))
    wanted = {one[0].alert_id: [(each.revision, each.event_id) for each in one] for one in histories}
    assert found == wanted
    assert "customer-" not in "".join([*bridges, bridge.log])
