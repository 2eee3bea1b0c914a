"""What a case says of an alert: as of now where a worker told, else as of the alert, and it tells which."""

import json
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from schemas.alert import Alert, LogOdds, Signal
from streams.core.alerts.decision import Resolution
from streams.core.alerts.words import RESOLUTIONS
from streams.core.partition.partition import Partition
from streams.core.time import DAY_MS
from streams.core.watermark import Input
from streams.crm.payload.case import fingerprint
from streams.crm.payload.examples import alert, case, examples, lookup
from streams.crm.payload.fields import Case
from streams.crm.payload.schema import SCHEMA, case_schema
from streams.crm.payload.words import _PHRASES
from streams.crm.wire import Kind
from streams.lab.report.words import SIGNALS as LABELS
from streams.runtime.http.lookup import LookupAnswer, LookupContact, LookupSignal, lookup_answer
from tests.core.drive import daily
from tests.runtime.dataset import TROUBLE, dataset, wait

FIGURES = ("probability", "spend_since", "days_since", "value_at_risk")
GONE = LogOdds(prior=-2.9, frustration=2.0, silence=-1.0)
LATER = "2026-03-30T06:00:00.000Z"


def contact(contact_id: str, **signals: float) -> LookupContact:
    return LookupContact(
        source="phone",
        contact_id=contact_id,
        version=2,
        kind="inbound",
        moment="2026-03-02T14:23:10.000Z",
        channel="voice",
        reason="refund",
        nats=2.0,
        signals=tuple(LookupSignal(signal=name, nats=nats) for name, nats in signals.items()),
    )


def resolved(how: str = "returned") -> Alert:
    return alert(state="resolved", resolution=how, revision=2)


def made(record: Alert | None = None, now: LookupAnswer | None = None, **changes: Any) -> Case:
    return case(alert() if record is None else record, Kind.UPDATE, now, **changes)


def test_the_figures_are_of_now() -> None:
    told = made(now=lookup())
    assert (told.figures_of, told.as_of, told.refreshed_at) == ("now", LATER, "2026-03-30T06:01:30.000Z")
    assert [getattr(told, name) for name in FIGURES] == [0.9512, "20.00", 27.625, "1006.40"]
    assert told.title == "Alert, 1,006 USD at risk: customer c-1042 was left unresolved"
    assert told.summary == (
        "The customer was left unresolved; since then 20.00 USD in 28 days, usually 12.34 USD a day."
    )
    assert "So it stands as of 30 Mar 2026 06:00 UTC." in told.description


@pytest.mark.parametrize(
    "now", [None, lookup(as_of=None), lookup(as_of="2026-03-19T10:59:59.999Z")], ids=["none", "new", "behind"]
)
def test_where_no_worker_told_the_figures_are_of_the_alert_and_it_says_so(now: LookupAnswer | None) -> None:
    told, record = made(now=now), alert()
    assert (told.figures_of, told.as_of, told.refreshed_at) == ("alert", record.time, None)
    assert [getattr(told, name) for name in FIGURES] == [getattr(record, name) for name in FIGURES]
    assert (told.summary, told.clears_when) == (record.summary, record.clears_when)
    assert "So it stood at the alert, 19 Mar 2026 11:00 UTC; no worker told how it stands now." in (
        told.description
    )


def test_a_worker_that_stands_where_the_alert_does_is_believed() -> None:
    assert made(now=lookup(as_of=alert().time)).figures_of == "now"


@pytest.mark.parametrize(
    "now", [lookup(open_episode=None), lookup({"alert_id": "another"})], ids=["none", "another"]
)
def test_what_is_no_longer_open_has_no_old_figures(now: LookupAnswer) -> None:
    told = made(now=now)
    assert (told.state, told.figures_of, told.priority) == ("no_longer_open", "now", "normal")
    assert [getattr(told, name) for name in FIGURES] == [None] * 4
    assert told.title == "No longer open: customer c-1042 was left unresolved"
    assert told.summary == "The customer was left unresolved. It is no longer open."
    assert told.standing.startswith("No longer open: ")
    for old in ("902", "at risk:", "Chance", "17 days", "Who should call", "less than usual"):
        assert old not in told.description


