"""The compiled decoder against the reference: what it takes it reads alike, and it takes what is plain."""

import gc
import weakref
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any, Final, get_args

import pytest
from hypothesis import given, settings

from schemas.common import MAX_BYTES
from schemas.events import Refusal, Transaction
from schemas.partitioner import UNCHECKED, Partitioner, partition_of
from streams.core.customer.customer_codec import MOST_CENTS
from streams.core.customer.event_ids import EventIds
from streams.core.watermark import NEVER, Input
from streams.runtime.partition.decode import RecordDecoder
from streams.runtime.ports import LogRecord, RawRecord
from tests.compiled import bare_store, record_of, row_of
from tests.schemas.damage import damaged, with_unknown
from tests.schemas.lines import PURCHASE, REFUND, Message, spell
from tests.schemas.messages import messages

pytestmark = pytest.mark.usefixtures("compiled")

TX: Final = Input.TRANSACTIONS
PARTITIONERS: Final[tuple[Partitioner, ...]] = get_args(Partitioner)
IDS: Final = EventIds()


def nobody(_customer_id: str) -> bool:
    return False


def verdict(decode: RecordDecoder, raw: LogRecord) -> str:
    """Return what becomes of a record, once what the compiled decoder takes is seen to be read alike."""
    expected = decode(TX, raw, nobody)
    decode.noted()
    run = decode.run(TX, [raw], 0)
    if run is None:
        return "refused" if isinstance(expected, Refusal) else "doubted"
    assert isinstance(expected, Transaction), (raw, expected)
    assert expected.kind == "purchase", raw
    assert repr(run.event(0)) == repr(expected), raw
    assert decode.noted() == [], raw
    assert run.when(0) == raw.timestamp
    assert run.sampled(0, 16) == [(0, expected.source, raw.timestamp, expected.time)], raw
    key = IDS.key(expected.source, expected.event_id)
    row = (expected.customer_id, expected.source, expected.time, expected.cents, key)
    assert row_of(run) == (row if expected.cents <= MOST_CENTS else None), raw
    return "taken"


def of(message: Mapping[str, Any], **changes: object) -> str:
    """Return what becomes of a message with some fields changed, under the key of its customer."""
    changed = {**message, **changes}
    return verdict(RecordDecoder("USD", 0, 1), record_of(spell(changed), key_of(changed)))


def key_of(message: Mapping[str, Any]) -> str:
    """Return the customer of a message, or something else if it is no text."""
    customer_id = message["customer_id"]
    return customer_id if isinstance(customer_id, str) else "?"


# Damage


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_damaged_purchases_are_read_alike_or_doubted(seed: int) -> None:
    rng, decode, tally = Random(seed), RecordDecoder("USD", 0, 1), Counter[str]()
    for number in range(6_000):
        value = damaged(rng, rng.choice((PURCHASE, PURCHASE, PURCHASE, REFUND)))
        value = with_unknown(rng, value) if number % 4 == 0 else value
        try:
            tally[verdict(decode, record_of(value, PURCHASE["customer_id"]))] += 1
        except AssertionError:
            print(f"seed {seed}, case {number}")
            raise
    assert min(tally["taken"], tally["doubted"], tally["refused"]) > 600, tally


@pytest.mark.slow
def test_generated_purchases_are_read_alike_or_doubted() -> None:
    decode, tally = RecordDecoder("USD", 0, 1, partitioner=UNCHECKED), Counter[str]()

    @settings(max_examples=500, derandomize=True, database=None, deadline=None)
    @given(messages("transaction"))
    def alike(message: Message) -> None:
        alone = dict.fromkeys(("exchange_rate", "previous_amount", "corrects"))
        changed = {**message, **alone, "kind": "purchase", "currency": "USD"}
        tally[verdict(decode, record_of(spell(changed), key_of(changed)))] += 1

    alike()
    assert tally["taken"] > 50, tally
    # What the reference takes and this does not: a purchase with an original time.
    assert tally["doubted"] < tally["taken"], tally


