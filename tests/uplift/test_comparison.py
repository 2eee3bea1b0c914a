"""What is said of a trial: who is in no rate yet, how long to wait, what looks wrong."""

from dataclasses import replace

import pytest

from schemas.events import Disposition
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS
from streams.uplift.comparison import Uplift
from streams.uplift.planning import FEWEST, Need, Smallest, Supply, needs, weekly
from tests.uplift.trial import NOBODY, START, Trial, bought, raised

HALF = replace(Ruleset(), holdout_share=0.5, holdout_salt="s")
WEEK_MS = 7 * DAY_MS


def trial_of(treated: int, held_out: int, at: int = START) -> Trial:
    rows = {f"c{number}": raised(f"c{number}", "treated", at) for number in range(treated)}
    more = range(treated, treated + held_out)
    return Trial(rows | {f"c{number}": raised(f"c{number}", "holdout", at) for number in more})


def planned(found: Uplift) -> dict[tuple[str, float], Need]:
    return {(one.aim, one.share): one for one in found.needs}


def test_everybody_counts_in_their_arm_and_the_reached_are_shown_beside() -> None:
    trial = trial_of(40, 20)
    for number in range(30):
        trial.outcomes.take(bought(f"c{number}", 1, 14_000))
        trial.outcomes.note(
            Disposition(f"c{number}", "crm", f"{number}", START, "a", "contacted", None, None)
        )
    trial.outcomes.take(bought("c59", 1, 5_000))
    found = trial.compared(HALF)
    assert found.verdict == "compared"
    assert (found.treated.contacted, found.held_out.contacted) == (30, 0)
    returned, spend = found.measures.returned, found.measures.spend
    assert (returned.treated.count, returned.treated.of) == (30, 40)
    assert (returned.held_out.count, returned.held_out.of) == (0, 20)
    assert (spend.treated.total, spend.held_out.total) == (30 * 14_000, 5_000)
    assert found.measures.bought.held_out.count == 1
    assert found.measures.usual_days.treated.mean == pytest.approx(10.5)
    assert found.contacted is not None
    assert (found.contacted.returned.treated.count, found.contacted.returned.treated.of) == (30, 30)
    assert found.contacted.returned.held_out.of == 20


def test_whose_90_days_are_not_over_or_not_seen_are_in_no_rate() -> None:
    trial = trial_of(50, 50)
    day = {customer: START + number % 5 * DAY_MS for number, customer in enumerate(trial.rows)}
    moved = Trial({customer: replace(one, time_ms=day[customer]) for customer, one in trial.rows.items()})
    found = moved.compared(HALF, days=93, floor_ms=START + 1)
    for arm in (found.treated, found.held_out):
        assert (arm.raised, arm.unseen, arm.measured, arm.running) == (50, 10, 30, 10)
    assert found.measures.returned.treated.of == 30


@pytest.mark.parametrize(
    ("held_out", "verdict"), [(FEWEST, "compared"), (FEWEST - 1, "too_few"), (0, "too_few")]
)
def test_nothing_is_compared_below_20_in_an_arm(held_out: int, verdict: str) -> None:
    found = trial_of(40, held_out).compared(HALF)
    assert found.verdict == verdict
    assert bool(found.balance) == (verdict == "compared")
    assert ("fewest" in {one.aim for one in found.needs}) == (verdict == "too_few")


def test_without_a_hold_out_arm_it_says_how_long_a_trial_would_take() -> None:
    found = trial_of(130, 0).compared(NOBODY)
    assert (found.verdict, found.chance_of_arms, found.warnings) == ("no_holdout", None, ())
    assert found.per_week == 10
    plan = planned(found)
    assert {share for _, share in plan} == {0.1, 0.2, 0.5}
    assert plan["fewest", 0.1] == Need("fewest", 0.1, 200, 200, 33)  # 20 weeks, and 90 days
    assert plan["smallest_returned", 0.1].customers is not None
    assert plan["smallest_spend", 0.1].customers is None  # nobody bought anything


def test_customers_and_weeks_still_needed() -> None:
    supply = Supply(100, [1, WEEK_MS, 3 * WEEK_MS + 1], as_of_ms=0, per_week=2)
    weeks = {number: supply.weeks_until(number) for number in (100, 101, 102, 103, 104, 123)}
    assert weeks == {100: 0, 101: 1, 102: 1, 103: 4, 104: 14, 123: 23}
    assert Supply(100, [], 0, per_week=0).weeks_until(101) is None


def test_the_current_inflow_is_that_of_13_weeks() -> None:
    times = [at * DAY_MS for at in range(91)]
    assert weekly(times, 91 * DAY_MS) == pytest.approx(7)
    assert weekly([*times, -1000 * DAY_MS], 91 * DAY_MS) == pytest.approx(7)
    assert weekly([0, 0, 0], DAY_MS) == 3  # of less than a week as much as of one
    assert weekly([], 0) == 0


def test_a_return_rate_that_cannot_rise_so_far_is_planned_to_fall() -> None:
    trial = trial_of(40, 40)
    for customer in trial.rows:
        trial.outcomes.take(bought(customer, 1, 14_000))
    found = trial.compared(HALF)
    plan = {one.aim: one for one in needs(found.measures, 0.5, Smallest(0.05), Supply(80, [], 0, 0))}
    customers = plan["smallest_returned"].customers
    assert customers is not None
    assert 100 < customers < 1000
    assert plan["observed_returned"] == Need("observed_returned", 0.5, None, None, None)  # all return


def test_while_nobody_is_measured_the_plan_says_what_it_assumes() -> None:
    found = trial_of(30, 30).compared(HALF, days=20)
    assert planned(found)["smallest_returned", 0.5].customers == 3_130
    assert any("50 %" in one for one in found.warnings)


@pytest.mark.parametrize(
    ("treated", "held_out", "warned"), [(60, 60, False), (70, 50, False), (90, 30, True)]
)
def test_arms_of_other_sizes_than_meant_are_told(treated: int, held_out: int, warned: bool) -> None:
    found = trial_of(treated, held_out).compared(HALF)
    assert any("sizes" in one for one in found.warnings) is warned


def test_arms_that_were_not_alike_before_are_told() -> None:
    trial = trial_of(60, 60)
    rich = {
        customer: replace(one, trailing_cents=(2 + (one.arm == "treated")) * 100_000 + int(customer[1:]))
        for customer, one in trial.rows.items()
    }
    found = Trial(rich).compared(HALF)
    assert [one.known for one in found.balance if one.unlike] == ["trailing_spend"]
    assert any("trailing spend" in one for one in found.warnings)
    assert trial.compared(HALF).warnings == ()


def test_held_out_customers_who_were_contacted_are_told() -> None:
    trial = trial_of(30, 30)
    trial.outcomes.note(Disposition("c59", "crm", "1", START, "a", "contacted", None, None))
    assert any("leaked" in one for one in trial.compared(HALF).warnings)


def test_rules_that_hold_out_nobody_or_everybody_are_told() -> None:
    found = trial_of(30, 30).compared(NOBODY)
    assert found.verdict == "compared"
    assert any("ruleset" in one for one in found.warnings)
    assert found.needs
    everybody = replace(HALF, holdout_share=1.0)
    found = trial_of(0, 30).compared(everybody)
    assert (found.verdict, found.needs) == ("too_few", ())
    assert any("everybody" in one for one in found.warnings)
