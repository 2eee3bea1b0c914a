"""What is told of producers from a sample of each input, and what stops a start."""

from collections.abc import Iterable
from random import Random
from typing import Final

import pytest

from schemas.partitioner import HASHES, Partitioner, partition_of_key
from streams.core.watermark import Input
from streams.runtime.startup.partitioners import LEAST_KEYS, placement, problem
from streams.runtime.startup.samples import Sampled

KEYS: Final = [f"c-{at}".encode() for at in range(200)]
TICKS: Final = [Sampled(number, None, b"{}") for number in range(4)] * 50
RANDOM: Final = [Sampled(Random(str(key)).randrange(4), key, b"{}") for key in KEYS]


def placed(partitioner: Partitioner, keys: Iterable[bytes] = KEYS, partitions: int = 4) -> list[Sampled]:
    return [Sampled(partition_of_key(key, partitions, partitioner), key, b"{}") for key in keys] + TICKS


def told(
    transactions: list[Sampled], contacts: list[Sampled], setting: Partitioner = "murmur2"
) -> str | None:
    samples = {Input.TRANSACTIONS: transactions, Input.CONTACTS: contacts, Input.CUSTOMERS: []}
    return problem(samples, 4, setting, "shop.")


@pytest.mark.parametrize("partitioner", HASHES)
@pytest.mark.parametrize("partitions", [2, 4, 64])
def test_a_partitioner_is_told_from_a_few_keys(partitioner: Partitioner, partitions: int) -> None:
    for keys in (KEYS, KEYS[: LEAST_KEYS + 10]):
        found = placement(Input.CONTACTS, placed(partitioner, keys, partitions), partitions)
        assert (found.keys, found.partitioner, found.told) == (len(keys), partitioner, partitioner)


def test_one_partition_few_keys_and_ticks_tell_nothing() -> None:
    assert placement(Input.CONTACTS, placed("murmur2", KEYS, 1), 1).told is None
    assert placement(Input.CONTACTS, placed("crc32", KEYS[: LEAST_KEYS - 1]), 4).told is None
    assert placement(Input.CONTACTS, TICKS, 4).told is None
    assert placement(Input.CONTACTS, placed("crc32", KEYS[:1]) * 100, 4).told is None


@pytest.mark.parametrize("setting", HASHES)
def test_inputs_that_are_placed_as_the_settings_say_are_well(setting: Partitioner) -> None:
    assert told(placed(setting), placed(setting), setting) is None
    assert told(placed(setting), [], setting) is None
    assert told([], [], setting) is None
    stray = [one._replace(partition=(one.partition + 1) % 4) for one in placed(setting)[:15]]
    assert told([*placed(setting)[15:], *stray], placed(setting), setting) is None
    few = [one._replace(partition=(one.partition + 1) % 4) for one in placed(setting)[: LEAST_KEYS - 1]]
    assert told(placed(setting), few, setting) is None
    half = [*placed(setting, KEYS[:140]), *RANDOM[140:]]
    assert told(half, placed(setting), setting) is None, "mixed: the dead letters tell which"


def test_of_two_partitioners_that_explain_the_keys_it_is_that_of_the_settings_or_of_other_inputs() -> None:
    alike = [f"u{at:03}0".encode() for at in range(100)]

    def told_of_two(transactions: list[Sampled], setting: Partitioner) -> str | None:
        samples = {Input.TRANSACTIONS: transactions, Input.CONTACTS: placed("fnv1a", KEYS, 2)}
        return problem(samples, 2, setting, "")

    both = placed("fnv1a", alike, 2)
    assert placement(Input.CONTACTS, both, 2).fits == {"crc32", "fnv1a"}
    for setting in ("crc32", "fnv1a"):
        assert problem({Input.CONTACTS: both}, 2, setting, "") is None
    assert told_of_two(both, "fnv1a") is None
    found = told_of_two(both, "murmur2")
    assert found is not None
    assert found.startswith("transactions, contacts: placed by fnv1a, ")
    assert (told_of_two(placed("murmur2", KEYS, 2), "fnv1a") or "").startswith(
        "the inputs are placed by diff"
    )


def test_another_partitioner_of_all_inputs_is_proposed() -> None:
    assert told(placed("crc32"), placed("crc32")) == (
        "shop.transactions, shop.contacts: placed by crc32, RETENTION_PARTITIONER says murmur2: "
        "set RETENTION_PARTITIONER=crc32"
    )
    assert told(placed("murmur2"), [], "fnv1a") == (
        "shop.transactions: placed by murmur2, RETENTION_PARTITIONER says fnv1a: "
        "set RETENTION_PARTITIONER=murmur2"
    )


@pytest.mark.parametrize("setting", HASHES)
def test_inputs_that_disagree_are_named_whatever_is_set(setting: Partitioner) -> None:
    assert told(placed("crc32"), placed("murmur2"), setting) == (
        "the inputs are placed by different partitioners: shop.transactions by crc32, shop.contacts by "
        "murmur2; a customer's purchases and contacts meet in one partition only if all producers agree. "
        "Change the producers, or let `retention-signals ingest` write the inputs anew, by key"
    )
    found = told(placed("crc32"), RANDOM, setting)
    assert found is not None
    assert "shop.contacts by none of murmur2, crc32, fnv1a" in found


def test_keys_that_nobody_can_explain_are_to_be_unchecked_or_placed_anew() -> None:
    found = told(RANDOM, RANDOM)
    assert found is not None
    assert "placed by none of murmur2, crc32, fnv1a, RETENTION_PARTITIONER says murmur2: if keys" in found
    assert "set RETENTION_PARTITIONER=unchecked; else let `retention-signals ingest`" in found


@pytest.mark.parametrize("partitioner", HASHES)
def test_partitions_that_were_added_since_are_told(partitioner: Partitioner) -> None:
    found = told(placed(partitioner, partitions=3), placed(partitioner, partitions=3), partitioner)
    topics = "shop.transactions, shop.contacts"
    assert found == (
        f"{topics}: placed by {partitioner} among 3 partitions, and there are 4: some were added since. "
        "Begin with new topics, and move the state with `state export` and `state import`"
    )


def test_unchecked_inputs_are_compared_by_the_ids_in_both() -> None:
    assert told(RANDOM, RANDOM, "unchecked") is None
    assert told(placed("crc32"), placed("crc32"), "unchecked") is None
    assert told(placed("crc32", KEYS[:100]), placed("murmur2", KEYS[100:]), "unchecked") is None
    assert told(placed("crc32"), placed("murmur2", KEYS[: LEAST_KEYS - 1]), "unchecked") is None
    found = told(placed("crc32"), placed("murmur2", KEYS[:100]), "unchecked")
    assert found is not None
    assert "of 100 ids in both shop.transactions and shop.contacts only " in found
