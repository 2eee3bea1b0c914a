"""Who takes part in a trial: one row a customer, and what is left out."""

from dataclasses import replace

from schemas.alert import Alert
from streams.core.alerts.arm import arm
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS
from streams.uplift.cohort import Alerts, Period
from streams.uplift.identities import Identities
from tests.uplift.trial import EVERYTHING, NOBODY, START, cohort_of, record

HALF = replace(Ruleset(), holdout_share=0.5, holdout_salt="s")
SHORT = Period(START, START + DAY_MS)


def drawn(customer: str, ruleset: str) -> Alert:
    """Return an alert in the arm that HALF draws."""
    return record(customer, ruleset=ruleset, arm=arm(customer, HALF))


def test_a_customer_counts_once_by_the_first_alert() -> None:
    later = record("c", at=START + 40 * DAY_MS, alert_id="second", value_at_risk="9.99", level="alert")
    first = record("c", value_at_risk="12.34", trailing_spend="-0.05", level="watch")
    found = cohort_of(later, record("c", at=START + DAY_MS, revision=2, level="alert"), first, record("d"))
    assert found.rows.keys() == {"c", "d"}
    row = found.rows["c"]
    assert (row.time_ms, row.level, row.at_risk_cents, row.trailing_cents) == (START, "watch", 1234, -5)
    assert row.usual_cents == 1000
    assert len(found.alerted) == 3
    assert not found.left_out


def test_the_time_looked_at_begins_with_its_first_millisecond_and_has_no_last() -> None:
    inside = [record("a"), record("b", at=START + DAY_MS - 1)]
    outside = [record("c", at=START - 1), record("d", at=START + DAY_MS)]
    found = cohort_of(*inside, *outside, period=SHORT)
    assert found.rows.keys() == {"a", "b"}
    assert found.left_out == {"outside": 2}


def test_an_alert_of_an_earlier_time_is_not_the_first_of_this_one() -> None:
    second = record("c", at=START + 5, alert_id="second")
    found = cohort_of(record("c", at=START - 1), record("c", revision=2), second, period=SHORT)
    assert found.rows["c"].time_ms == START + 5


def test_whoever_had_an_alert_in_the_trial_before_is_not_compared_by_a_later_one() -> None:
    """Of the treated only those alert again whom acting did not bring back; of the held out anybody does."""
    arms = {f"c{at}": arm(f"c{at}", HALF) for at in range(20)}
    before = [record(one, at=START - 1, ruleset="4+new", arm=of) for one, of in arms.items()]
    again = [
        record(one, at=START + 1, alert_id=f"{one}-2", ruleset="4+new", arm=of) for one, of in arms.items()
    ]
    found = cohort_of(*before, *again, drawn("d", "4+new"), rules=HALF, period=SHORT)
    assert found.rows.keys() == {"d"}
    assert found.left_out == {"outside": 20, "earlier": 20}
    # Before the trial all were treated alike: it says nothing of an arm.
    before = [record(one, at=START - 1, ruleset="4+old") for one in arms]
    assert cohort_of(*before, *again, rules=HALF, period=SHORT).rows.keys() == arms.keys()


def test_an_alert_whose_first_record_is_gone_takes_no_part() -> None:
    found = cohort_of(record("c", revision=2), record("d", revision=3, state="raised"))
    assert not found.rows
    assert found.left_out == {"began_unseen": 2}


def test_backfilled_records_count_where_they_are_asked_for() -> None:
    records = [
        record("c", backfill=True),
        record("d", backfill=True),
        record("d", at=START + DAY_MS, revision=2),
        record("e", backfill=True),
        record("e", revision=2, state="resolved", resolution="expired"),
    ]
    assert cohort_of(*records).rows.keys() == {"c", "d", "e"}
    live = cohort_of(*records, backfill=False)
    assert live.rows["d"].time_ms == START + DAY_MS  # from then on somebody could act on it
    assert live.rows.keys() == {"d"}
    assert live.left_out == {"backfill": 2}


def test_whoever_was_erased_is_left_out_and_counted_by_arm() -> None:
    found = cohort_of(
        *(record(one) for one in "cde"),
        record("c", revision=2, state="resolved", resolution="erased"),
        record("d", arm="holdout", alert_id="other", at=START - 1),
        record("d", revision=2, state="resolved", resolution="erased", alert_id="other", arm="holdout"),
    )
    assert found.rows.keys() == {"e"}
    assert found.left_out == {"erased_treated": 1, "erased_holdout": 1}
    assert [customer for _, customer in found.alerted] == ["e"]


def test_ids_of_one_customer_are_one_row_and_the_first_alert_says_in_which_arm() -> None:
    identities = Identities()
    identities.join("old", "new")
    identities.join("older", "old")
    alerts = Alerts(with_backfill=True)
    alerts.take(record("new", arm="treated", at=START + 1))
    alerts.take(record("older", arm="holdout"))
    alerts.take(record("other"))
    found = alerts.cohort(identities, NOBODY, EVERYTHING)
    assert found.rows.keys() == {"new", "other"}
    assert found.rows["new"].arm == "holdout"
    assert found.crossed == 1


def test_a_merge_that_was_taken_back_leaves_one_customer() -> None:
    identities = Identities()
    for one, other in (("a", "b"), ("b", "a"), ("c", "a"), ("d", "e")):
        identities.join(one, other)
    assert len({identities.of(one) for one in "abc"}) == 1
    assert identities.of("d") == "e"
    assert identities.of("nobody else") == "nobody else"


def test_alerts_from_before_the_hold_out_arm_are_not_compared_with_those_after() -> None:
    """Under the old rules everybody was treated, so time would be compared with time."""
    old = [record(f"c{at}", ruleset="4+old") for at in range(20)]
    new = [drawn(f"d{at}", "4+new") for at in range(20)]
    found = cohort_of(*old, *new, rules=HALF)
    assert found.rows.keys() == {f"d{at}" for at in range(20)}
    assert found.left_out == {"other_share": 20}
    assert len(cohort_of(*old, *new, rules=NOBODY).rows) == 40


def test_another_ruleset_with_the_same_share_and_salt_goes_on() -> None:
    records = [drawn(f"c{at}", f"4+{at % 2}") for at in range(20)]
    found = cohort_of(*records, rules=HALF)
    assert len(found.rows) == 20
    assert not found.left_out
