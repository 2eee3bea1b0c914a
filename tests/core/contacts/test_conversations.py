"""Which contacts are one conversation, and what they say together; calls that reached nobody."""

from random import Random
from typing import Any, Final

import pytest

from schemas.events import Contact
from streams.core.contacts.frustration import Known, known, own_signals
from streams.core.customer.customer_codec import Body
from streams.core.customer.known_contacts import Contacts
from streams.core.ruleset import VERSIONS
from streams.core.time import DAY_MS, MINUTE_MS
from tests.core.drive import HOME, contact, notice

RULES: Final = VERSIONS["4"]
CALL: Final = HOME + 9 * DAY_MS


def leg(contact_id: str, minutes: float, **other: Any) -> Contact:
    """Return a contact that ended so many minutes after the first."""
    return contact("a", CALL + round(minutes * MINUTE_MS), contact_id, **other)


HANDED_ON: Final[dict[str, Any]] = {"ended_by": "agent", "ended_stage": "transfer", "transfers_warm": 1}


def learned(*contacts: Contact) -> Body:
    """Return a body that learned of contacts in this order."""
    body = Body()
    for one in contacts:
        Contacts(body, RULES).learn(known(one, RULES))
    return body


def signals(body: Body, contact_id: str) -> list[str]:
    [found] = [one for one in body.contacts if one.contact_id == contact_id]
    return [name for name, _ in own_signals(found, RULES)]


def nats(body: Body) -> list[float]:
    return [round(one.own, 4) for one in body.contacts]


def test_who_hands_on_does_not_cut_off_and_the_next_leg_repeats_nothing() -> None:
    body = learned(leg("k1", 0, **HANDED_ON), leg("k2", 9, ended_by="customer", ended_stage="agent"))
    assert (signals(body, "k1"), signals(body, "k2")) == (["transfers"], [])


@pytest.mark.parametrize(
    ("changes", "is_leg"),
    [
        ({}, True),
        ({"started_at": CALL + 30 * MINUTE_MS}, True),
        ({"started_at": CALL + 30 * MINUTE_MS + 1}, False),
        ({"started_at": CALL - DAY_MS}, True),
        ({"source": "other"}, False),
        ({"outbound": True, "answered": True}, True),  # it repeats nothing in any case
        ({"case_id": "c9", "started_at": CALL}, True),
    ],
)
def test_a_contact_soon_after_one_that_was_handed_on_is_a_leg(
    changes: dict[str, Any], *, is_leg: bool
) -> None:
    body = learned(leg("k1", 0, **HANDED_ON), leg("k2", 40 if changes else 9, **changes))
    assert ("repeat" not in signals(body, "k2")) is is_leg


@pytest.mark.parametrize(
    ("first", "second", "conversations"), [("c1", "c1", 1), ("c1", None, 1), ("c1", "c2", 2)]
)
def test_legs_have_one_case(first: str, second: str | None, conversations: int) -> None:
    """A third contact, of no case, repeats each conversation once."""
    third = leg("k3", 60 * 24)
    body = learned(leg("k1", 0, case_id=first, **HANDED_ON), leg("k2", 9, case_id=second), third)
    assert body.contacts[-1].repeats == conversations


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_an_outcome_counts_once_in_a_conversation(order: tuple[int, ...]) -> None:
    """In any order of the legs: 1.85 of the first, 0.15 more of the worst score, nothing of the last."""
    legs = [
        leg("k1", 0, resolution="unresolved", **HANDED_ON),
        leg("k2", 9, parent_contact_id="k1", csat=1),
        leg("k3", 20, parent_contact_id="k1", complaint=True, repeated_information=True),
    ]
    body = learned(*(legs[at] for at in order))
    assert nats(body) == [2.0, 0.15, 0.2]
    assert signals(body, "k3") == ["repeated_information"]


def test_a_leg_may_end_before_what_it_names() -> None:
    body = learned(leg("k2", 0, parent_contact_id="k1", csat=1), leg("k1", 5, csat=1))
    assert nats(body) == [2.0, 0.0]


