"""Every field rule of the contract at its boundaries, through pydantic and the hot path alike."""

from typing import Any, get_type_hints

import pytest

from schemas.common import Identifier
from schemas.dead_letter import Reason
from schemas.events import Contact, Disposition, Notice, Profile, Refusal, Tick, Transaction
from tests.schemas.lines import (
    BARE,
    FULL,
    PRICE,
    PURCHASE,
    REFUND,
    TIME,
    TIME_MS,
    TOPIC,
    Message,
    public,
    read_message,
    spell,
)

KINDS = list(FULL)
NOT_TEXT = [5, 5.5, True, [], ["a"], {}, {"a": "b"}]
NOT_INT = [1.0, 1.5, "1", True, [], {}, [1]]
NOT_FLOAT = ["1", "", True, [], {}]
NOT_BOOL = [0, 1, 1.0, "true", "", [], {}]


def model_fields(kind: str) -> list[str]:
    return list(TOPIC[kind].models[kind].model_fields)


def fields_of(wanted: Any) -> list[tuple[str, str]]:
    """Return (type, field) of every field with this annotation, optional or not."""
    return [
        (kind, name)
        for kind in KINDS
        for name, hint in get_type_hints(TOPIC[kind].models[kind], include_extras=True).items()
        if name != "type" and hint in (wanted, wanted | None)
    ]


def accepted(message: Message, **changes: object) -> bool:
    event = read_message(message, **changes)
    assert not isinstance(event, Refusal) or event.reason is Reason.SCHEMA, event
    return not isinstance(event, Refusal)


