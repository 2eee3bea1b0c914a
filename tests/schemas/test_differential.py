"""The hot decoder against pydantic: same verdict, same values, on generated and damaged bytes."""

from collections import Counter
from random import Random
from typing import Final, get_args, get_type_hints

import pytest
from hypothesis import given, settings

from schemas import reference
from schemas.dead_letter import Reason
from schemas.events import Refusal, Transaction
from schemas.hot import Decode
from schemas.topics import INPUTS, Topic
from schemas.transaction import Transaction as TransactionModel
from tests.schemas.damage import damaged, with_unknown
from tests.schemas.lines import FULL, SOUND, TOPIC, Message, public, read, spell, unknown_names
from tests.schemas.messages import messages

pytestmark = pytest.mark.slow

SEEDS: Final = range(8)
CASES_A_SEED: Final = 4_000
EXAMPLES_A_TYPE: Final = 600


@pytest.mark.parametrize("kind", FULL)
def test_generated_messages_are_read_alike(kind: str) -> None:
    tally: Counter[str] = Counter()

    @settings(max_examples=EXAMPLES_A_TYPE, derandomize=True, database=None, deadline=None)
    @given(messages(kind))
    def alike(message: Message) -> None:
        event = read(spell(message), TOPIC[kind])
        tally[event.reason if isinstance(event, Refusal) else "accepted"] += 1
        if isinstance(event, Transaction):
            tally[event.kind] += 1

    alike()
    assert tally["accepted"] > EXAMPLES_A_TYPE // 20, tally
    assert tally.total() >= EXAMPLES_A_TYPE
    if kind == "transaction":
        kinds = get_args(get_type_hints(TransactionModel)["kind"])
        assert min(tally[one] for one in kinds) > 0, tally


@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_messages_are_read_alike(seed: int) -> None:
    rng = Random(seed)
    decoders = {topic.name: (public(topic), public(topic, strict_fields=True)) for topic in INPUTS}
    tally: Counter[str] = Counter()
    for number in range(CASES_A_SEED):
        kind = rng.choice([*FULL, "transaction", "transaction", "contact"])
        topic = TOPIC[kind]
        raw = with_unknown(rng, damaged(rng, rng.choice(SOUND[kind])))
        try:
            tally[_verdict(raw, topic, *decoders[topic.name])] += 1
        except AssertionError:
            print(f"seed {seed}, case {number}")
            raise
    assert tally["accepted"] > CASES_A_SEED // 10, tally
    assert tally["accepted with unknown fields"] > CASES_A_SEED // 20, tally
    for reason in (Reason.NOT_JSON, Reason.SCHEMA, Reason.UNKNOWN_TYPE, Reason.CURRENCY, Reason.TOO_LARGE):
        assert tally[reason] > 0, tally


def _verdict(raw: bytes, topic: Topic, decode: Decode, strictly: Decode) -> str:
    event = read(raw, topic)
    strict = reference.decode(raw, topic, "USD", strict_fields=True)
    for found, expected in ((decode(raw), event), (strictly(raw), strict)):
        assert repr(found) == repr(expected), raw
        assert found == expected, raw  # a refusal also has what it does not show
    if isinstance(event, Refusal):
        return event.reason
    unknown = unknown_names(raw, topic)
    assert isinstance(strict, Refusal) is bool(unknown), raw  # and nothing else is decided otherwise
    return "accepted with unknown fields" if unknown else "accepted"
