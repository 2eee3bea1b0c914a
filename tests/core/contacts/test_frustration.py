"""Frustration: the rows of the table, repeats, and F as a fold, weighed bit by bit or all at once."""

from copy import copy
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import Contact
from streams.core.contacts.frustration import Known, frustration, known, own_signals, repeats
from streams.core.contacts.repeats import weigh
from streams.core.customer.customer_codec import Body
from streams.core.customer.known_contacts import MOST_DROPPED, Contacts, learn
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS
from tests.core.drive import HOME, bad, contact, notice

RULES = Ruleset()
WEEK = 7 * DAY_MS


def learned(*events: Contact, rules: Ruleset = RULES) -> Body:
    """Return what is known after contacts in this order."""
    body = Body()
    for event in events:
        learn(body, known(event, rules), rules)
    return body


# The table: (fields, the signals that apply)
OUTCOMES: list[tuple[dict[str, Any], list[tuple[str, float]]]] = [
    ({}, []),
    ({"resolution": "unresolved"}, [("unresolved", 1.85)]),
    ({"resolution": "unknown"}, []),
    ({"csat": 1}, [("worst_score", 2.0)]),
    ({"csat": 2}, []),
    ({"ces": 1}, [("worst_score", 2.0)]),
    ({"ces": 2}, [("worst_score", 2.0)]),
    ({"ces": 3}, []),
    ({"effort": -5}, [("worst_score", 2.0)]),
    ({"effort": -4}, [("worst_score", 2.0)]),
    ({"effort": -3}, []),
    ({"escalation_requested": True}, [("escalation_refused", 1.85)]),
    ({"escalation_requested": True, "escalation_granted": True}, []),
    ({"complaint": True}, [("complaint", 1.0)]),
    ({"first_reply_seconds": 86_399}, []),
    ({"first_reply_seconds": 86_400}, []),
    ({"first_reply_seconds": 86_401}, [("slow_reply", 1.85)]),
    ({"resolution": "unresolved", "csat": 1, "complaint": True}, [("worst_score", 2.0)]),
    ({"resolution": "unresolved", "escalation_requested": True}, [("unresolved", 1.85)]),
]
EFFORTS: list[tuple[dict[str, Any], list[tuple[str, float]]]] = [
    ({"transfers_cold": 1}, [("transfers", 0.15 * 1.5)]),
    ({"transfers_warm": 1}, [("transfers", 0.15)]),
    ({"transfers_cold": 1, "transfers_warm": 2}, [("transfers", (0.15 + 1.32) * (1 + 0.5 / 3))]),
    ({"hold_seconds": 299}, []),
    ({"hold_seconds": 300}, []),
    ({"hold_seconds": 301}, [("long_hold", 0.2)]),
    ({"hold_count": 1}, []),
    ({"hold_count": 2}, [("long_hold", 0.2)]),
    ({"hold_count": 3, "hold_seconds": 301}, [("long_hold", 0.2)]),
    ({"deflected_to": "chat"}, [("deflected", 0.5)]),
    ({"ended_stage": "ivr"}, [("ivr_dead_end", 0.5)]),
    ({"ended_stage": "ivr", "self_served": True}, []),
    ({"ended_stage": "agent"}, []),
    ({"ended_by": "agent"}, [("hung_up_on", 0.95)]),
    ({"ended_by": "system"}, [("hung_up_on", 0.95)]),
    ({"ended_by": "system", "resolution": "resolved"}, []),
    ({"ended_by": "network"}, []),
    ({"ivr_zero_outs": 2}, []),
    ({"ivr_zero_outs": 3}, [("zero_outs", 0.2)]),
    ({"ivr_zero_outs": 4}, [("zero_outs", 0.2)]),
    ({"ended_stage": "queue", "ended_by": "customer", "queue_seconds": 119}, []),
    ({"ended_stage": "queue", "ended_by": "customer", "queue_seconds": 120}, []),
    ({"ended_stage": "queue", "ended_by": "customer", "queue_seconds": 121}, [("queue_abandoned", 0.4)]),
    ({"ended_stage": "hold", "ended_by": "customer", "queue_seconds": 121}, []),
    ({"repeated_information": True}, [("repeated_information", 0.2)]),
    ({"phrases": ("policy",)}, [("powerless_phrase", 0.3)]),
    ({"phrases": ("policy", "not_allowed")}, [("powerless_phrase", 0.3)]),
    ({"self_service_minutes": 29}, []),
    ({"self_service_minutes": 30}, [("self_service", 0.2)]),
    ({"self_service_minutes": 31}, [("self_service", 0.2)]),
    ({"csat": 1, "deflected_to": "web"}, [("worst_score", 2.0), ("deflected", 0.5)]),
]


