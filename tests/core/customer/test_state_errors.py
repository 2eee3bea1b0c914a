"""State that this release does not read is refused, whatever a changelog holds."""

import pytest
from msgspec import msgpack
from msgspec.structs import replace

from streams.core.customer.state import PARTITION_KEY, PartitionState, StateError, customer_key, customer_of
from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from tests.core.drive import State, keep


def state() -> PartitionState:
    """Return the partition-wide state of a new partition."""
    kept: State = {}
    keep(kept, Partition(Ruleset()))
    return msgpack.decode(kept[PARTITION_KEY], type=PartitionState)


@pytest.mark.parametrize("key", [b"", b"x", b"P", b"0a"])
def test_a_key_of_unknown_kind_is_refused(key: bytes) -> None:
    with pytest.raises(StateError, match="unknown kind"):
        Partition(Ruleset()).restore({key: b""})


def test_a_customer_whose_key_is_not_utf_8_is_refused() -> None:
    with pytest.raises(StateError, match="not UTF-8"):
        Partition(Ruleset()).restore({b"c\xff": b""})


@pytest.mark.parametrize("customer_id", ["p", "c", "cc", "", "Zoë\0"])
def test_ids_of_any_bytes_keep_apart_from_other_kinds(customer_id: str) -> None:
    key = customer_key(customer_id)
    assert key != PARTITION_KEY
    assert customer_of(key) == customer_id


@pytest.mark.parametrize("value", [b"", b"\xc0", b"\x01\x02", msgpack.encode(["state"])])
def test_a_partition_record_that_does_not_parse_is_refused(value: bytes) -> None:
    with pytest.raises(StateError, match="does not parse"):
        Partition(Ruleset()).restore({PARTITION_KEY: value})


@pytest.mark.parametrize("form", [0, 2])
def test_a_partition_record_of_another_format_is_refused(form: int) -> None:
    with pytest.raises(StateError, match=f"format {form}, this release reads 1"):
        Partition(Ruleset()).restore({PARTITION_KEY: replace(state(), format=form).encode()})


@pytest.mark.parametrize("given", [{"from_the_future": 1}, {"temperature": 0.0}, {"temperature": "hot"}])
def test_a_ruleset_that_this_release_does_not_know_is_refused(given: dict[str, object]) -> None:
    """Episodes keep the ruleset they opened under; deciding by another would be silent damage."""
    with pytest.raises(StateError, match="ruleset that this release does not know"):
        Partition(Ruleset()).restore({PARTITION_KEY: replace(state(), rulesets={"x": given}).encode()})
