"""What only the log can tell of a record: its key, its partition, and that it has no value."""

import json
from typing import Any

import pytest
from msgspec import structs

from schemas.dead_letter import Reason
from schemas.events import Erasure, Merge, Refusal, SignOfLife, Tick, Transaction
from schemas.partitioner import Partitioner, partition_of
from schemas.times import format_ms
from streams.core.customer.customer_codec import EMPTY
from streams.core.customer.moves import Move
from streams.core.spend.signs_of_life import sign_of_life
from streams.core.time import HOUR_MS
from streams.core.watermark import GIVEN, Input
from streams.runtime.partition.decode import RecordDecoder
from streams.runtime.ports import RawRecord
from tests.runtime.lines import purchase, tick

TIME = 1_700_000_000_000
HERE, ELSEWHERE = partition_of("a", 4), (partition_of("a", 4) + 1) % 4


def decoded(
    value: bytes | None,
    key: bytes | None,
    *,
    source: Input = Input.TRANSACTIONS,
    partition: int = HERE,
    known: bool = False,
) -> object:
    decode = RecordDecoder("USD", partition, 4)
    return decode(source, RawRecord(0, TIME, key, value), lambda _: known)


def test_an_event_under_its_key_in_its_partition() -> None:
    event = decoded(purchase("a", TIME), b"a")
    assert isinstance(event, Transaction)
    assert event.customer_id == "a"


@pytest.mark.parametrize("key", [None, b"", b"b", b"A", b"\xff", b"a "])
def test_another_key(key: bytes | None) -> None:
    assert decoded(purchase("a", TIME), key) == Refusal(Reason.KEY_MISMATCH, "key: not the customer_id")


def test_another_partition() -> None:
    found = decoded(purchase("a", TIME), b"a", partition=ELSEWHERE)
    assert found == Refusal(Reason.WRONG_PARTITION, "key: belongs to another partition")


def test_a_customer_who_is_known_here_belongs_here() -> None:
    assert isinstance(decoded(purchase("a", TIME), b"a", partition=ELSEWHERE, known=True), Transaction)


@pytest.mark.parametrize("partitioner", ["crc32", "fnv1a"])
def test_the_partition_of_another_partitioner(partitioner: Partitioner) -> None:
    found = {
        number: RecordDecoder("USD", number, 4, partitioner=partitioner)(
            Input.TRANSACTIONS, RawRecord(0, TIME, b"a", purchase("a", TIME)), lambda _: False
        )
        for number in range(4)
    }
    wrong = Refusal(Reason.WRONG_PARTITION, "key: belongs to another partition")
    assert isinstance(found.pop(partition_of("a", 4, partitioner)), Transaction)
    assert list(found.values()) == [wrong] * 3


def test_unchecked_every_partition_is_right_but_for_a_merge_into_somebody_unknown() -> None:
    decode = RecordDecoder("USD", ELSEWHERE, 4, partitioner="unchecked")
    merge = {"type": "customer_merged", "event_id": "m", "customer_id": "a", "source": "crm"}
    merged = json.dumps(merge | {"time": format_ms(TIME), "merged_into": "b"}).encode()
    bought = RawRecord(0, TIME, b"a", purchase("a", TIME))
    assert isinstance(decode(Input.TRANSACTIONS, bought, lambda _: False), Transaction)
    unreadable = decode(Input.TRANSACTIONS, RawRecord(0, TIME, b"a", unread()), lambda _: False)
    assert isinstance(unreadable, Refusal)
    assert unreadable.customer_id == "a"
    both = decode(Input.TRANSACTIONS, RawRecord(0, TIME, b"a", merged), lambda one: one == "b")
    assert isinstance(both, Merge)
    alone = decode(Input.TRANSACTIONS, RawRecord(0, TIME, b"a", merged), lambda _: False)
    assert isinstance(alone, Refusal)
    assert alone.reason is Reason.WRONG_PARTITION