@pytest.mark.parametrize(("fields", "signals"), OUTCOMES + EFFORTS)
def test_a_contact_has_the_rows_of_the_table_that_apply(
    fields: dict[str, Any], signals: list[tuple[str, float]]
) -> None:
    found = own_signals(known(contact("a", HOME, **fields), RULES), RULES)
    assert [name for name, _ in found] == [name for name, _ in signals]
    assert [nats for _, nats in found] == pytest.approx([nats for _, nats in signals], abs=1e-12)


def test_a_recovery_has_no_nats_of_its_own() -> None:
    assert known(bad("a", HOME, recovery=True), RULES).signals == ()


@pytest.mark.parametrize(("notified", "nats"), [(False, [0.5]), (True, [])])
def test_a_notice_counts_unless_the_customer_was_told(notified: bool, nats: list[float]) -> None:
    one = known(notice("a", HOME, notified=notified), RULES)
    assert [value for _, value in one.signals] == nats
    assert (one.moment, one.reason, one.notice, one.version) == (HOME, "price", True, 1)


def made(contact_id: str = "k1", moment: int = HOME, **fields: Any) -> Known:
    """Return what is known of a contact that has no nats."""
    return known(contact("a", moment, contact_id, **fields), RULES)


@pytest.mark.parametrize(
    ("later", "earlier", "expected"),
    [
        ({}, {}, True),
        ({}, {"resolution": "resolved"}, False),
        ({}, {"self_served": True}, False),
        ({"resolution": "resolved"}, {}, True),
        ({"case_id": "1"}, {"case_id": "1", "resolution": "resolved"}, True),
        ({"case_id": "1"}, {"case_id": "2"}, False),
        ({"case_id": "1", "reason": "r"}, {"case_id": "2", "reason": "r"}, False),
        ({"case_id": "1", "reason": "r"}, {"reason": "r", "resolution": "resolved"}, True),
        ({"reason": "r"}, {"reason": "s"}, False),
        ({"reason": "r"}, {"case_id": "1"}, True),
        ({"outbound": True}, {}, False),
        ({}, {"outbound": True}, False),
        ({"recovery": True}, {}, False),
        ({}, {"recovery": True}, False),
    ],
)
def test_a_contact_repeats_by_case_else_reason_else_what_was_left_open(
    later: dict[str, Any], earlier: dict[str, Any], expected: bool
) -> None:
    assert repeats(made("k2", **later), made("k1", **earlier)) is expected


def test_a_notice_repeats_nothing_and_is_not_repeated() -> None:
    news = known(notice("a", HOME), RULES)
    assert not repeats(made(), news)
    assert not repeats(news, made())


@pytest.mark.parametrize(("after", "count"), [(WEEK - 1, 1), (WEEK, 1), (WEEK + 1, 0)])
def test_contacts_are_repeated_within_7_days(after: int, count: int) -> None:
    body = learned(contact("a", HOME, "k1"), contact("a", HOME + after, "k2"))
    assert [one.repeats for one in body.contacts] == [0, count]
    assert [one.own for one in body.contacts] == [0.0, count * 0.95]


def test_repeats_show_as_one_signal_with_the_nats_of_all() -> None:
    body = learned(*(contact("a", HOME + at, f"k{at}") for at in range(3)))
    assert own_signals(body.contacts[2], RULES) == [("repeat", 1.9)]


@pytest.mark.parametrize(("signals", "count"), [({}, 4), ({"complaint": True}, 3), ({"csat": 1}, 1)])
def test_no_more_repeats_count_than_fill_the_cap(signals: dict[str, Any], count: int) -> None:
    """0.95 four times, 1.00 + 0.95 three times, 2.00 + 0.95 once: 2.95 or more."""
    events = [contact("a", HOME + at, f"k{at}") for at in range(9)]
    body = learned(*events, contact("a", HOME + 9, "k9", **signals))
    assert body.contacts[-1].repeats == count
    assert body.frustration == 2.95


def test_frustration_decays_by_half_in_30_days_between_moments() -> None:
    body = learned(bad("a", HOME, "k1"), bad("a", HOME + 30 * DAY_MS, "k2"))
    assert body.frustration == 1.85 / 2 + 1.85