def test_who_goes_on_under_another_id_is_named() -> None:
    told = made(now=lookup(open_episode=None, merged_into="c-77\u202e"))
    assert told.standing.endswith("The customer is known as c-77\\u202e now.")


@pytest.mark.parametrize("how", get_args(Resolution))
@pytest.mark.parametrize("now", [None, lookup(), lookup(open_episode=None)], ids=["none", "open", "gone"])
def test_a_closed_case_says_what_it_was_and_how_it_ended(how: str, now: LookupAnswer | None) -> None:
    told = case(resolved(how), Kind.CLOSE, now)
    assert (told.state, told.resolution, told.figures_of, told.priority) == (
        "resolved",
        how,
        "alert",
        "normal",
    )
    assert told.title == f"Resolved ({how}): customer c-1042 was left unresolved"
    assert RESOLUTIONS[how][1:] in told.standing
    assert told.standing in told.description
    assert "Was left unresolved" in told.what_happened
    assert "Who should call" not in told.description


@pytest.mark.parametrize(
    ("told", "now"), [(True, lookup()), (True, None), (False, lookup(do_not_contact=True))]
)
def test_whoever_asked_not_to_be_contacted_is_internal(told: bool, now: LookupAnswer | None) -> None:
    found = made(now=now, internal_only=told)
    assert found.internal_only
    assert found.title.startswith("Internal only: Alert")
    assert found.description.startswith("Internal only: the customer asked not to be contacted. Put it right")
    assert "Who should put it right: named executive. Nobody calls." in found.description
    assert "Who should call" not in found.description


def test_a_deadline_that_has_passed_says_so() -> None:
    assert "Until: 31 May 2026\n" in made(now=lookup()).description
    late = lookup(as_of="2026-06-01T00:00:00.000Z")
    assert "Until: 31 May 2026, which has passed\n" in made(now=late).description


@pytest.mark.parametrize(
    ("probability", "shown"),
    [
        (0.0, "less than 1 %"),
        (0.01, "1 %"),
        (0.876, "88 %"),
        (0.9999, "more than 99 %"),
        (1.0, "more than 99 %"),
    ],
)
def test_a_chance_is_never_a_certainty(probability: float, shown: str) -> None:
    assert f"Chance of leaving: {shown}, level" in made(alert(probability=probability)).description


def test_a_silent_case_has_no_contact() -> None:
    quiet = alert(rule="silent", anchor=None, reasons=())
    told = made(quiet, lookup({"rule": "silent", "anchor": None}, contacts=(contact("k", complaint=1.0),)))
    assert told.contact is None
    assert told.title == "Alert, 1,006 USD at risk: customer c-1042 spends less than usual"
    assert told.summary == (
        "Spend fell without a known bad contact: 20.00 USD in 28 days, usually 12.34 USD a day."
    )
    assert told.what_happened == ("Spends less than usual",)
    assert "It began with" not in told.description


@pytest.mark.parametrize("anchored", [True, False])
@pytest.mark.parametrize("known", [True, False], ids=["by_the_alert", "by_the_worker"])
def test_a_cancelled_subscription_comes_first(anchored: bool, known: bool) -> None:
    reasons = (*alert().reasons, Signal(signal="subscription_cancelled", nats=3.5, contact_id=None))
    changes: dict[str, Any] = {"reasons": reasons if known else reasons[:-1]}
    if not anchored:
        changes |= {"anchor": None, "rule": "silent"}
    told = made(alert(**changes), lookup({"cancelled": True, "recurring_per_day": "1.50"}))
    assert "Cancelled a subscription" in told.what_happened[:2]
    assert told.title.endswith("customer c-1042 cancelled a subscription")
    after = "a bad contact" if anchored else "spend had fallen"
    assert told.summary.startswith(f"A subscription was cancelled after {after}: 20.00 USD in 28 days")
    assert told.summary.endswith("12.34 USD a day, and 1.50 USD a day by subscription.")
    assert "By subscription: 1.50 USD a day" in told.description