def test_unknown_fields_are_noted_until_asked_or_refused() -> None:
    value = purchase("a", TIME)[:-1] + b',"tier":1,"team":2}'
    raw = RawRecord(0, TIME, b"a", value)
    strict = RecordDecoder("USD", HERE, 4, strict_fields=True)
    assert isinstance(strict(Input.TRANSACTIONS, raw, lambda _: False), Refusal)
    assert strict.noted() == []
    decode = RecordDecoder("USD", HERE, 4)
    assert decode(Input.TRANSACTIONS, raw, lambda _: False) == decoded(purchase("a", TIME), b"a")
    assert [(one.value, set(one.names)) for one in decode.noted()] == [(value, {"tier", "team"})]
    assert decode.noted() == []


@pytest.mark.parametrize("partition", range(4))
def test_a_tick_has_no_key_and_belongs_everywhere(partition: int) -> None:
    assert decoded(tick(TIME), None, partition=partition) == Tick("pulse", TIME)
    found = decoded(tick(TIME), b"pulse", partition=partition)
    assert found == Refusal(Reason.KEY_MISMATCH, "key: null for a tick")


@pytest.mark.parametrize("source", [one for one in GIVEN if one is not Input.CUSTOMERS])
def test_no_value_is_refused_but_of_customers(source: Input) -> None:
    assert decoded(None, b"a", source=source) == Refusal(Reason.SCHEMA, "value: required")


def test_no_value_erases_a_customer() -> None:
    assert decoded(None, "ä".encode(), source=Input.CUSTOMERS) == Erasure("ä")


@pytest.mark.parametrize("key", [None, b"", b"\xff"])
def test_an_erasure_needs_a_key(key: bytes | None) -> None:
    found = decoded(None, key, source=Input.CUSTOMERS)
    assert found == Refusal(Reason.KEY_MISMATCH, "key: required, a customer_id in UTF-8")


def test_what_the_contract_refuses_is_refused_whatever_the_key() -> None:
    found = decoded(b"\xff", b"a")
    assert isinstance(found, Refusal)
    assert found.reason is Reason.NOT_JSON


def history(**changes: Any) -> bytes:
    """Return the history of a customer of whom nothing is known, on its way to `a`."""
    move = Move("a", "b", TIME, "m1", TIME // HOUR_MS, bytes(EMPTY), [])
    return structs.replace(move, **changes).encode()


def test_a_history_under_the_key_of_the_id_that_goes_on() -> None:
    found = decoded(history(), b"a", source=Input.MOVES)
    assert isinstance(found, Move)
    assert (found.customer_id, found.former) == ("a", "b")
    other = decoded(history(), b"b", source=Input.MOVES)
    assert other == Refusal(Reason.KEY_MISMATCH, "key: not the customer_id")


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"?",
        purchase("a", TIME),
        history(record=b""),
        history(record=bytes(EMPTY)[:-1]),
        history(record=b"\xff" + bytes(EMPTY)[1:]),
        history(rules={"nothing": "known"}),
        history()[:-1],
    ],
)
def test_what_no_worker_wrote_is_no_history(value: bytes) -> None:
    """Not even in part: it would be unpacked only when its time has come."""
    found = decoded(value, b"a", source=Input.MOVES)
    assert found == Refusal(Reason.SCHEMA, "value: not a history that a worker wrote")


def unread(customer_id: str = "a") -> bytes:
    """Return a purchase in a currency without a rate."""
    return purchase(customer_id, TIME).replace(b"USD", b"EUR")


def test_a_refused_purchase_tells_who_bought_and_when() -> None:
    found = decoded(unread(), b"a")
    assert isinstance(found, Refusal)
    assert (found.reason, found.customer_id, found.time) == (Reason.CURRENCY, "a", TIME)
    assert sign_of_life(found) == SignOfLife("a", TIME)


@pytest.mark.parametrize("key", [None, b"", b"b", b"\xff"])
def test_under_another_key_a_refused_purchase_tells_nothing(key: bytes | None) -> None:
    """Whoever wrote it, nobody else is kept from an alert by it; why it is refused stays."""
    found = decoded(unread(), key)
    assert isinstance(found, Refusal)
    assert found.reason is Reason.CURRENCY
    assert sign_of_life(found) is None


def test_in_another_partition_a_refused_purchase_tells_nothing() -> None:
    found = decoded(unread(), b"a", partition=ELSEWHERE)
    assert isinstance(found, Refusal)
    assert found.reason is Reason.CURRENCY
    assert sign_of_life(found) is None
