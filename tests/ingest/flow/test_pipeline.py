"""What is written for a record: a draft where something is remembered, else events; or one dead letter."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas.dead_letter import Reason
from schemas.partitioner import partition_of
from streams.core.watermark import Input
from streams.ingest.flow.batch import Batch, Output, Verdict
from streams.ingest.flow.limits import Limits
from streams.ingest.flow.memories import Memories
from streams.ingest.flow.pipeline import MOST_LETTER_BYTES, RECENT, Names, Pipeline
from streams.ingest.flow.record import Place, Record
from streams.ingest.formats.decoder import Decoder
from streams.mapping.config import parse
from streams.mapping.mapping import Mapping
from streams.runtime.partition.poison import IN_A_ROW
from tests.ingest import feeds

NAMES = Names("p.", 4)
TOPICS = {"p.shop.orders": "orders", "p.calls": "calls"}
ORDER: dict[str, Any] = {
    "id": "o-1",
    "customer": "c-1",
    "created_at": "2026-03-01T12:00:00Z",
    "updated_at": "2026-03-01T12:00:00Z",
    "total": "10.00",
}
CALL = {"call": "k-1", "caller": "c-1", "at": "2026-03-02T12:00:00Z", "result": "open"}


def pipeline(names: Names = NAMES) -> Pipeline:
    text = feeds.MAPPING.format(prefix="p.").replace('format = "avro"', "")
    config = parse(text, folder=Path(), name="t")
    decoders = {name: Decoder(source, None) for name, source in config.sources.items()}
    return Pipeline(Mapping(config, "USD"), TOPICS, decoders, names, Memories())


def record(topic: str, value: object, offset: int = 7, **more: Any) -> Record:
    raw = value if isinstance(value, bytes | None) else json.dumps(value).encode()
    return Record(f"p.{topic}", 1, offset, 1_700_000_000_000, b"key", raw, **more)


def took(one: Pipeline, *records: Record) -> Batch:
    batch = Batch()
    for each in records:
        one.process(one.prepare(each), batch)
    return batch


def back(outputs: list[Output]) -> list[Record]:
    """Return drafts as they are read again."""
    return [
        Record(one.topic, one.partition, at, 0, one.key, one.value)
        for at, one in enumerate(outputs)
        if one.is_draft
    ]


def test_an_event_of_a_rule_without_memory_goes_out_at_once() -> None:
    batch = took(pipeline(), record("calls", CALL))
    (event,) = batch.outputs
    assert (event.topic, event.key) == ("p.contacts", b"c-1")
    assert event.partition == partition_of("c-1", 4)
    assert dict(event.headers or ()) == {
        "ce_specversion": "1.0",
        "ce_id": "k-1/1",
        "ce_source": "phone",
        "ce_type": "contact",
        "ce_time": "2026-03-02T12:00:00.000Z",
        "ce_subject": "c-1",
    }
    assert batch.positions == {Place("p.calls", 1): 8}
    assert batch.events == {("calls", Input.CONTACTS): 1}
    assert batch.verdicts == [Verdict("calls", poison=False)]


def test_what_is_followed_goes_through_the_drafts_and_is_remembered_with_its_batch() -> None:
    one = pipeline()
    changed = ORDER | {"total": "12.00", "updated_at": "2026-03-02T12:00:00Z"}
    batch = took(one, record("shop.orders", ORDER), record("shop.orders", changed, 8))
    assert {(draft.topic, draft.key, draft.is_draft) for draft in batch.outputs} == {
        ("p.ingest.drafts", b"o-1", True)
    }
    first, second = back(batch.outputs)
    assert first.partition == second.partition == partition_of("o-1", 4)
    one.memories.undo()
    purchase = took(one, first)
    assert purchase.events == {("orders", Input.TRANSACTIONS): 1}
    assert purchase.read == {}
    kept = list(one.memory_outputs())
    assert [(memory.topic, memory.partition) for memory in kept] == [("p.ingest.memory", first.partition)]
    one.memories.undo()
    again = took(one, first)
    assert again.outputs == purchase.outputs
    one.memories.commit()
    (correction,) = took(one, second).outputs
    assert json.loads(correction.value or b"")["kind"] == "correction"
    assert len(one.memories) == 1
    one.memories.forget(first.partition)
    assert len(one.memories) == 0


def test_what_can_not_be_mapped_is_one_dead_letter_with_its_own_headers() -> None:
    one, headers = pipeline(), (("ce_other", b"x"), ("dl_reason", b"old"))
    batch = took(
        one,
        record("calls", b"{", headers=headers),
        record("calls", CALL | {"result": "new", "at": "?"}),
        record("calls", None),
        record("ingest.drafts", b"{}"),
        record("ingest.drafts", b'["gone/rule","k",1,{},null,false]'),
    )
    told = [dict(letter.headers or ()) for letter in batch.outputs]
    assert [letter.topic for letter in batch.outputs] == ["p.ingest.dead-letters"] * 4
    assert [letter.key for letter in batch.outputs] == [b"key"] * 4
    assert told[0] == {
        "ce_other": b"x",
        "dl_topic": "p.calls",
        "dl_partition": "1",
        "dl_offset": "7",
        "dl_timestamp": "1700000000000",
        "dl_reason": "not_json",
        "dl_detail": "calls: no JSON",
        "dl_version": told[0]["dl_version"],
    }
    assert [each["dl_reason"] for each in told[1:]] == ["schema", "internal", "internal"]
    assert batch.refused == {
        ("calls", Reason.NOT_JSON): 1,
        ("calls", Reason.SCHEMA): 1,
        ("drafts", Reason.INTERNAL): 2,
    }
    assert batch.skipped == {("calls", "calls", "tombstone"): 1}


def test_a_bug_is_a_dead_letter_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one = pipeline()

    def fails(*_: object) -> None:
        raise ZeroDivisionError("c-1")

    monkeypatch.setattr(Mapping, "finish", fails)
    (letter,) = took(one, record("calls", CALL)).outputs
    monkeypatch.setattr(Mapping, "map", fails)
    (other,) = took(one, record("calls", CALL)).outputs
    for each in (letter, other):
        headers = dict(each.headers or ())
        assert (headers["dl_reason"], each.topic) == ("internal", NAMES.dead_letters)
        assert headers["dl_detail"] == "calls: ZeroDivisionError in the mapping"
    monkeypatch.setattr(Decoder, "decode", fails)
    (unread,) = took(one, record("calls", CALL)).outputs
    assert dict(unread.headers or ())["dl_detail"] == "calls: ZeroDivisionError in reading it"
    assert one.read(record("calls", CALL)) == "ZeroDivisionError in reading it"


def test_a_dead_letter_that_is_too_large_goes_without_its_value() -> None:
    (letter,) = took(pipeline(), record("calls", b"{" * (MOST_LETTER_BYTES + 1))).outputs
    assert letter.value is None
    assert str(dict(letter.headers or ())["dl_detail"]).startswith("the value is left out, it is too large; ")


def test_a_dead_letter_is_never_larger_than_its_topic_takes() -> None:
    half = b"x" * (MOST_LETTER_BYTES // 2 + 1)
    headers = (("x", half),)
    wide, wider = (
        took(pipeline(), replace(record("calls", b"{", headers=headers), key=key, value=half)).outputs[0]
        for key in (b"key", half)
    )
    assert (wide.key, wide.value, dict(wide.headers or ())["x"]) == (b"key", None, half)
    assert (wider.key, wider.value, "x" in dict(wider.headers or ())) == (None, None, False)
    assert str(dict(wider.headers or ())["dl_detail"]).startswith("key, value and headers are left out, ")


def test_dead_letters_may_have_other_partitions() -> None:
    fewer = pipeline(Names("p.", 4, letters=1))
    assert [one.partition for one in took(fewer, record("calls", b"{")).outputs] == [0]


def test_a_dead_letter_without_its_value_stays_one() -> None:
    one = pipeline()
    (letter,) = took(one, record("calls", b"{" * (MOST_LETTER_BYTES + 1))).outputs
    headers = tuple((name, str(text).encode()) for name, text in letter.headers or ())
    batch = took(one, Record(letter.topic, 2, 5, 0, letter.key, None, headers))
    assert batch.refused == {("calls", Reason.TOO_LARGE): 1}
    assert not batch.skipped


def test_a_dead_letter_is_mapped_again_as_what_it_was() -> None:
    one = pipeline()
    letters = took(one, record("calls", b"{", headers=(("ce_other", b"x"),)))
    (letter,) = letters.outputs
    headers = tuple(
        (name, text.encode() if isinstance(text, str) else text or b"") for name, text in letter.headers or ()
    )
    wrong = Record(letter.topic, 2, 5, 0, letter.key, letter.value, headers)
    (same,) = took(one, wrong).outputs
    assert (same.value, same.headers) == (letter.value, letter.headers)
    right = Record(letter.topic, 2, 5, 0, letter.key, json.dumps(CALL).encode(), headers)
    batch = took(one, right)
    assert [event.topic for event in batch.outputs] == ["p.contacts"]
    assert batch.positions == {Place("p.ingest.dead-letters", 2): 6}
    foreign = Record(letter.topic, 2, 5, 0, None, b"", (("dl_topic", b"other"),))
    assert took(one, foreign).outputs == []


def test_a_draft_that_was_a_dead_letter_goes_through_the_drafts_again() -> None:
    one = pipeline()
    (draft,) = back(took(one, record("shop.orders", ORDER)).outputs)
    told = {"topic": draft.topic, "partition": "0", "offset": "1", "timestamp": "0", "reason": "internal"}
    headers = tuple((f"dl_{name}", text.encode()) for name, text in told.items())
    headers += (("dl_detail", b""), ("dl_version", b"1"))
    letter = Record(NAMES.dead_letters, 0, 3, 0, draft.key, draft.value, headers)
    (again,) = took(one, letter).outputs
    assert (again.topic, again.key, again.value) == (draft.topic, draft.key, draft.value)


def test_old_memories_go_and_a_wrong_clock_does_not_make_others_go() -> None:
    one = pipeline()

    def ordered(number: int, day: int, appended: int) -> Batch:
        time = f"2026-{1 + day // 28:02}-{1 + day % 28:02}T12:00:00Z"
        order = ORDER | {"id": f"o-{number}", "created_at": time, "updated_at": time}
        (draft,) = back(took(one, record("shop.orders", order)).outputs)
        batch = took(one, Record(draft.topic, 0, number, appended, draft.key, draft.value))
        one.memories.commit()
        return batch

    day_ms, start = 86_400_000, 1_767_225_600_000
    late = start + 300 * day_ms
    ordered(1, 0, start)
    ordered(2, 280, start + day_ms)  # it says so, but it was appended long before
    for number in range(3, 3 + RECENT):
        ordered(number, 1, late)
    ordered(3 + RECENT, 280, late)  # a wrong clock, among records that are read long after they were written
    assert len(one.memories) == 3 + RECENT
    for _ in range(RECENT):
        ordered(3 + RECENT, 281, late)
    assert len(one.memories) == 2  # that of day 280 too; all others are older than 120 days


def test_the_limit_is_one_of_each_source() -> None:
    limits = Limits()
    bad, good = Verdict("a", poison=True), Verdict("b", poison=False)
    assert limits.note([bad, good] * (IN_A_ROW - 1)) is None
    exceeded = limits.note([good, bad])
    assert exceeded is not None
    assert exceeded.source == "a"


def test_the_key_the_time_and_the_headers_of_a_record_are_known_to_the_mapping() -> None:
    one = Record("t", 1, 2, 3, b"\xff", b"", (("a", b"x"), ("b", b"\xff")))
    assert (one.meta.key, one.meta.time, one.meta.headers) == (None, 3, {"a": "x"})
