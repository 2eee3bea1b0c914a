"""A record in, outcomes out: which rules see it, what counts as found, what is skipped, what is refused."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.dead_letter import Reason
from streams.mapping import adapters
from streams.mapping.config import parse
from streams.mapping.mapping import Mapping
from streams.mapping.outcomes import EMPTY, NO_CUSTOMER, NO_RULE, Draft, Mapped, Meta, Refused, Skipped
from tests.mapping.mappings import META, ORDER, contact, fields, one, purchase, why


def test_a_record_becomes_an_event() -> None:
    draft = one(purchase(), ORDER)
    assert draft == Draft(
        "orders/it",
        "c-1",
        1709294400000,
        {
            "type": "transaction",
            "customer_id": "c-1",
            "event_id": "o-1",
            "time": "2024-03-01T12:00:00.000Z",
            "kind": "purchase",
            "amount": "12.5",
            "currency": "USD",
            "source": "orders",
        },
    )


@pytest.mark.parametrize("nobody", [None, "", False, [], {}])
def test_a_record_of_nobody_known_is_skipped_whatever_else_is_wrong(nobody: Any) -> None:
    assert one(purchase(), ORDER | {"customer": nobody, "at": "broken"}) == Skipped("orders/it", NO_CUSTOMER)


@pytest.mark.parametrize(
    ("found", "total"), [("5", "5"), (0, "0"), ("", "7"), (None, "7"), (False, "7"), ([], "7")]
)
def test_of_several_ways_the_first_that_finds_something_counts(found: Any, total: str) -> None:
    mapping = purchase(amount='["first", "second", { value = "9" }]')
    assert fields(mapping, first=found, second="7")["amount"] == total


def test_the_last_way_may_be_what_is_always_so() -> None:
    assert fields(purchase(amount='["first", { value = "9" }]'))["amount"] == "9"


def test_ids_have_a_prefix_where_they_are_unique_only_among_their_own_kind() -> None:
    assert fields(purchase(event_id='{ from = "id", prefix = "order-" }'), id=17)["event_id"] == "order-17"


def test_a_contact_is_completed() -> None:
    found = fields(contact(time='"nothing"', ended_at='"at"'))
    assert (found["event_id"], found["version"], found["time"]) == ("o-1/1", 1, "2024-03-01T12:00:00.000Z")
    found = fields(contact(started_at='"at"', ended_at='"end"'), end="2024-03-01T12:10:00Z")
    assert found["time"] == found["ended_at"]


def test_key_time_and_headers_of_a_record_are_found() -> None:
    mapping = purchase(
        customer_id='"record.key"',
        time='{ from = "record.time", time = "epoch_ms" }',
        channel='"record.headers.ce_type"',
        event_id="\"join('-', [record.topic, text(record.partition), text(record.offset)])\"",
    )
    meta = Meta("c-9", 1709294400000, {"ce_type": "order"}, topic="t", partition=3, offset=0)
    (draft,) = mapping.map("orders", ORDER, meta)
    assert isinstance(draft, Draft)
    assert (draft.key, draft.time, draft.fields["channel"]) == ("c-9", 1709294400000, "order")
    assert draft.fields["event_id"] == "t-3-0"


def test_records_that_others_hold() -> None:
    mapping = purchase(more='records = "not_null(orders, [@])"')
    assert len(mapping.map("orders", {"orders": [ORDER, ORDER | {"id": "o-2"}]}, META)) == 2
    assert len(mapping.map("orders", ORDER, META)) == 1
    assert mapping.map("orders", {"orders": []}, META) == [Skipped("orders", EMPTY)]
    assert mapping.map("orders", {"orders": [3]}, META) == [
        Refused("orders", Reason.SCHEMA, "`records` finds no list of objects")
    ]
    assert purchase(more='records = "orders"').map("orders", ORDER, META) == [Skipped("orders", EMPTY)]


def test_an_event_for_each_element_of_a_list() -> None:
    mapping = purchase(
        event='each = "lines"\nwhen = "each.price"', event_id='"each.id"', amount='"each.price"'
    )
    record = ORDER | {"lines": [{"id": "a", "price": "1"}, {"id": "b"}, {"id": "c", "price": "x"}]}
    first, third = mapping.map("orders", record, META)
    assert isinstance(first, Draft)
    assert third == Refused("orders/it", Reason.SCHEMA, "amount: not a number")
    assert mapping.map("orders", ORDER | {"lines": "ab"}, META) == [
        Refused("orders/it", Reason.SCHEMA, "each: not a list")
    ]
    nothing: tuple[Any, ...] = (None, [])
    for none in nothing:
        assert mapping.map("orders", ORDER | {"lines": none}, META) == [Skipped("orders", NO_RULE)]


def test_skipped_with_a_reason_by_source_and_by_event() -> None:
    skip = 'skip = [{ when = "test", why = "test order" }]'
    assert one(purchase(more=skip), ORDER | {"test": True}) == Skipped("orders", "test order")
    assert one(purchase(event=skip), ORDER | {"test": True}) == Skipped("orders/it", "test order")
    assert isinstance(one(purchase(more=skip), ORDER | {"test": False}), Draft)


def test_a_condition_that_does_not_fit_refuses_the_record() -> None:
    skip = """skip = [{ when = "lower(test) == 'yes'", why = "test order" }]"""
    assert "skip: `lower(test) == 'yes'` does not fit" in why(purchase(more=skip), test=4711)
    assert "does not fit" in why(purchase(event='when = "lower(kind)"'), kind=4711)
    assert "each: `split" in why(purchase(event="""each = "split(lines, ',')" """), lines=4711)


def test_what_a_thing_is_known_by_must_be_there() -> None:
    mapping = purchase(event='follow = { by = "number", as = "total", time = "at" }')
    assert why(mapping) == "follow: `by` finds nothing that a thing could be known by"
    assert why(mapping, number=[1]) == "follow: not one value"
    assert why(mapping, number="") == "follow: `by` finds nothing that a thing could be known by"
    late = purchase(event='follow = { by = "id", as = "total", time = "changed" }')
    assert why(late, changed="yesterday").startswith("follow: not a time")


def test_text_with_half_of_a_character_is_refused() -> None:
    assert why(purchase(order_id='"id"'), id="\ud800") == "half of a character, where text belongs"


def test_an_event_that_only_grew_too_long_is_refused_at_the_end() -> None:
    mapping = purchase(event='follow = { by = "id", as = "total", time = "at" }')
    first, second = (one(mapping, ORDER | {"id": "x" * 128, "total": total}) for total in ("1", "2"))
    assert isinstance(first, Draft)
    assert isinstance(second, Draft)
    (mapped,), memory = mapping.finish(first, None)
    assert isinstance(mapped, Mapped)
    (refused,), _ = mapping.finish(second, memory)
    assert isinstance(refused, Refused)
    assert "x" * 9 not in refused.detail


FOLLOWED = purchase(
    event='follow = { by = "id", as = "total", time = "changed" }', order_id='"id"', category='"lines"'
)
ADAPTERS = {
    name: Mapping(parse(adapters.text(name), folder=Path(), name=name), "USD") for name in adapters.NAMES
}
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(st.characters(), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*ORDER, "changed", "lines"]), _JSON))
def test_whatever_a_record_holds_has_an_outcome_and_no_exception(record: dict[str, Any]) -> None:
    outcomes = FOLLOWED.map("orders", record, META)
    assert len(outcomes) == 1
    for draft in outcomes:
        if isinstance(draft, Draft):
            assert Draft.from_bytes(draft.to_bytes()) == draft
            assert len(FOLLOWED.finish(draft, None)[0]) == 1


@pytest.mark.parametrize("name", adapters.NAMES)
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_an_adapter_is_given_has_an_outcome(name: str, data: st.DataObject) -> None:
    mapping = ADAPTERS[name]
    names = ["id", "customer", "refunds", "total_price", "tags", "created_at", "properties", "type", "event"]
    names += ["Attributes", "Channel", "Agent", "ContactId", "DisconnectTimestamp", "via", "status", "userId"]
    record = data.draw(st.dictionaries(st.sampled_from(names), _JSON))
    (source,) = mapping.sources
    assert mapping.map(source, record, META)
