"""A session over a group and a broker that are played: what `--redrive` reads, and when it is done."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from streams.ingest import session as module
from streams.ingest.flow.batch import Output
from streams.ingest.flow.limits import Limits
from streams.ingest.flow.memories import Memories
from streams.ingest.flow.pipeline import Names, Pipeline
from streams.ingest.flow.record import Place, Record
from streams.ingest.formats.decoder import Decoder
from streams.ingest.kafka.records import Fetched
from streams.ingest.session import Session
from streams.mapping.config import parse
from streams.mapping.mapping import Mapping as RecordMapping
from streams.runtime.telemetry.ingest_metrics import IngestMetrics
from streams.settings import Settings
from tests.ingest import feeds

NAMES = Names("p.", 4)
ZERO, ONE = Place(NAMES.dead_letters, 0), Place(NAMES.dead_letters, 1)
TOLD = {
    "topic": "p.calls",
    "partition": "0",
    "offset": "7",
    "timestamp": "0",
    "reason": "schema",
    "detail": "",
    "version": "1",
}
HEADERS = tuple((f"dl_{name}", text.encode()) for name, text in TOLD.items())


class FakeMember:
    """Gives what a test lays out, and the partitions that it says."""

    answers = True

    def __init__(self, _settings: object, _group: str, assigned: Any) -> None:
        self.assigned = assigned
        self.fetched: list[Fetched] = []

    def fetch(self, _seconds: float) -> Fetched:
        """Return what is next."""
        return self.fetched.pop(0) if self.fetched else Fetched()

    def group(self) -> object:
        """Return some proof."""
        return "proof"

    def end(self, _place: Place) -> int | None:
        """Return that it is not known."""
        return None

    def hold(self, *_: object) -> None:
        """Hold nothing back."""


class FakeTransactions:
    """Takes everything."""

    def __init__(self, _settings: object) -> None:
        self.positions: dict[Place, int] = {}
        self.written: list[Output] = []

    def commit(
        self, outputs: list[Output], positions: Mapping[Place, int], _group: object
    ) -> dict[Place, int]:
        """Note how far it is read."""
        self.positions |= positions
        self.written += outputs
        return {}


@pytest.fixture(autouse=True)
def _played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Member", FakeMember)
    monkeypatch.setattr(module, "Transactions", FakeTransactions)


def letters(place: Place, offsets: Collection[int], value: bytes = b"{}") -> Fetched:
    return Fetched({place: [Record(*place, at, 0, b"k", value, HEADERS) for at in offsets]})


def redriving(until: Mapping[Place, int], *owned: Place) -> tuple[Session, FakeMember, FakeTransactions]:
    text = feeds.MAPPING.format(prefix="p.").replace('format = "avro"', "")
    config = parse(text, folder=Path(), name="t")
    decoders = {name: Decoder(source, None) for name, source in config.sources.items()}
    mapping = RecordMapping(config, "USD")
    pipeline = Pipeline(mapping, {"p.calls": "calls"}, decoders, NAMES, Memories())
    settings = Settings()
    one = Session(settings, [NAMES.dead_letters], pipeline, Limits(), IngestMetrics(), until=until)
    member: Any = one._member
    transactions: Any = one._transactions
    member.assigned(owned, ())
    return one, member, transactions


def turned(one: Session, member: FakeMember, *fetched: Fetched) -> None:
    member.fetched += fetched
    for _ in range(len(fetched) + 2):
        one.turn()
    one.finish()


def test_letters_that_come_while_old_ones_are_mapped_again_are_left_for_the_next_time() -> None:
    one, member, transactions = redriving({ZERO: 2, ONE: 2}, ZERO, ONE)
    assert not one.done
    turned(one, member, letters(ZERO, [0, 1]), letters(ZERO, [2, 3]), Fetched(ends={ZERO: 4}))
    assert not one.done, "the other partition is still to be read"
    turned(one, member, letters(ONE, [0, 1, 2]))
    assert one.done
    assert transactions.positions == {ZERO: 2, ONE: 2}


def test_a_partition_that_went_and_came_back_is_read_before_it_is_done() -> None:
    one, member, transactions = redriving({ZERO: 1}, ZERO)
    member.fetched.append(letters(ZERO, [0]))
    one._fetch()
    member.assigned((), [ZERO])
    assert not one.done
    member.assigned([ZERO], ())
    assert not one.done
    turned(one, member, letters(ZERO, [0]))
    assert one.done
    assert transactions.positions == {ZERO: 1}


def test_of_two_processes_each_is_done_with_its_own_share() -> None:
    one, member, _ = redriving({ZERO: 1, ONE: 1}, ZERO)
    turned(one, member, letters(ZERO, [0]))
    assert one.done
    idle, _, _ = redriving({ZERO: 1, ONE: 1})
    assert not idle.done, "what the others leave undone comes to it"
    assert redriving({ZERO: 0, ONE: 0})[0].done


def test_what_is_mapped_again_is_written() -> None:
    call = {"call": "k-1", "caller": "c-1", "at": "2026-03-02T12:00:00Z", "result": "open"}
    one, member, transactions = redriving({ZERO: 1}, ZERO)
    turned(one, member, letters(ZERO, [0], json.dumps(call).encode()))
    assert [output.topic for output in transactions.written] == ["p.contacts"]