@pytest.mark.parametrize(("nats", "expected"), [(1.09, 2.94), (1.10, 2.95), (1.11, 2.95)])
def test_frustration_has_a_cap(nats: float, expected: float) -> None:
    rules = Ruleset(outcome_complaint=nats)
    body = learned(bad("a", HOME, "k1", outbound=True), contact("a", HOME, "k2", complaint=True), rules=rules)
    assert body.frustration == pytest.approx(expected, abs=1e-12)


def test_a_recovery_halves_what_is_left() -> None:
    body = learned(bad("a", HOME, "k1"), bad("a", HOME + 30 * DAY_MS, "k2", recovery=True))
    assert body.frustration == 1.85 / 4


def test_contacts_of_one_moment_are_folded_by_their_id() -> None:
    """A recovery before the bad contact halves nothing; after it, half is left."""
    assert learned(bad("a", HOME, "k1", recovery=True), bad("a", HOME, "k2")).frustration == 1.85
    assert learned(bad("a", HOME, "k2", recovery=True), bad("a", HOME, "k1")).frustration == 0.925


def test_no_contacts_are_no_frustration() -> None:
    assert frustration([], RULES) == 0.0


@pytest.mark.parametrize(("days", "kept"), [(119, 2), (120, 2), (121, 1)])
def test_contacts_long_before_the_newest_are_forgotten(days: int, kept: int) -> None:
    body = learned(bad("a", HOME, "k1"), bad("a", HOME + days * DAY_MS, "k2"))
    assert [one.contact_id for one in body.contacts] == ["k1", "k2"][2 - kept :]


@pytest.mark.parametrize(("most", "kept"), [(0, 4), (1, 1), (2, 2), (3, 3), (4, 4), (5, 4)])
def test_of_too_many_contacts_the_newest_are_known(most: int, kept: int) -> None:
    """As if the others were too old: they add nothing, and nobody repeats them. 0 is no bound."""
    rules = Ruleset(most_contacts=most, outcome_unresolved=0.1, repeat=0.01)
    events = [bad("a", HOME, f"k{at}") for at in range(4)]
    body, plainly = learned(*events, rules=rules), learned(*events[4 - kept :], rules=rules)
    assert body == plainly
    assert [one.repeats for one in body.contacts] == list(range(kept))


NEWEST = [("k1", 0, 1), ("k1", 1, 1), ("k0", 2, 1), ("k5", 2, 1), ("k6", 2, 1)]


@pytest.mark.parametrize(("contact_id", "after", "too_many"), NEWEST)
def test_newest_is_by_moment_then_contact_id_then_source(contact_id: str, after: int, too_many: int) -> None:
    """What comes too late to be among the newest is forgotten at once, and repeats nothing."""
    rules = Ruleset(most_contacts=2)
    body = learned(bad("a", HOME + 2, "k5", source="b"), bad("a", HOME + 3, "k2"), rules=rules)
    new = known(bad("a", HOME + after, contact_id), rules)
    kept = contact_id == "k6"
    assert Contacts(body, rules).learn(new) == too_many
    assert [one.contact_id for one in body.contacts] == (["k6", "k2"] if kept else ["k5", "k2"])
    assert (new.repeats, new.own) == (0, 1.85)


def test_too_old_is_not_too_many() -> None:
    rules = Ruleset(most_contacts=2)
    body = learned(bad("a", HOME, "k1"), bad("a", HOME + 1, "k2"), rules=rules)
    contacts = Contacts(body, rules)
    assert contacts.full
    assert contacts.learn(known(bad("a", HOME + 200 * DAY_MS, "k3"), rules)) == 0
    assert not contacts.full
    assert contacts.learn(known(bad("a", HOME, "k4"), rules)) == 0
    assert [one.contact_id for one in body.contacts] == ["k3"]


@pytest.mark.parametrize(
    ("version", "event_id", "taken"), [(1, "z", False), (2, "a", False), (2, "m", False), (2, "n", True)]
)
def test_a_later_version_replaces_as_a_whole(version: int, event_id: str, taken: bool) -> None:
    """By version, then event id; an older one that comes after is ignored altogether."""
    body = learned(bad("a", HOME, version=2, event_id="m"))
    new = known(contact("a", HOME + 1, version=version, event_id=event_id), RULES)
    assert learn(body, new, RULES) is taken
    assert [one.event_id for one in body.contacts] == ["n" if taken else "m"]
    assert body.frustration == (0.0 if taken else 1.85)


