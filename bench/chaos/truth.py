"""What must have come of the records that Kafka holds, recomputed plainly, and how what did differs from it.

Each partition is recomputed by itself from what its inputs hold: order and ticks are each partition's own.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from bench.chaos.wire import Differs, differs, records_of, twice
from schemas.alert import Alert
from streams.core.partition.partition import Partition
from streams.core.ruleset import DEFAULT
from streams.core.spend.baseline import KEPT_HOURS
from streams.core.time import DAY_MS, hour_of
from streams.core.watermark import Input
from streams.runtime.partition.processor import PROCESSOR_KEY
from streams.settings import Settings
from tests.lab.recomputed.test_against_recomputation import of_core, of_plain
from tests.recompute.arrival import Customer, read
from tests.recompute.events import Contact
from tests.recompute.ledger import Ledger
from tests.recompute.recompute import recompute
from tests.recompute.rules import VERSION_4

_CONTACTS_KEPT_MS: Final = 28 * DAY_MS
"""At least so long: longer counts for nothing here."""


@dataclass(frozen=True)
class Found:
    """How state and alerts differ from the truth, and how much there was to compare."""

    differs: Differs
    customers: int
    panes: int
    alerts: int


def compare(settings: Settings, folder: Path) -> Found:
    """Compare the state of every customer and every alert with what the inputs say; `folder` is a new one."""
    now_ms = time.time_ns() // 1_000_000
    found = Differs()
    panes: Counter[str] = Counter()
    customers = 0
    wanted: list[Any] = []
    newest = _state(settings)
    for number in range(settings.partitions):
        directory = folder / f"partition-{number}"
        directory.mkdir(parents=True)
        for source in (Input.TRANSACTIONS, Input.CONTACTS, Input.CUSTOMERS, Input.DISPOSITIONS):
            _write(settings, source, number, directory / f"{source.value}.jsonl")
        wanted += map(of_plain, recompute(directory, partitions=settings.partitions, ruleset=VERSION_4))
        arrival = read(directory, VERSION_4, settings.partitions, now_ms, settings.reporting_currency)
        plain = arrival.partitions[number].customers
        partition = _restored(newest[number])
        names = set(partition._customers.records)  # noqa: SLF001 - who is there
        customers += len(plain)
        found = found.plus(Differs(lost=len(plain.keys() - names), phantom=len(names - plain.keys())))
        for name in plain.keys() & names:
            found = found.plus(_customer(partition, name, plain[name], panes))
    committed = [
        Alert.model_validate_json(value or b"")
        for name in ("alerts", "alerts.holdout")
        for number in range(settings.partitions)
        for _, value in records_of(settings, name, number)
    ]
    found = found.plus(_alerts(committed, wanted))
    return Found(found, customers, panes["compared"], len(wanted))


def _alerts(committed: list[Alert], wanted: list[Any]) -> Differs:
    """Compare alerts one by one; one that is there again is doubled, whatever it says."""
    again = twice(committed)
    once = list({one.event_id: one for one in committed}.values())
    return differs(map(of_core, once), wanted).plus(again)


def _customer(partition: Partition, name: str, plain: Customer, panes: Counter[str]) -> Differs:
    seen = partition.lookup(name)
    if seen is None:
        return Differs(lost=1)
    ledger = Ledger(plain, VERSION_4)
    for fact in sorted(plain.agenda, key=lambda fact: fact.instant_ms):
        ledger.fold(fact)
    first = hour_of(seen.time) - KEPT_HOURS
    want = {hour: cents for hour, cents in _spent(ledger) if cents and hour >= first}
    have = {hour: cents for hour, cents in seen.panes if cents and hour >= first}
    panes["compared"] += len(want)
    hours = want.keys() | have.keys()
    less = sum(have.get(hour, 0) < want.get(hour, 0) for hour in hours)
    more = sum(have.get(hour, 0) > want[hour] for hour in want)
    contacts = _contacts(plain, seen.time - _CONTACTS_KEPT_MS)
    known = {(one.source, one.contact_id) for one, _ in seen.contacts}
    sent = _contacts(plain, 0, notices=True)
    return Differs(
        lost=less + len(contacts - known),
        doubled=more,
        phantom=len(have.keys() - want.keys()) + len(known - sent),
    )


def _contacts(plain: Customer, since_ms: int, *, notices: bool = False) -> set[tuple[str, str]]:
    """Return the identities of the contacts of a customer since then."""
    events = [fact.event for fact in plain.agenda if isinstance(fact.event, Contact)]
    return {one.identity for one in events if one.moment_ms > since_ms and (notices or not one.is_notice)}


def _spent(ledger: Ledger) -> Iterator[tuple[int, int]]:
    """Yield hundredths by hour."""
    pairs = [
        (hour, cents)
        for series in (ledger._dated, ledger._undated)  # noqa: SLF001 - all that it knows
        for hour, cents in series._sums.items()  # noqa: SLF001
    ]
    for hour, many in groupby(sorted(pairs), key=lambda pair: pair[0]):
        yield hour, sum(cents for _, cents in many)


def _restored(newest: dict[bytes, bytes]) -> Partition:
    partition = Partition(DEFAULT)
    newest.pop(PROCESSOR_KEY, None)
    partition.restore(newest)
    return partition


def _state(settings: Settings) -> list[dict[bytes, bytes]]:
    """Return the newest record of each key of each partition, in the order in which they were written."""
    return [_newest(settings, number) for number in range(settings.partitions)]


def _newest(settings: Settings, number: int) -> dict[bytes, bytes]:
    newest: dict[bytes, bytes] = {}
    for key, value in records_of(settings, "state", number):
        assert key is not None
        newest.pop(key, None)
        if value is not None:
            newest[key] = value
    return newest


def _write(settings: Settings, source: Input, number: int, path: Path) -> None:
    values = [value for _, value in records_of(settings, source.value, number) if value is not None]
    path.write_bytes(b"".join(value.replace(b"\n", b" ") + b"\n" for value in values))


def partitions(settings: Settings) -> list[Partition]:
    """Return the partitions as the changelog has them now."""
    return [_restored(one) for one in _state(settings)]