def test_bytes_that_are_changed_one_by_one() -> None:
    whole, decode = spell(PURCHASE), RecordDecoder("USD", 0, 1)
    tally: Counter[str] = Counter()
    for at in range(len(whole)):
        for new in (b"", b'"', b"\\", b"\xff", b"\x00", b"\x1f", b" ", b"0", b"}", b"\xc3", b"\xed\xa0\x80"):
            value = whole[:at] + new + whole[at + 1 :]
            tally[verdict(decode, record_of(value, PURCHASE["customer_id"]))] += 1
        tally[verdict(decode, record_of(whole[:at], PURCHASE["customer_id"]))] += 1
    assert tally["taken"] > 50, tally


# What is plain


FRACTIONS: Final = ("", ".0", ".482", ".4829", ".482999999", ".000000001", ".999999999")
OFFSETS: Final = ("Z", "z", "+00:00", "-00:00", "+05:30", "-23:59", "+23:59", "+0100", "-0930", "+01", "-00")


@pytest.mark.parametrize("between", ["T", "t", " "])
@pytest.mark.parametrize("day", ["2000-01-01", "2024-02-29", "2023-12-31", "2400-02-29", "9999-12-31"])
def test_every_form_of_a_time_is_taken(day: str, between: str) -> None:
    clocks = [clock + one for clock in ("00:00:00", "23:59:59") for one in FRACTIONS] + ["00:00", "23:59"]
    for clock in clocks:
        for offset in OFFSETS:
            assert of(PURCHASE, time=day + between + clock + offset) == "taken"


@pytest.mark.parametrize("day", ["1999-12-31", "2100-02-29", "2023-02-29", "2024-04-31", "2024-00-10"])
def test_no_such_day(day: str) -> None:
    assert of(PURCHASE, time=f"{day}T12:00:00Z") == "refused"


@pytest.mark.parametrize(
    "clock",
    [
        *("24:00:00Z", "12:60:00Z", "12:00:60Z", "12:00:00", "12:00", "12Z", "12:00:00.Z", "12:00:00,5Z"),
        *("12:00:00.1234567890Z", "12:00:00+24:00", "12:00:00+00:60", "12:00:00+1", "12:00:00+001"),
        *("12:00:00 Z", "12:00:00UTC", "12:00:00ZZ", "12:00:00+01:0", "12:00:00+0:100", "12.00.00Z", ""),
        *("12:00:0\u0665Z", "12:00:00\u22120100", "1\u0662:00Z", "12:00:00\u00b2", "1", "12:00:", ":"),
    ],
)
def test_no_such_time_of_day(clock: str) -> None:
    assert of(PURCHASE, time=f"2024-03-05T{clock}") == "refused"


@pytest.mark.parametrize(
    ("amount", "becomes"),
    [
        *((one, "taken") for one in ("0", "0.00", "000000000007", "0.005", "0.015", "0.004999", "0.005001")),
        *((one, "taken") for one in ("2.675", "21474836.47", "21474836.475", "21474836.48", "999999999999")),
        *((one, "taken") for one in ("999999999999.994999", "999999999999.995", "999999999999.999999")),
        *((one, "refused") for one in ("1.", ".5", "", "1e3", "-1", "+1", " 1", "1 ", "1\n", "1,5", "1.5.5")),
        *((one, "refused") for one in ("1.1234567", "1234567890123", "\u0661", "1.\u0662", "NaN", "0x1")),
        *(("12", "taken"), (12, "refused"), (12.0, "refused"), (None, "refused"), ([], "refused")),
    ],
)
def test_amounts(amount: object, becomes: str) -> None:
    """Half-even at every place; what is too large for an entry is left to the reference by the loop."""
    assert of(PURCHASE, amount=amount) == becomes


@pytest.mark.parametrize(
    ("name", "becomes"),
    [
        *((letter * 128, "taken") for letter in ("x", "\u00e9", "\U0001f600", "\u0000", '"', "\\")),
        *((letter * 129, "refused") for letter in ("x", "\u00e9", "\U0001f600")),
        *((" ", "taken"), ("/\n\t", "taken"), ("", "refused"), (5, "refused"), (None, "refused")),
    ],
    ids=ascii,
)
@pytest.mark.parametrize("field", ["customer_id", "event_id", "source"])
def test_ids(field: str, name: object, becomes: str) -> None:
    assert of(PURCHASE, **{field: name}) == becomes