def test_a_canary_says_that_it_is_to_be_ignored() -> None:
    told = made(now=lookup(), canary=True, internal_only=True)
    assert told.synthetic
    assert told.title.startswith("SYNTHETIC, ignore: Internal only: Alert")
    assert told.description.startswith("Synthetic, a test of the whole chain: ignore it.")
    assert told.priority == "normal"


@pytest.mark.parametrize(
    ("level", "value", "cutoff", "expected"),
    [
        ("alert", "900.00", "3640.00", "urgent"),
        ("alert", "899.99", "3640.00", "high"),
        ("alert", "900.00", None, "high"),
        ("watch", "900.00", "3640.00", "high"),
        ("watch", "899.99", "3640.00", "normal"),
    ],
)
def test_the_priority_follows_from_level_and_value(
    level: str, value: str, cutoff: str | None, expected: str
) -> None:
    figures = {"level": level, "value_at_risk": value, "value_cutoff": cutoff}
    assert made(alert(**figures)).priority == expected
    assert made(now=lookup(figures)).priority == expected


def test_the_level_is_that_of_now() -> None:
    assert made(alert(level="watch"), lookup()).level == "alert"
    assert made(alert(level="watch"), lookup({"level": None})).level == "watch"


def test_what_happened_is_in_order_of_weight_and_counts_contacts() -> None:
    told = made(
        alert(
            reasons=(
                Signal(signal="long_hold", nats=0.2, contact_id="call-9"),
                Signal(signal="repeat", nats=0.95, contact_id="call-9"),
                Signal(signal="repeat", nats=0.5, contact_id="call-8"),
                Signal(signal="odd_\u202enew_sign", nats=3.0, contact_id="call-8"),
            ),
            log_odds=LogOdds(prior=-2.9, frustration=2.0, silence=0.7),
        )
    )
    assert told.what_happened == (
        "Odd \\u202enew sign",
        "Had to come back, in 2 contacts",
        "Was kept on hold",
        "Spends less than usual",  # last, whatever it weighs
    )
    assert told.title.endswith("had to come back")  # of the contact that it began with


def test_contacts_say_what_is_known_of_them_now() -> None:
    """The worker knows a newer version of the first contact, nothing more of another, and a third."""
    record = alert(
        reasons=(
            Signal(signal="unresolved", nats=1.85, contact_id="call-9"),
            Signal(signal="complaint", nats=1.0, contact_id="forgotten"),
        )
    )
    now = lookup(contacts=(contact("call-9", hung_up_on=0.95), contact("call-10", queue_abandoned=0.4)))
    assert made(record, now).what_happened == (
        "Complained",
        "Was cut off",
        "Gave up in the queue",
        "Spends less than usual",
    )


def test_many_signs_are_cut_and_one_who_buys_is_not_called_quiet() -> None:
    many = tuple(Signal(signal=f"sign_{at}", nats=float(at), contact_id="call-9") for at in range(20))
    told = made(alert(reasons=many, log_odds=GONE)).what_happened
    assert (len(told), told[0], told[-1]) == (13, "Sign 19", "And 8 more")


def test_signs_of_life_are_named() -> None:
    told = made(now=lookup({"visits_since": 1, "unread_since": 2, "days_since": 1.2})).summary
    assert "20.00 USD and 1 order of 0.00 and 2 purchases that could not be read in 1 day, usually" in told


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("2026-04-12T00:00:00.000Z", "Open, snoozed until 12 Apr 2026."),
        (LATER, "Open."),
        (None, "Open."),
    ],
)
def test_a_snoozed_case_says_until_when(until: str | None, expected: str) -> None:
    told = made(now=lookup({"snoozed_until": until}))
    assert (told.standing, told.snoozed_until) == (expected, until)


