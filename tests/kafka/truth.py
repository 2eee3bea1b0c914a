"""What a worker must have come to: the alerts and the state of an undisturbed replay."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from schemas.alert import Alert
from streams.core.partition.partition import Partition
from streams.core.ruleset import DEFAULT, Ruleset
from streams.core.spend.baseline import KEPT_HOURS
from streams.core.time import hour_of
from streams.lab.replay import ReplayResult
from streams.runtime.partition.processor import PROCESSOR_KEY
from streams.settings import Settings
from tests.kafka.held import alerts, state
from tests.lab.recomputed.test_against_recomputation import of_core, of_plain
from tests.recompute.recompute import recompute
from tests.recompute.rules import VERSION_4, Rules

Facts = tuple[object, ...]


def facts_of(found: Iterable[Alert]) -> list[Facts]:
    """Return what was decided, in an order that doesn't depend on how it came."""
    return sorted(map(of_core, found), key=repr)


def expected_facts(directory: Path, settings: Settings, rules: Rules = VERSION_4) -> list[Facts]:
    """Return what the independent recomputation says must have been decided."""
    return sorted(
        map(of_plain, recompute(directory, partitions=settings.partitions, ruleset=rules)), key=repr
    )


def assert_alerts(settings: Settings, wanted: Iterable[Alert], name: str = "alerts") -> list[Alert]:
    """Check that a topic of alerts holds these, field by field, each once and in order; return them."""
    found = alerts(settings, name)
    ids = [one.event_id for one in found]
    assert len(set(ids)) == len(ids)
    assert _fields(found) == _fields(wanted)
    revisions: dict[str, int] = {}
    for one in found:
        assert one.revision == revisions.get(one.alert_id, 0) + 1
        revisions[one.alert_id] = one.revision
    return found


def _fields(many: Iterable[Alert]) -> list[str]:
    return sorted(one.model_dump_json(exclude={"backfill"}) for one in many)


def assert_state(settings: Settings, wanted: ReplayResult, rules: Ruleset = DEFAULT) -> None:
    """Check that the changelog holds what the replay knows of each customer at its end."""
    customers = 0
    for number in range(settings.partitions):
        partition, names = restored(settings, number, rules)
        for customer_id in names:
            assert _seen(partition, customer_id) == _seen(wanted, customer_id)
        customers += len(names)
    assert customers == wanted.customers


def restored(settings: Settings, number: int, rules: Ruleset) -> tuple[Partition, list[str]]:
    """Return a partition as the changelog has it, and its customers."""
    partition, found = Partition(rules), state(settings, number)
    del found[PROCESSOR_KEY]
    partition.restore(found)
    return partition, list(partition._customers.records)


def _seen(whose: Partition | ReplayResult, customer_id: str) -> Facts:
    seen = whose.lookup(customer_id)
    if seen is None:
        return ()
    return (
        seen.time,
        seen.first_pane,
        [pane for pane in seen.panes if pane[0] >= hour_of(seen.time) - KEPT_HOURS],
        seen.counters,
        seen.contacts,
        _rounded(msgspec.to_builtins(seen.episode)),
    )


def _rounded(value: Any) -> Any:
    """Leave out what depends on the order in which floats were added: customers have none after a restore."""
    match value:
        case float():
            return round(value, 9)
        case dict():
            return {name: _rounded(one) for name, one in value.items()}
        case list() | tuple():
            return [_rounded(one) for one in value]
        case _:
            return value