@pytest.mark.parametrize("field", ["order_id", "channel", "category"])
def test_fields_that_mean_nothing(field: str) -> None:
    for value in ("", "x" * 1000, "\u0000", None):
        assert of(PURCHASE, **{field: value}) == "taken"
    for wrong in (5, True):
        assert of(PURCHASE, **{field: wrong}) == "refused"
    assert of(PURCHASE, **{field: []}) == "refused"


@pytest.mark.parametrize("field", ["exchange_rate", "original_time", "previous_amount", "corrects"])
def test_null_is_as_if_it_were_not_there(field: str) -> None:
    assert of(PURCHASE, **{field: None}) == "taken"
    assert of(PURCHASE, **{field: []}) == "refused"


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        *((None, "taken"), ({}, "taken"), ({"a": "b"}, "taken"), ({"": "\u0000"}, "taken")),
        *(([], "refused"), ("", "refused"), (5, "refused"), ({"a": 1}, "refused"), ({"a": None}, "refused")),
    ],
)
def test_attributes(value: object, becomes: str) -> None:
    assert of(PURCHASE, attributes=value) == becomes


@pytest.mark.parametrize(
    ("old", "new", "becomes"),
    [
        (b'"attributes":{}', b'"attributes":{"a":"b","a":"c"}', "taken"),
        (b'"type"', b'"t\\u0079pe"', "taken"),
        (b'"purchase"', b'"purch\\u0061se"', "taken"),
        (b"{", b" \t\r\n{ ", "taken"),
        (b"}}", b"}} \n", "taken"),
        (b"{", b"\xef\xbb\xbf{", "doubted"),
        (b"{", b'{"amount":"1",', "doubted"),
        (b"{", b'{"surprise":1,', "doubted"),
        (b"{", b'{"attributes":{"\\ud800":"b"},', "refused"),
        (b'"attributes":{}', b'"category":"\\ud800"', "refused"),
        (b'"attributes":{}', b'"category":"\xff"', "refused"),
        (b'"attributes":{}', b'"category":"\n"', "refused"),
        (b'"attributes":{}', b'"attributes":' + b"[" * 300, "refused"),
        (b"}}", b"}}}", "refused"),
        (b"}}", b"}},", "refused"),
        (b"}}", b"}}\x00", "refused"),
        (b"}}", b"}", "refused"),
        (b"{", b"[{", "refused"),
    ],
)
def test_spellings(old: bytes, new: bytes, becomes: str) -> None:
    value = spell({**PURCHASE, "attributes": {}}).replace(old, new, 1)
    assert verdict(RecordDecoder("USD", 0, 1), record_of(value, PURCHASE["customer_id"])) == becomes


@pytest.mark.parametrize(("missing", "becomes"), [(0, "taken"), (1, "refused")])
def test_the_largest_message(missing: int, becomes: str) -> None:
    value = spell(PURCHASE)
    padded = value + b" " * (MAX_BYTES - len(value) + missing)
    assert verdict(RecordDecoder("USD", 0, 1), record_of(padded, PURCHASE["customer_id"])) == becomes


def test_more_than_19_in_20_purchases_of_a_feed_are_in_runs() -> None:
    """Of any of the forms, in any order of the fields, with optional ones."""
    rng, records = Random(0), list[LogRecord]()
    for number in range(3_000):
        zone, between = rng.choice(OFFSETS), rng.choice("Tt ")
        second = f"{rng.randint(0, 23):02}:00:00{rng.choice(FRACTIONS)}"
        time = f"2024-03-{rng.randint(1, 28):02}{between}{second}{zone}"
        customer = rng.choice(("c-", "\u00e9")) + str(rng.randrange(500))
        message = {**PURCHASE, "event_id": str(number), "customer_id": customer, "time": time}
        message |= {"source": f"till {rng.randrange(12)}", "amount": f"{rng.uniform(0, 500):.2f}"}
        message |= rng.choice(({}, {"channel": "store"}, {"attributes": {"a": "b"}}, {"order_id": None}))
        names = list(message)
        rng.shuffle(names)
        value = spell({name: message[name] for name in names})
        records.append(record_of(b"?" if rng.random() < 0.01 else value, customer, at=number))
    decode, at, taken = RecordDecoder("USD", 0, 1), 0, 0
    while at < len(records):
        run = decode.run(TX, records, at)
        for row in range(0 if run is None else len(run)):
            assert run is not None
            assert run.event(row) == decode(TX, records[at + row], nobody)
        taken += 0 if run is None else len(run)
        at += 1 if run is None else len(run)
    assert taken > 0.95 * len(records)


