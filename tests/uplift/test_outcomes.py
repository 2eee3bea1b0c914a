"""What counts as bought in the 90 days, and who is back."""

import pytest

from schemas.events import Disposition
from streams.core.time import DAY_MS
from streams.uplift.identities import Identities
from streams.uplift.outcomes import Outcome, Outcomes
from tests.uplift.trial import START, bought, raised


def after(*events: object, identities: Identities | None = None) -> Outcome:
    """Return what became of customer c."""
    outcomes = Outcomes({"c": raised("c", "treated")}, identities or Identities())
    for event in events:
        if isinstance(event, Disposition):
            outcomes.note(event)
        else:
            outcomes.take(event)  # type: ignore[arg-type]
    return outcomes["c"]


def reached(
    days: float, status: str = "contacted", outcome: str | None = None, customer: str = "c"
) -> Disposition:
    return Disposition(
        customer, "crm", f"d-{days}", START + round(days * DAY_MS), "a-c", status, outcome, None
    )


def test_the_90_days_begin_with_the_alert_and_end_before_the_same_time() -> None:
    just = 1 / DAY_MS
    found = after(
        *(bought("c", days, 1) for days in (0, 90 - just)),
        *(bought("c", days, 100) for days in (-just, 90)),
        bought("d", 1, 100),
    )
    assert (found.cents, found.days[0], found.days[89]) == (2, 1, 1)


def test_what_was_given_back_counts_where_it_was_bought() -> None:
    origin = START + 5 * DAY_MS
    found = after(
        bought("c", 5, 10_000),
        bought("c", 120, 4_000, kind="refund", original_time=origin),
        bought("c", 10, 700, kind="refund", original_time=START - DAY_MS),  # bought before the alert
        bought("c", 11, 30, kind="chargeback"),  # nobody knows when that was bought
        bought("c", 12, 6_500, kind="correction", previous_cents=7_000, original_time=origin),
    )
    assert found.days[5] == 10_000 - 4_000 - 500
    assert found.days[11] == -30
    assert found.cents == 5_470


def test_what_the_customer_does_not_choose_is_no_spend() -> None:
    found = after(*(bought("c", 3, 900, kind, kind=kind) for kind in ("fee", "subscription_charge")))
    assert (found.cents, found.bought) == (0, False)


def test_an_event_counts_once_but_a_refund_may_have_the_id_of_its_purchase() -> None:
    found = after(
        bought("c", 3, 900, "1"),
        bought("c", 3, 900, "1"),
        bought("c", 4, 800, "1"),
        bought("c", 4, 200, "1", kind="refund"),
    )
    assert found.cents == 700


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], False),
        ([bought("c", 1, 0)], False),  # a free sample, which a team that treats may send
        ([bought("c", 1, 500), bought("c", 2, 500, kind="refund")], True),
        ([bought("c", 1, 500, kind="refund")], False),
    ],
)
def test_any_purchase_above_0_is_one(events: list[object], expected: bool) -> None:
    assert after(*events).bought is expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([bought("c", 40, 14_000)], True),
        ([bought("c", 40, 13_999)], False),
        ([bought("c", 0, 7_000), bought("c", 27.99, 7_000)], True),
        ([bought("c", 0, 7_000), bought("c", 28, 7_000)], False),
        ([bought("c", 62, 7_000), bought("c", 89.99, 7_000)], True),
        (
            [bought("c", 3, 14_000), bought("c", 50, 1, kind="refund", original_time=START + 3 * DAY_MS)],
            False,
        ),
        ([bought("c", 3, 14_000), bought("c", 50, 1, kind="refund")], True),
    ],
)
def test_back_is_who_spends_14_usual_days_within_28(events: list[object], expected: bool) -> None:
    assert after(*events).returned(1_000) is expected


def test_whose_usual_spend_rounds_to_nothing_is_back_with_the_first_cent() -> None:
    assert not after().returned(0)
    assert after(bought("c", 1, 1)).returned(0)


def test_purchases_follow_a_merge_whatever_its_direction_and_time() -> None:
    identities = Identities()
    identities.join("c", "new")
    outcomes = Outcomes({identities.of("c"): raised("c", "treated")}, identities)
    for event in (bought("c", 1, 10), bought("new", 2, 200), bought("other", 2, 1)):
        outcomes.take(event)
    assert outcomes["new"].cents == 210


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([reached(3)], True),
        ([reached(3, outcome="no_answer")], False),
        ([reached(3, outcome="no_answer"), reached(4, outcome="confirmed")], True),
        ([reached(3, "acknowledged"), reached(4, "closed", "benign")], False),
        ([reached(-1), reached(90), reached(3, customer="d")], False),
    ],
)
def test_reached_is_who_was_contacted_and_answered_within_the_90_days(
    said: list[Disposition], expected: bool
) -> None:
    assert after(*said).contacted is expected
