"""Merged customers on a real broker: a history goes from one partition to another once, whatever fails."""

import json
from pathlib import Path
from random import Random
from typing import Final

import pytest

from schemas.partitioner import partition_of
from schemas.times import format_ms
from streams import rulesets
from streams.core.alerts.view import CustomerView
from streams.core.customer.moves import decode_move
from streams.core.ruleset import DEFAULT
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import Input
from streams.lab.replay import replay_directory
from streams.settings import Settings
from tests.core.drive import HOME
from tests.kafka.commands import until
from tests.kafka.deployment import Deployment
from tests.kafka.feeds import Raw, contact, purchase, raw, send, ticks
from tests.kafka.held import held, progress
from tests.kafka.tools.test_state_file import RULES, Lines, profile, run_state, time_of
from tests.kafka.truth import assert_alerts, restored

pytestmark = pytest.mark.kafka

PAIRS: Final = [(f"old-{number}", f"new-{number}") for number in range(12)]
MERGED: Final = HOME + 100 * DAY_MS + 10 * HOUR_MS + 1
"""The time of all merges; histories leave with the next hour, and arrive with the one after that."""
LEFT: Final = MERGED - 1 + HOUR_MS + 1
END: Final = HOME + 150 * DAY_MS


def merge(old: str, new: str) -> bytes:
    fields = {"type": "customer_merged", "event_id": f"m-{old}", "customer_id": old, "source": "crm"}
    return json.dumps(fields | {"time": format_ms(MERGED), "merged_into": new}).encode()


def dataset(last: int) -> Lines:
    """Return customers who buy daily by their old ids until a time; some have a bad contact before it.

    Half of them go on by their new id.
    """
    bought, troubles = [merge(*pair) for pair in PAIRS], []
    for number, (old, new) in enumerate(PAIRS):
        times = range(HOME + HOUR_MS + number, END, DAY_MS)
        bought += [purchase(old, time) for time in times if time < last]
        bought += [purchase(new, time) for time in times if time >= last and number % 2]
        troubles.append(contact((old, new)[number % 3 == 0], MERGED - DAY_MS + number, reason="billing"))
    profiles = [profile(name) for pair in PAIRS for name in pair]
    lines = {Input.TRANSACTIONS: bought, Input.CONTACTS: troubles, Input.CUSTOMERS: profiles}
    return {source: sorted(many, key=time_of) for source, many in lines.items()}


def part(settings: Settings, lines: Lines, start: int, end: int) -> list[Raw]:
    """Return what happened in [start, end), and a tick at its end."""
    chosen = [(source, line) for source in (Input.CUSTOMERS, *lines) for line in lines[source]]
    records = [raw(settings, source, line) for source, line in chosen if start <= time_of(line) < end]
    return [*records, *ticks(settings, end)]


def is_abroad(pair: tuple[str, str], settings: Settings) -> bool:
    return len({partition_of(one, settings.partitions) for one in pair}) == 2


def test_alerts_are_those_of_a_replay(event_clock: Settings, tmp_path: Path) -> None:
    """Partitions that are less than an hour apart come to the same, though the worker ends in between."""
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    settings = event_clock.model_copy(update={"ruleset_file": rules})
    lines, file = dataset(MERGED), tmp_path / "state.gz"
    with Deployment(settings, tmp_path) as deployment:
        worker = deployment.start_ready()
        send(settings, part(settings, lines, 0, LEFT))
        deployment.when_drained()
        assert run_state(settings, "export", file).exit_code == 0
        deployment.stop(worker)
        worker = deployment.start_ready()
        send(settings, part(settings, lines, LEFT, END))
        deployment.when_drained()
        until(lambda: worker.metric("retention_merged_histories_total", outcome="in_time") == len(PAIRS))
        assert worker.metric("retention_merged_histories_total") == len(PAIRS)
    moves = [decode_move(record.value) for records in held(settings, "moves") for record in records]
    abroad = sorted(old for old, new in PAIRS if is_abroad((old, new), settings))
    assert sorted(one.former for one in moves if one) == abroad
    assert 4 < len(abroad) < len(PAIRS)
    files = tmp_path / "files"
    files.mkdir()
    for source, many in lines.items():
        (files / f"{source}.jsonl").write_bytes(b"".join(line + b"\n" for line in many))
    wanted = replay_directory(files, ruleset=rulesets.load(rules), partitions=settings.partitions)
    found = assert_alerts(settings, wanted.alerts)
    assert {one.customer_id[:3] for one in found} == {"new"}
    assert len(found) > 5


def test_whatever_fails_each_purchase_counts_once(event_clock: Settings, tmp_path: Path) -> None:
    """They go on buying by their old ids while workers are killed: the new ids have it all."""
    lines, rng = dataset(END), Random(1)
    records = part(event_clock, lines, 0, MERGED)
    later = part(event_clock, lines, MERGED, END)
    with Deployment(event_clock, tmp_path) as deployment:
        worker = deployment.start_ready()
        send(event_clock, records)
        deployment.when_drained()
        for at in range(0, len(later), len(later) // 3 + 1):
            before = progress(event_clock)
            send(event_clock, later[at : at + len(later) // 3 + 1])
            deployment.when_it_comes_on(rng.randint(1, 30), since=before)
            deployment.kill(worker)
            worker = deployment.start()
        deployment.when_ready()
        send(event_clock, ticks(event_clock, END + DAY_MS))
        deployment.when_drained()
    moves = [decode_move(record.value) for records in held(event_clock, "moves") for record in records]
    sent = [(one.former, one.hour) for one in moves if one]
    assert len(sent) == len(set(sent)) > 4 * 40
    known: dict[str, CustomerView | None] = {}
    for number in range(event_clock.partitions):
        partition, names = restored(event_clock, number, DEFAULT)
        known |= {name: partition.lookup(name) for name in names}
    for old, new in PAIRS:
        bought = [line for line in lines[Input.TRANSACTIONS] if f'"{old}"'.encode() in line]
        gone, here = known[old], known[new]
        assert gone is not None and here is not None  # noqa: PT018 - two of a kind
        assert (sum(gone.panes.cents), gone.contacts, gone.merged_into) == (0, [], new)
        assert (sum(here.panes.cents), here.merged_from) == (2_000 * (len(bought) - 1), (old,))
        assert len(here.contacts) == 1