def test_the_account_and_its_other_alerts_are_named() -> None:
    for others, words in ((0, "no other open alert"), (1, "1 other open alert"), (2, "2 other open alerts")):
        assert f"Account: a-77, {words}\n" in made(others_of_account=others).description
    assert "Account" not in made(account_id=None).description


def test_every_signal_and_resolution_has_words() -> None:
    assert {*LABELS, "subscription_reduced"} - {"silence"} == set(_PHRASES)
    assert set(RESOLUTIONS) == set(get_args(Resolution))


@pytest.mark.parametrize(
    "changes",
    [
        {"probability": 0.94},
        {"spend_since": "20.01"},
        {"value_at_risk": "1100.00"},
        {"snoozed_until": "2026-04-12T00:00:00.000Z"},
        {"clears_when": "Clears when it does."},
        {"level": "watch"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_the_fingerprint_changes_with_what_a_desk_acts_on(changes: dict[str, Any]) -> None:
    assert fingerprint(made(now=lookup())) != fingerprint(made(now=lookup(changes)))


def test_the_fingerprint_stays_while_only_time_passes() -> None:
    later = lookup(
        {"days_since": 28.7, "probability": 0.9523, "value_at_risk": "1007.52"},
        as_of="2026-03-31T06:00:00.000Z",
    )
    first = made(now=lookup())
    assert fingerprint(first) == fingerprint(made(now=later, refreshed_at=1_800_000_000_000))
    assert fingerprint(first) != fingerprint(made(now=lookup(), internal_only=True))
    assert fingerprint(first) != fingerprint(made(now=lookup(open_episode=None)))
    assert fingerprint(first) != fingerprint(made(now=lookup(as_of="2026-06-01T06:00:00.000Z")))  # too late


def test_real_alerts_and_lookups_make_the_case_of_their_moment() -> None:
    """Someone is left alone with a problem, buys nothing for a month, and comes back."""
    partition, day = dataset(), 0
    raised = list[Alert]()
    while not any(one.level == "alert" for one in raised):
        day += 1
        raised += wait(partition, TROUBLE + day * DAY_MS)
    first = raised[0]
    at_first = made(first, answer(partition))
    assert (at_first.figures_of, at_first.level, first.level) == ("now", "alert", "watch")
    wait(partition, TROUBLE + 40 * DAY_MS)
    later = made(raised[-1], answer(partition))
    assert (later.state, later.spend_since, later.days_since) == ("open", "0.00", 39.9583)
    assert later.what_happened == ("Was left unresolved", "Spends less than usual")
    assert later.summary == raised[-1].summary.replace(f"{day} days", "40 days")
    partition.apply(Input.TRANSACTIONS, daily("a", TROUBLE + 40 * DAY_MS, 30))
    [closing] = wait(partition, TROUBLE + 70 * DAY_MS)
    gone = made(raised[-1], answer(partition))
    assert (gone.state, gone.value_at_risk) == ("no_longer_open", None)
    ended = case(closing, Kind.CLOSE, answer(partition))
    assert (ended.state, ended.resolution) == ("resolved", "returned")


def answer(partition: Partition) -> LookupAnswer:
    view = partition.lookup("a")
    assert view is not None
    return lookup_answer(view, "USD")


def test_the_schema_is_up_to_date() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == case_schema(), (
        "run python -m streams.crm.payload.schema > streams/crm/payload/case.schema.json"
    )


def test_the_examples_are_of_each_kind_and_as_the_schema_says() -> None:
    schema = json.loads(case_schema())
    Draft202012Validator.check_schema(schema)
    found = [one.model_dump(mode="json") for one in examples()]
    for one in found:
        Draft202012Validator(schema).validate(one)
    assert {one["kind"] for one in found} == set(Kind)
    nullable = {
        name for name, field in schema["properties"].items() if {"type": "null"} in field.get("anyOf", ())
    }
    assert {name for one in found for name, value in one.items() if value is None} == nullable
    assert {name for one in found for name, value in one.items() if value is not None} == set(
        Case.model_fields
    )