def test_the_same_contact_id_of_another_source_is_another_contact() -> None:
    assert len(learned(bad("a", HOME), bad("a", HOME, source="web")).contacts) == 2


@pytest.mark.parametrize(("length", "kept"), [(127, True), (128, True), (129, False)])
def test_long_texts_are_kept_short_and_still_told_apart(length: int, kept: bool) -> None:
    text = "x" * length
    one, same, other = (made(case_id=case) for case in (text, text, text + "y"))
    assert (one.case_id == text) is kept
    assert one.case_id == same.case_id
    assert one.case_id != other.case_id
    assert len(one.case_id or "") < 170


class Plain:
    """The known contacts as the text of the rules has them: everything anew with each."""

    def __init__(self, rules: Ruleset) -> None:
        self._rules = rules
        self._newest: dict[tuple[str, str], Known] = {}
        self.contacts: list[Known] = []

    def learn(self, new: Known) -> None:
        """Take a contact in, unless a newer version of it is known."""
        old = self._newest.get(new.identity)
        if old is not None and old.rank >= new.rank:
            return
        self._newest[new.identity] = new
        self.contacts = sorted(self._newest.values(), key=lambda one: one.order)
        oldest = self.contacts[-1].moment - self._rules.frustration_days * DAY_MS
        self.contacts = [one for one in self.contacts if one.moment >= oldest]
        self.contacts = self.contacts[-self._rules.most_contacts :]
        self._newest = {one.identity: one for one in self.contacts}
        for at, one in enumerate(self.contacts):
            before = [each for each in self.contacts[:at] if one.moment - each.moment <= WEEK]
            one.repeats = min(sum(repeats(one, each) for each in before), self._most(one))
            one.own = sum((nats for _, nats in own_signals(one, self._rules)), 0.0)

    def _most(self, contact: Known) -> int:
        nats, count = sum(nats for _, nats in contact.signals), 0
        while nats < self._rules.frustration_cap:
            nats, count = nats + self._rules.repeat, count + 1
        return count


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(st.sampled_from((2, MOST_DROPPED)), st.integers(0, 1 << 30))
def test_learning_one_by_one_is_weighing_and_folding_everything_anew(dropped: int, seed: int) -> None:
    """Versions that come, move and change what others repeat, mostly in order; the latest of each counts.

    Kept between contacts or rebuilt from the body, what makes it cheap changes nothing.
    """
    rng = Random(seed)
    rules = Ruleset(
        most_contacts=rng.choice((0, 1, 2, 3, 6, 12)),
        outcome_unresolved=rng.choice((0.1, 1.85)),
        repeat=rng.choice((0.07, 0.95)),
    )
    body, plain, step = Body(), Plain(rules), rng.choice((0, DAY_MS // 8, DAY_MS, 9 * DAY_MS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streams.core.customer.known_contacts.MOST_DROPPED", dropped)
        contacts = Contacts(body, rules)
        for number in range(rng.randint(1, 40)):
            back = rng.choice((0, 0, 0, 1, 3, 130)) * rng.random() * DAY_MS
            fields = {
                "moment": HOME + int(number * step - back),
                "resolution": rng.choice((None, "resolved", "unresolved")),
                "reason": rng.choice((None, "r", "s")),
                "case_id": rng.choice((None, None, "1", "2")),
                "recovery": rng.random() < 0.1,
                "outbound": rng.random() < 0.1,
                "version": rng.randint(1, 4),
            }
            name = f"k{number if rng.random() < 0.7 else rng.randrange(8)}"
            event = contact("a", HOME + number, name, event_id=f"e{number}", **fields)
            plain.learn(known(event, rules))
            if rng.random() < 0.2:
                contacts = Contacts(body, rules)
            contacts.learn(known(event, rules))
            assert body.contacts == plain.contacts, f"seed {seed}"
            assert body.frustration == frustration(plain.contacts, rules), f"seed {seed}"
            alone = list(map(copy, body.contacts))
            weigh(alone, rules)
            assert alone == body.contacts


def test_a_repeat_worth_nothing_counts_all_there_are() -> None:
    rules = Ruleset(repeat=0.0)
    body = learned(*(bad("a", HOME + at, f"k{at}") for at in range(20)), rules=rules)
    assert [one.repeats for one in body.contacts] == list(range(20))
