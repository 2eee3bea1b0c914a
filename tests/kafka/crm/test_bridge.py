"""The bridge on a real Kafka, and a CRM that fails: each alert delivered once, none lost, in order."""

import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from schemas.alert import Alert
from streams.crm.ledger.ledger import Visit
from streams.crm.payload.examples import alert
from streams.settings import Settings
from tests.kafka.commands import until
from tests.kafka.crm.processes import Crm, send_alerts

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

ALERTS = 1000
KILLS = 6
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


def cases_in(crm: Crm) -> Counter[str]:
    """Return how many cases the ledger has, by standing."""
    with Visit.open(crm.ledger) as visit:
        cases = visit.figures().cases
    return Counter({standing.value: number for (standing, _), number in cases.items()})


def test_each_alert_is_delivered_once_whatever_fails(topics: Settings, tmp_path: Path) -> None:
    """R13: 50 requests a second, errors and time-outs after the effect, six kills; `make chaos` has more."""
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
        # Not yet quiet while the last alerts are not read: all that is known must have come to an end.
        until(lambda: cases_in(crm).total() == ALERTS and bridge.is_quiet, seconds=300)
    finally:
        bridge.kill()
        crm.sandbox.kill()
    faults = crm.tries()
    assert {"rate", "fail", "hang", "slow"} <= faults.keys(), faults
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    kinds: dict[str, list[str]] = defaultdict(list)
    for message in crm.messages():
        found[message["alert_id"]].append((message["revision"], message["webhook_id"]))
        kinds[message["alert_id"]].append(message["kind"])
    never = 0
    for one in histories:
        alert_id = one[0].alert_id
        # What came before a case was admitted is in its first message; after that each revision is one.
        wanted = [(each.revision, each.event_id) for each in one][-len(found[alert_id]) or len(one) :]
        assert found[alert_id] == wanted
        assert kinds[alert_id][:1] in ([], ["create"])
        if not wanted:  # it was resolved before it was admitted
            assert one[-1].state == "resolved"
            never += 1
    assert never < ALERTS / 10
    print(f"{KILLS} kills, {sum(map(len, found.values()))} messages, {never} never; by fault: {faults}")
    ended = sum(1 for one in histories if one[-1].state == "resolved" and found[one[0].alert_id])
    assert cases_in(crm) == {"admitted": ALERTS - ended - never, "done": ended, "never": never}
    assert "customer-" not in "".join([*bridges, bridge.log])