def test_a_later_contact_repeats_a_conversation_once() -> None:
    body = learned(leg("k1", 0, **HANDED_ON), leg("k2", 9), leg("k3", 60 * 24), leg("k4", 60 * 48))
    assert [one.repeats for one in body.contacts] == [0, 0, 1, 2]


def test_notices_are_in_no_conversation() -> None:
    body = Body()
    for one in (notice("a", CALL, "k1"), leg("k2", 5, parent_contact_id="k1", csat=1)):
        Contacts(body, RULES).learn(known(one, RULES))
    assert nats(body) == [0.5, 2.0]


def test_what_is_forgotten_is_in_no_conversation() -> None:
    """A leg of what is more than 120 days older than the newest contact counts in full."""
    body = learned(leg("k1", 0, csat=1, **HANDED_ON), leg("k2", 9, csat=1))
    assert nats(body)[1] == 0.0
    later = contact("a", CALL + 120 * DAY_MS + 5 * MINUTE_MS, "k9")
    Contacts(body, RULES).learn(known(later, RULES))
    assert [(one.contact_id, one.own) for one in body.contacts] == [("k2", 2.0), ("k9", 0.0)]


def test_step_by_step_is_as_all_at_once() -> None:
    """Random contacts with legs of all kinds: kept warm, or rebuilt from what is packed, in any order."""
    for seed in range(200):
        rng = Random(seed)
        made = [_drawn(rng, at) for at in range(rng.randint(2, 12))]
        warm, anew = Body(), Body()
        kept = Contacts(warm, RULES)
        for one in made:
            kept.learn(known(one, RULES))
            Contacts(anew, RULES).learn(known(one, RULES))
        assert _weights(warm) == _weights(anew)
        again = Body(contacts=list(anew.contacts))
        contacts = Contacts(again, RULES)
        contacts._weigh_all(())
        assert _weights(again) == _weights(warm)


def _drawn(rng: Random, at: int) -> Contact:
    handed_on = HANDED_ON if rng.random() < 0.4 else {}
    other: dict[str, Any] = {
        "csat": rng.choice([None, 1]),
        "case_id": rng.choice([None, None, "c1", "c2"]),
        "parent_contact_id": rng.choice([None, None, f"k{rng.randrange(12)}"]),
        "version": rng.randint(1, 3),
    }
    minutes = rng.choice([rng.randrange(120), rng.randrange(125 * 24 * 60)])
    return leg(f"k{rng.randrange(at + 1)}", minutes, event_id=f"e{at}", **handed_on, **other)


def _weights(body: Body) -> list[tuple[str, int, float, float]]:
    def weight(one: Known) -> tuple[str, int, float, float]:
        return one.contact_id, one.moment, one.own, one.covered

    return [weight(one) for one in body.contacts]


# Calls that reached nobody


@pytest.mark.parametrize(
    ("changes", "talked"),
    [
        ({}, False),
        ({"ended_by": "system"}, False),
        ({"ended_by": "agent"}, False),
        ({"ended_by": "customer"}, True),
        ({"ended_stage": "agent"}, True),
        ({"ended_stage": "queue"}, False),
        ({"resolution": "unknown"}, False),
        ({"resolution": "unresolved"}, True),
        ({"hold_count": 1}, True),
        ({"csat": 3}, True),
        ({"escalation_granted": True}, True),
        ({"phrases": ("policy",)}, True),
        ({"recovery": True}, True),
        ({"resolution": "unresolved", "answered": False}, False),
        ({"answered": True}, True),
    ],
)
def test_of_an_outbound_contact_that_nobody_answered_nothing_counts(
    changes: dict[str, Any], *, talked: bool
) -> None:
    made = contact("a", CALL, outbound=True, deflected_to="web", **changes)
    found = known(made, RULES)
    assert bool(found.signals or found.recovery) is talked
    assert not known(contact("a", CALL, outbound=True, ended_by="system"), RULES).hung_up_on