@pytest.mark.parametrize("kind", KINDS)
def test_full_and_bare_messages_are_accepted(kind: str) -> None:
    assert set(FULL[kind]) == set(model_fields(kind))
    assert accepted(FULL[kind])
    assert accepted(BARE[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_required_field_is_neither_absent_nor_null(kind: str) -> None:
    for name in BARE[kind]:
        assert not accepted({**BARE[kind], "type": kind}, **{name: None}) or name == "type"
        if name != "type":
            without = {key: value for key, value in BARE[kind].items() if key != name}
            assert not accepted(without), name


@pytest.mark.parametrize("kind", KINDS)
def test_an_optional_field_may_be_null_which_is_the_same_as_absent(kind: str) -> None:
    optional = [name for name in FULL[kind] if name not in {*BARE[kind], "amount", "currency"}]
    nulls = dict.fromkeys(optional)
    assert repr(read_message(BARE[kind], **nulls)) == repr(read_message(BARE[kind]))


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_fields_are_left_out_unless_they_are_to_be_refused(kind: str) -> None:
    strict = public(TOPIC[kind], strict_fields=True)
    plain = read_message(FULL[kind])
    for name in ("surprise", "Type", "time ", "", "amount\u0000"):
        for value in (None, "x", 5, {"a": [1]}):
            assert read_message(FULL[kind], **{name: value}) == plain
            assert isinstance(strict(spell({**FULL[kind], name: value})), Refusal)
    assert strict(spell(FULL[kind])) == plain


@pytest.mark.parametrize(("kind", "name"), fields_of(Identifier))
def test_an_id_has_1_to_128_characters(kind: str, name: str) -> None:
    verdicts = [accepted(FULL[kind], **{name: "é" * length}) for length in (0, 1, 2, 127, 128, 129)]
    assert verdicts == [False, True, True, True, True, False]
    assert accepted(FULL[kind], **{name: "\u0000 \U0001f600\n"})
    assert not any(accepted(FULL[kind], **{name: value}) for value in NOT_TEXT)


@pytest.mark.parametrize(("kind", "name"), fields_of(str))
def test_a_free_text_is_any_text(kind: str, name: str) -> None:
    assert all(accepted(FULL[kind], **{name: value}) for value in ("", " ", "x" * 1000, "\u0000"))
    assert not any(accepted(FULL[kind], **{name: value}) for value in NOT_TEXT)


@pytest.mark.parametrize(("kind", "name"), fields_of(bool))
def test_a_flag_is_true_or_false(kind: str, name: str) -> None:
    assert accepted(FULL[kind], **{name: True})
    assert accepted(FULL[kind], **{name: False})
    assert not any(accepted(FULL[kind], **{name: value}) for value in NOT_BOOL)


ENUMERATIONS = {
    ("transaction", "kind"): "purchase refund chargeback fee subscription_charge subscription_changed",
    ("contact", "channel"): "voice chat email message social web store",
    ("contact", "direction"): "inbound outbound",
    ("contact", "resolution"): "resolved unresolved unknown",
    ("contact", "ended_by"): "customer agent system network",
    ("contact", "ended_stage"): "ivr queue hold agent transfer",
    ("contact", "deflected_to"): "voice chat email message social web store",
    ("notice", "change"): "price ownership discontinuation policy outage",
    ("disposition", "status"): "acknowledged contacted closed",
    ("disposition", "outcome"): ("confirmed benign already_left wrong_customer duplicate returned no_answer"),
}


@pytest.mark.parametrize(("kind", "name"), ENUMERATIONS)
def test_an_enumeration_has_the_words_of_the_contract(kind: str, name: str) -> None:
    words = ENUMERATIONS[kind, name].split()
    message = REFUND if name == "kind" else FULL[kind]
    assert all(accepted(message, **{name: word}) for word in words)
    others = ["", words[0].upper(), words[0] + " ", words[0][:-1], "other", *NOT_TEXT]
    assert not any(accepted(message, **{name: word}) for word in others)


RANGES: dict[str, tuple[int, int]] = {
    "version": (1, 2**63 - 1),
    "hold_count": (0, 2**63 - 1),
    "transfers_cold": (0, 2**63 - 1),
    "transfers_warm": (0, 2**63 - 1),
    "ivr_zero_outs": (0, 2**63 - 1),
    "csat": (1, 5),
    "ces": (1, 7),
    "effort": (-5, 5),
}


@pytest.mark.parametrize("name", RANGES)
def test_a_count_or_score_is_an_int_in_its_range(name: str) -> None:
    low, high = RANGES[name]
    verdicts = [
        accepted(FULL["contact"], **{name: value})
        for value in (low - 1, low, low + 1, high - 1, high, high + 1, -(2**70), 2**70)
    ]
    assert verdicts == [False, True, True, True, True, False, False, False]
    assert not any(accepted(FULL["contact"], **{name: value}) for value in NOT_INT)


@pytest.mark.parametrize(
    "name", ["queue_seconds", "hold_seconds", "self_service_minutes", "first_reply_seconds"]
)
def test_a_duration_is_a_finite_number_from_0_up(name: str) -> None:
    sound = [0, 1, 0.0, -0.0, 5e-324, 0.5, 1e300, 10**25, 2**64]
    assert all(accepted(FULL["contact"], **{name: value}) for value in sound)
    wrong = [-1, -0.5, -5e-324, *NOT_FLOAT]
    assert not any(accepted(FULL["contact"], **{name: value}) for value in wrong)


def test_phrases_are_a_list_from_the_closed_set_kept_once_each() -> None:
    def phrases(value: object) -> Any:
        event = read_message(FULL["contact"], phrases=value)
        return event.phrases if isinstance(event, Contact) else None

    assert phrases([]) == ()
    assert phrases(["policy"]) == ("policy",)
    assert phrases(["policy", "system_wont_let_me", "policy", "not_allowed"]) == (
        "policy",
        "system_wont_let_me",
        "not_allowed",
    )
    for wrong in ("policy", ["Policy"], ["policy", None], [["policy"]], {"policy": "policy"}, 1, [1]):
        assert phrases(wrong) is None


def test_attributes_are_a_flat_map_of_strings() -> None:
    sound: list[object] = [{}, {"": ""}, {"a": "b", "c": "d"}]
    wrong: list[object] = [{"a": 1}, {"a": None}, {"a": {}}, {"a": ["b"]}, [], "a", 5]
    for kind in KINDS:
        assert all(accepted(BARE[kind], attributes=value) for value in sound)
        # A tick has none: there it is an unknown field.
        assert not any(accepted(BARE[kind], attributes=value) for value in wrong) or kind == "tick"


SOUND_TIMES = {
    "2000-01-01T00:00:00Z": 946_684_800_000,
    "2000-01-01T00:00:00+01:00": 946_681_200_000,
    "2024-02-29T23:59:59Z": 1_709_251_199_000,
    "2024-03-05T14:23:11Z": TIME_MS - 482,
    "2024-03-05T14:23:11.4Z": TIME_MS - 82,
    "2024-03-05T14:23:11.48Z": TIME_MS - 2,
    "2024-03-05T14:23:11.482Z": TIME_MS,
    "2024-03-05T14:23:11.4820Z": TIME_MS,
    "2024-03-05T14:23:11.48299Z": TIME_MS,
    "2024-03-05T14:23:11.482999Z": TIME_MS,
    "2024-03-05T14:23:11.482000+00:00": TIME_MS,
    "2024-03-05T14:23:11.482-00:00": TIME_MS,
    "2024-03-05T19:53:11.482999+05:30": TIME_MS,
    "2024-03-06T14:22:11.482+23:59": TIME_MS,
    "2024-03-04T14:24:11.482-23:59": TIME_MS,
    "2024-03-05T14:23:11.4829999Z": TIME_MS,
    "2024-03-05T14:23:11.48200000Z": TIME_MS,
    "2024-03-05T14:23:11.482999999Z": TIME_MS,
    "2024-03-05T14:23:11.481999999Z": TIME_MS - 1,
    "2024-03-05T14:23:11.000999999+00": TIME_MS - 482,
    "2024-03-05T14:23:11.482+0000": TIME_MS,
    "2024-03-05T19:53:11.482999999+0530": TIME_MS,
    "2024-03-05T09:23:11.482-05": TIME_MS,
    "2024-03-05T14:23:11-0000": TIME_MS - 482,
    "2024-03-05t14:23:11.482z": TIME_MS,
    "2024-03-05T14:23:11z": TIME_MS - 482,
    "2024-03-05 14:23:11.482999+00": TIME_MS,
    "2024-03-05 15:23:11.482+01:00": TIME_MS,
    "2024-03-05T14:23Z": TIME_MS - 11_482,
    "2024-03-05 14:23z": TIME_MS - 11_482,
    "2024-03-05T15:23+01:00": TIME_MS - 11_482,
    "2024-03-05T08:53-0530": TIME_MS - 11_482,
    "2024-03-05T15:23+01": TIME_MS - 11_482,
    "9999-12-31T23:59:59.999999Z": 253_402_300_799_999,
    "9999-12-31T23:59:59.999999999Z": 253_402_300_799_999,
    "9999-12-31T23:59:59-23:59": 253_402_300_799_000 + 86_340_000,
}

WRONG_TIMES = [
    "",
    " ",
    "2024",
    "2024-03-05",
    "1999-12-31T23:59:59Z",
    "1999-12-31T23:59:59-23:59",
    "0000-01-01T00:00:00Z",
    "2024-03-05T14:23:11",
    "2024-03-05T14:23:11Z\n",
    "\n2024-03-05T14:23:11Z",
    " 2024-03-05T14:23:11Z",
    "2024-03-05T14:23:11Z ",
    "2024-03-05T14:23:11.Z",
    "2024-03-05T14:23:11,4Z",
    "2024-03-05T14:23:11.1234567890Z",
    "2024-03-05T14:23:11.4820000000000Z",
    "2024-03-05T14:23",
    "2024-03-05 14:23:11",
    "2024-03-05T14Z",
    "2024-03-05T14:23.5Z",
    "2024-03-05T14:23:Z",
    "2024-03-05T14:23:60+01:00",
    "2024-03-05T14:23+24",
    "2024-03-05T14:23+0060",
    "2024-03-05T14:23+00:0",
    "2024-03-05_14:23:11Z",
    "2024-03-05  14:23:11Z",
    "2024-03-05\t14:23:11Z",
    "2024-03-05T14:23:11 Z",
    "2024-03-05T14:23:11 +0100",
    "2024-03-05T14:23:11+1",
    "2024-03-05T14:23:11+010",
    "2024-03-05T14:23:11+01000",
    "2024-03-05T14:23:11+01:0000",
    "2024-03-05T14:23:11.123+0\u0661",
    "2024-03-05T14:23:11.12Z123",
    "2024-03-05T14:23:11.+00456:00",
    "2024-03-05T14:23:11.482",
    "2024-03-05T14:23:11.482456",
    "2024-03-05T14:23:11.482456\u0665",
    "2024-03-05T14:23:11.482\u0664\u0665\u0666Z",
    "2024-03-05T14:23:11.\u0664\u0665\u0666Z",
    "2024-03-05T14:23:1\u0661Z",
    "2024-03-05T14:23:\u00b2\u00b2Z",
    "202\u0664-03-05T14:23:11Z",
    "2024-02-30T00:00:00Z",
    "2023-02-29T00:00:00Z",
    "2100-02-29T00:00:00Z",
    "2024-04-31T00:00:00Z",
    "2024-00-05T00:00:00Z",
    "2024-13-05T00:00:00Z",
    "2024-03-00T00:00:00Z",
    "2024-03-32T00:00:00Z",
    "2024-03-05T24:00:00Z",
    "2024-03-05T25:00:00Z",
    "2024-03-05T14:60:00Z",
    "2024-03-05T14:23:60Z",
    "2024-03-05T14:23:61Z",
    "2024-03-05T14:23:11+24:00",
    "2024-03-05T14:23:11+00:60",
    "2024-03-05T14:23:11+1:00",
    "2024-03-05T14:23:11 01:00",
    "2024-03-05T14:23:11−01:00",
    "2024-03-05T14:23:11ZZ",
    "2024-03-05T14:23:11+01:00Z",
    "2024-W10-2T14:23:11Z",
    "20240305T142311Z",
    "+2024-03-05T14:23:11Z",
    "12024-03-05T14:23:11Z",
    "2024-3-5T14:23:11Z",
    "2024-03-05T14:23:11.482Z\u0000",
    "x" * 60,
]


@pytest.mark.parametrize("text", SOUND_TIMES)
def test_a_time_is_floored_to_ms(text: str) -> None:
    tick = read_message(FULL["tick"], time=text)
    assert isinstance(tick, Tick)
    assert tick.time == SOUND_TIMES[text]
    refund = read_message(PURCHASE, kind="refund", time="9999-12-31T23:59:59.999-23:59", original_time=text)
    assert isinstance(refund, Transaction)
    assert refund.original_time == SOUND_TIMES[text]
    contact = read_message(BARE["contact"], started_at=text)
    assert isinstance(contact, Contact)
    assert contact.started_at == SOUND_TIMES[text]
    snooze = read_message(FULL["disposition"], snooze_until=text)
    assert isinstance(snooze, Disposition)
    assert snooze.snooze_until == SOUND_TIMES[text]


@pytest.mark.parametrize("at", range(len(WRONG_TIMES)))
def test_what_is_not_such_a_time_is_refused(at: int) -> None:
    text = WRONG_TIMES[at]
    for kind in KINDS:
        assert not accepted(FULL[kind], time=text)
    for kind, name in (
        ("transaction", "original_time"),
        ("contact", "started_at"),
        ("contact", "ended_at"),
        ("disposition", "snooze_until"),
    ):
        assert not accepted(FULL[kind], **{name: text})


def test_a_time_is_text() -> None:
    for kind in KINDS:
        assert not any(accepted(FULL[kind], time=value) for value in [*NOT_TEXT, TIME_MS, TIME_MS / 1000])


# ended_at:   ... 481 | 482 = time ]   never after, compared in whole ms
NOT_AFTER = [
    ("2024-03-05T14:23:11.481Z", True),
    ("2024-03-05T14:23:11.482Z", True),
    ("2024-03-05T14:23:11.482999Z", True),
    ("2024-03-05T15:23:11.482+01:00", True),
    ("2024-03-05T14:23:11.483Z", False),
    ("2024-03-05T13:23:11.483-01:00", False),
    ("2024-03-05T14:24Z", False),
]


@pytest.mark.parametrize(("ended_at", "verdict"), NOT_AFTER)
def test_a_contact_never_ends_after_its_version_was_recorded(ended_at: str, verdict: bool) -> None:
    assert accepted(BARE["contact"], ended_at=ended_at) is verdict
    assert accepted(BARE["contact"], started_at=ended_at)


@pytest.mark.parametrize(("original_time", "verdict"), NOT_AFTER)
def test_nothing_is_taken_back_or_corrected_before_it_was_bought(original_time: str, verdict: bool) -> None:
    """Of other kinds `original_time` means nothing, so it may be any time."""
    for kind in ("refund", "chargeback"):
        assert accepted(PURCHASE, kind=kind, original_time=original_time) is verdict
    assert accepted(FULL["transaction"], original_time=original_time) is verdict
    for kind in ("purchase", "fee", "subscription_charge", "subscription_changed"):
        assert accepted(PURCHASE, kind=kind, original_time=original_time)


def test_the_moment_of_a_contact_is_its_end_else_the_time_of_the_version() -> None:
    ended = read_message(BARE["contact"], ended_at="2024-03-05T14:23:10Z")
    still_open = read_message(BARE["contact"])
    assert isinstance(ended, Contact)
    assert isinstance(still_open, Contact)
    assert (ended.moment, ended.ended_at) == (TIME_MS - 1_482, TIME_MS - 1_482)
    assert (still_open.moment, still_open.ended_at) == (TIME_MS, None)


def test_what_a_contact_leaves_out_is_zero_false_or_none() -> None:
    contact = read_message(BARE["contact"])
    assert isinstance(contact, Contact)
    left_out = {name: getattr(contact, name) for name in contact.__struct_fields__[7:]}
    assert {name for name, value in left_out.items() if value is None} == {
        *("ended_at", "reason", "case_id", "resolution", "ended_by", "ended_stage"),
        *("deflected_to", "csat", "ces", "effort", "answered", "parent_contact_id", "started_at"),
    }
    assert {name for name, value in left_out.items() if value is False} == {
        *("outbound", "self_served", "escalation_requested", "escalation_granted", "complaint"),
        *("repeated_information", "recovery"),
    }
    assert contact.phrases == ()
    assert repr(contact.queue_seconds) == "0.0"


def test_a_full_contact_keeps_its_values() -> None:
    contact = read_message(FULL["contact"])
    assert isinstance(contact, Contact)
    same = set(contact.__struct_fields__) & set(FULL["contact"]) - {
        "time",
        "ended_at",
        "started_at",
        "phrases",
    }
    assert {name: getattr(contact, name) for name in same} == {name: FULL["contact"][name] for name in same}
    assert contact.outbound
    assert contact.started_at == TIME_MS - 4_991_482


@pytest.mark.parametrize("answered", [True, False, None])
def test_that_nobody_answered_is_told_from_what_is_not_known(answered: bool | None) -> None:
    contact = read_message(BARE["contact"], answered=answered)
    assert isinstance(contact, Contact)
    assert contact.answered is answered


def test_a_correction_says_what_it_was_and_when_it_was_bought() -> None:
    correction: Message = {**PURCHASE, "kind": "correction", "previous_amount": "50", "original_time": TIME}
    event = read_message(correction)
    assert isinstance(event, Transaction)
    assert (event.cents, event.previous_cents, event.original_time) == (3745, 5000, TIME_MS)
    assert read_message(correction, corrects="t-1") == event
    for name in ("amount", "currency", "previous_amount", "original_time"):
        assert not accepted(correction, **{name: None})


def test_a_changed_subscription_may_say_what_it_cost_before() -> None:
    event, first = read_message(PRICE), read_message(PRICE, previous_amount=None)
    assert isinstance(event, Transaction)
    assert isinstance(first, Transaction)
    assert (event.cents, event.previous_cents, event.original_time) == (3745, 6125, None)
    assert (first.cents, first.previous_cents) == (3745, None)
    assert not accepted(PRICE, amount=None)


OTHERS = ["purchase", "refund", "chargeback", "fee", "subscription_charge"]


@pytest.mark.parametrize("kind", [*OTHERS, "subscription_cancelled"])
def test_only_what_changes_has_an_amount_before(kind: str) -> None:
    message = PURCHASE | {"kind": kind, "amount": None if kind == "subscription_cancelled" else "1"}
    assert accepted(message)
    assert not any(accepted(message, previous_amount=amount) for amount in ("1", "0"))


@pytest.mark.parametrize("kind", [*OTHERS, "subscription_cancelled", "subscription_changed"])
def test_only_a_correction_corrects(kind: str) -> None:
    message = PURCHASE | {"kind": kind, "amount": None if kind == "subscription_cancelled" else "1"}
    assert accepted(message)
    assert not accepted(message, corrects="t-1")


def test_the_others_keep_their_values() -> None:
    notice, profile = read_message(FULL["notice"]), read_message(FULL["profile"])
    disposition = read_message(FULL["disposition"], time=TIME)
    assert isinstance(notice, Notice)
    assert isinstance(profile, Profile)
    assert isinstance(disposition, Disposition)
    for event, kind in ((notice, "notice"), (profile, "profile"), (disposition, "disposition")):
        for name in set(event.__struct_fields__) - {"time", "snooze_until"}:
            assert getattr(event, name) == FULL[kind][name]
    bare = read_message(BARE["notice"])
    assert isinstance(bare, Notice)
    assert bare.notified is False
