"""What is a letter of an input of ours, and what is left alone."""

from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from schemas.dead_letter import Reason
from streams.core.watermark import Input
from streams.runtime.tools.redrive import Kind, Selection, StoredDeadLetter, dead_letter_of

INPUTS: Final = {f"retention.{source}": source for source in Input}


@dataclass(frozen=True)
class Record:
    """A record of the dead letters."""

    key: bytes | None = b"c-1"
    value: bytes | None = b"value"
    offset: int = 7
    timestamp: int = 0
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)


def dead_letter(
    key: bytes | None = b"c-1", value: bytes | None = b"value", **other: Any
) -> StoredDeadLetter | None:
    """Return the letter of a sound record, in which `other` replaces headers; None leaves one out."""
    headers: dict[str, bytes | None] = {
        "dl_topic": b"retention.contacts",
        "dl_partition": b"3",
        "dl_offset": b"42",
        "dl_timestamp": b"1700000000000",
        "dl_reason": b"schema",
        "dl_detail": b"time: missing",
        "dl_version": b"0.1.0",
        "traceparent": b"\xc2\xa7",
    }
    return dead_letter_of(Record(key, value, headers=list((headers | other).items())), 2, INPUTS, 4)


def test_a_letter_knows_whence_it_came_and_where_it_stands() -> None:
    found = dead_letter()
    assert found is not None
    assert (found.partition, found.offset, found.kind) == (2, 7, Kind(Reason.SCHEMA, Input.CONTACTS))
    assert (found.key, found.value, found.size) == (b"c-1", b"value", 8)


def test_it_goes_where_its_key_belongs_if_anybody_can_tell() -> None:
    found = dead_letter(b"c-3")
    assert found is not None
    assert [found.home(4, one) for one in ("murmur2", "crc32", "fnv1a", "unchecked")] == [3, 2, 2, 3]


def test_without_a_key_it_goes_where_it_was() -> None:
    found = dead_letter(None)
    assert found is not None
    assert found.home(4, "murmur2") == 3


def test_an_erasure_is_a_letter_too() -> None:
    found = dead_letter(value=None)
    assert found is not None
    assert found.value is None


@pytest.mark.parametrize(
    "other",
    [
        {"dl_topic": b"payments"},
        {"dl_topic": None},
        {"dl_reason": b"bad luck"},
        {"dl_partition": b"4"},
        {"dl_partition": b"-1"},
        {"dl_partition": "\u0663".encode()},
        {"dl_partition": b"9" * 5_000},
        {"dl_detail": b"\xff"},
    ],
)
def test_what_its_headers_do_not_make_one_is_none(other: dict[str, bytes | None]) -> None:
    assert dead_letter(**other) is None


def test_what_nobody_could_take_is_none() -> None:
    assert dead_letter(None, None) is None
    assert dead_letter_of(Record(), 0, INPUTS, 4) is None


def test_a_choice_is_of_reasons_and_inputs() -> None:
    assert len(Selection().kinds) == len(Reason) * len(Input)
    some = Selection(reasons=[Reason.SCHEMA], sources=[Input.CONTACTS, Input.CUSTOMERS])
    assert some.kinds == [Kind(Reason.SCHEMA, Input.CONTACTS), Kind(Reason.SCHEMA, Input.CUSTOMERS)]
