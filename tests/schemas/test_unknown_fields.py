"""What is counted and shown of unknown fields."""

import pytest

from schemas.topics import CONTACTS, TRANSACTIONS
from schemas.unknown_fields import ODD_NAME, UnknownFields, shown, unknown_fields


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("loyaltyTier2", "loyaltyTier2"),
        *((name, name) for name in ("größe", "x" * 64, "$schema", "@timestamp", "shop.till-no")),
        *((name, ODD_NAME) for name in ("", "42", "-", "_1", "x" * 65, "c-1042", "\u0665\u0666", "<b>")),
        *(
            (name, ODD_NAME)
            for name in ("Jane Doe", "jane@example.com", "a\nWARNING", "a\x1b[2J", "a\u2028b")
        ),
    ],
)
def test_a_name_is_shown_unless_it_is_long_or_looks_like_an_id(name: str, told: str) -> None:
    assert shown(name) == told


def test_unknown_fields_are_those_that_the_model_of_the_type_does_not_have() -> None:
    assert unknown_fields({"type": "tick", "time": 1, "amount": 2, "x": 3}, TRANSACTIONS) == {"amount", "x"}
    others: list[object] = [[], None, "x", {}, {"type": ["tick"], "x": 1}, {"type": "contact", "x": 1}]
    for nothing in others:
        assert not unknown_fields(nothing, TRANSACTIONS)


def test_names_are_counted_and_those_close_to_a_known_one_say_so() -> None:
    fields = UnknownFields(CONTACTS)
    fields.note({"escalation_requestd", "team"})
    fields.note({"team"})
    fields.note({"1", "2"})
    assert fields.total == 5
    assert fields.listed() == [ODD_NAME, "escalation_requestd", "team"]
    assert fields.commonest() == [
        (ODD_NAME, 2, None),
        ("team", 2, None),
        ("escalation_requestd", 1, "escalation_requested"),
    ]
    assert fields.described() == (
        "(odd name) (2), team (2), escalation_requestd (1; did you mean escalation_requested?)"
    )


def test_names_without_end_are_counted_as_one() -> None:
    fields = UnknownFields(CONTACTS)
    letters = [chr(0x4E00 + at) for at in range(1500)]
    fields.note(letters)
    fields.note(letters)
    assert fields.total == 3000
    assert len(fields.names) == 1001
    assert fields.names[ODD_NAME] == 1000
    assert len(fields.listed()) == len(fields.commonest()) == 10
    assert fields.described().endswith(" and 991 more")