# What the log tells


@pytest.mark.parametrize("partitioner", PARTITIONERS)
def test_only_those_of_the_own_partition_are_taken(partitioner: Partitioner) -> None:
    decoders = [RecordDecoder("USD", number, 7, partitioner=partitioner) for number in range(7)]
    customers = ["", "a", "\u00e9", "\u0000", *("x" * size for size in range(2, 12)), "\U0001f600" * 5]
    for customer in [*customers[1:], *(f"c-{number}" for number in range(200))]:
        raw = record_of(spell({**PURCHASE, "customer_id": customer}), customer)
        found = [number for number, decode in enumerate(decoders) if verdict(decode, raw) == "taken"]
        everywhere = partitioner == UNCHECKED
        assert found == (list(range(7)) if everywhere else [partition_of(customer, 7, partitioner)])


@pytest.mark.parametrize("key", [None, "", "b", "C-C4n4ry", "c-C4n4ry "])
def test_another_key_is_not_taken(key: str | None) -> None:
    assert verdict(RecordDecoder("USD", 0, 1), record_of(spell(PURCHASE), key)) == "refused"


def test_what_has_no_value_is_not_taken() -> None:
    decode = RecordDecoder("USD", 0, 1)
    assert decode.run(TX, [RawRecord(0, 0, b"a", None)], 0) is None
    record = record_of(spell(PURCHASE), PURCHASE["customer_id"])
    for source in Input:
        assert (decode.run(source, [record], 0) is None) is (source is not TX)


def test_a_run_ends_where_something_else_begins() -> None:
    """And after the sixteenth source, and after a thousand: the next one goes on from there."""
    plain = [record_of(spell({**PURCHASE, "event_id": str(at)}), "c-C4n4ry", at=at) for at in range(1_100)]
    decode = RecordDecoder("USD", 0, 1)
    run = decode.run(TX, [*plain[:5], record_of(b"?", "a"), *plain], 0)
    assert run is not None
    assert len(run) == 5
    for at in (5, 1_000_000, 2**63 - 1):
        with pytest.raises(IndexError):
            run.when(at)
        with pytest.raises(IndexError):
            run.event(at)
    assert decode.run(TX, plain, len(plain)) is None
    assert decode.run(TX, plain, 2**64 - 1) is None
    whole = decode.run(TX, plain, 0)
    assert whole is not None
    assert len(whole) == 1_024
    assert [at for at, *_ in whole.sampled(3, 500)] == [3, 503, 1_003]
    many = [record_of(spell({**PURCHASE, "source": str(at)}), "c-C4n4ry") for at in range(20)]
    first = decode.run(TX, many, 0)
    assert first is not None
    assert len(first) == 16


@pytest.mark.parametrize("timestamp", [-(2**63), -1, 0, 2**63 - 1])
def test_append_times_at_the_limits(timestamp: int) -> None:
    """What is ahead of its append is left to the reference, as is nothing else, whatever the numbers."""
    decode = RecordDecoder("USD", 0, 1)
    run = decode.run(TX, [record_of(spell(PURCHASE), "c-C4n4ry", timestamp=timestamp)], 0)
    assert run is not None
    assert run.when(0) == timestamp
    for held_back in (None, 0, 2**62):
        store, *_ = bare_store(held_back=held_back)
        assert store.apply(run, 0) == (timestamp > 0)
        time = run.sampled(0, 1)[0][3]
        reached = time if held_back is None else min(time, timestamp - held_back)
        assert store.now == (max(NEVER, reached - 5_000) if timestamp > 0 else NEVER)


def test_a_decoder_that_is_let_go_of_is_gone() -> None:
    """It and the compiled one hold one another; a worker makes one for each ownership of a partition."""
    decode = RecordDecoder("USD", 0, 1)
    gone = weakref.ref(decode)
    del decode
    gc.collect()
    assert gone() is None
