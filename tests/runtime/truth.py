"""What must be written in the end, whatever happened on the way."""

from collections import Counter
from collections.abc import Coroutine
from typing import Any

import pytest

from streams.runtime.partition.processor import Identity, PartitionProcessor
from tests.runtime.fake_log import Broker, FakeLog
from tests.runtime.history import NOW, RULES, comparable, state_of


def assert_true(broker: Broker) -> None:
    """Check what was written, and what a processor knows that opens now."""
    truth = broker.history.truth
    revisions: Counter[str] = Counter()
    for alert in broker.alerts:
        revisions[alert.alert_id] += 1
        assert alert.revision == revisions[alert.alert_id]
    assert comparable(broker.alerts) == truth.alerts
    assert broker.dead_letters == truth.dead_letters
    assert broker.read
    broker.trouble, broker.pause = 0.0, _at_once
    processor = PartitionProcessor(
        Identity("test", RULES, "USD", 0, 1, adopt_ruleset=True), FakeLog(broker), lambda: NOW
    )
    _finish(processor.open())
    assert state_of(processor.partition) == truth.state


async def _at_once(_name: str) -> None:
    pass


def _finish(work: Coroutine[Any, Any, None]) -> None:
    """Run to its end what waits for nothing."""
    with pytest.raises(StopIteration):
        work.send(None)
