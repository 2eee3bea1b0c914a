"""The arms held against one another: how many came back, what they spent, whether they were alike before."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from streams.core.alerts.arm import Arm
from streams.core.ruleset import Ruleset
from streams.uplift.cohort import WINDOW_MS, Cohort, LeftOut, Raised
from streams.uplift.measures import Measures, Row, measure
from streams.uplift.outcomes import Outcomes
from streams.uplift.planning import FEWEST, Need, Smallest, Supply, needs, weekly
from streams.uplift.trial_statistics import SURPRISE, Sample, chance_of_arms, is_unlike, standardised

SUGGESTED_SHARES: Final = (0.1, 0.2, 0.5)
"""What is worked out where nobody is held out."""

Verdict = Literal["compared", "no_holdout", "too_few"]
Known = Literal["trailing_spend", "value_at_risk", "level_alert"]
"""What was known of a customer before anybody was called; `level_alert` is 1 or 0."""


@dataclass(frozen=True, slots=True)
class Material:
    """What the events come to."""

    cohort: Cohort
    outcomes: Outcomes
    as_of_ms: int
    """The newest purchase."""
    floor_ms: int = 0
    """Purchases before this time are not all known any more."""
    currency: str = "USD"
    notes: tuple[str, ...] = ()
    """What there is to say of where the events come from."""


@dataclass(frozen=True, slots=True)
class ArmCount:
    """The customers of an arm."""

    raised: int
    """All that had an alert: the sum of the next three."""
    measured: int
    running: int
    """Their 90 days are not over."""
    unseen: int
    """Their 90 days began before what is still kept of the purchases."""
    contacted: int
    """Of those measured: somebody reached them."""


@dataclass(frozen=True, slots=True)
class Balance:
    """Something known before anybody was called, in which the arms should be alike; money in cents."""

    known: Known
    treated: float
    held_out: float
    difference: float
    """In standard deviations."""
    unlike: bool


@dataclass(frozen=True, slots=True)
class Uplift:
    """What a trial says."""

    verdict: Verdict
    share: float
    """The share that the ruleset holds out."""
    as_of_ms: int
    """Until when the purchases are known."""
    treated: ArmCount
    held_out: ArmCount
    measures: Measures
    """Every alert in its arm, whoever was called."""
    contacted: Measures | None
    """The same with only those of the treated who were reached: biased. None where they are too few."""
    balance: tuple[Balance, ...]
    """Empty where nothing is compared."""
    chance_of_arms: float | None
    """How likely arms are that are as far from the share; None where nobody was to be held out."""
    per_week: float
    """New customers with an alert a week, of late."""
    needs: tuple[Need, ...]
    left_out: Counter[LeftOut]
    crossed: int
    warnings: tuple[str, ...]


def compare(material: Material, rules: Ruleset, smallest: Smallest) -> Uplift:
    """Return what a trial says."""
    cohort, outcomes, as_of_ms = material.cohort, material.outcomes, material.as_of_ms
    rows: dict[Arm, list[Row]] = {"treated": [], "holdout": []}
    waiting: dict[Arm, Counter[str]] = {"treated": Counter(), "holdout": Counter()}
    ends: list[int] = []
    for customer, raised in cohort.rows.items():
        end = raised.time_ms + WINDOW_MS
        if raised.time_ms < material.floor_ms:
            waiting[raised.arm]["unseen"] += 1
        elif end > as_of_ms:
            waiting[raised.arm]["running"] += 1
            ends.append(end)
        else:
            rows[raised.arm].append((raised, outcomes[customer]))
    treated, held_out = rows["treated"], rows["holdout"]
    one, other = _count(treated, waiting["treated"]), _count(held_out, waiting["holdout"])
    verdict = _verdict(one, other, rules.holdout_share)
    reached = [row for row in treated if row[1].contacted]
    measures = measure(treated, held_out)
    supply = Supply(one.measured + other.measured, sorted(ends), as_of_ms, _inflow(cohort, verdict, as_of_ms))
    compared = verdict == "compared"
    found = Uplift(
        verdict=verdict,
        share=rules.holdout_share,
        as_of_ms=as_of_ms,
        treated=one,
        held_out=other,
        measures=measures,
        contacted=measure(reached, held_out) if compared and len(reached) >= FEWEST else None,
        balance=tuple(_balance(treated, held_out)) if compared else (),
        chance_of_arms=_chance(other.raised, len(cohort.rows), rules.holdout_share),
        per_week=supply.per_week,
        needs=tuple(_needs(verdict, measures, _shares(verdict, one, other, rules), smallest, supply)),
        left_out=cohort.left_out,
        crossed=cohort.crossed,
        warnings=(),
    )
    return replace(found, warnings=tuple(_warnings(found)))


def _count(rows: Sequence[Row], waiting: Counter[str]) -> ArmCount:
    running, unseen = waiting["running"], waiting["unseen"]
    contacted = sum(outcome.contacted for _, outcome in rows)
    return ArmCount(len(rows) + running + unseen, len(rows), running, unseen, contacted)


def _verdict(treated: ArmCount, held_out: ArmCount, share: float) -> Verdict:
    if not share and not held_out.raised:
        return "no_holdout"
    return "compared" if min(treated.measured, held_out.measured) >= FEWEST else "too_few"


def _balance(treated: Sequence[Row], held_out: Sequence[Row]) -> Iterator[Balance]:
    known: dict[Known, Callable[[Raised], int]] = {
        "trailing_spend": lambda one: one.trailing_cents,
        "value_at_risk": lambda one: one.at_risk_cents,
        "level_alert": lambda one: one.level == "alert",
    }
    for name, of in known.items():
        one, other = (Sample.of(of(raised) for raised, _ in rows) for rows in (treated, held_out))
        difference = standardised(one, other)
        yield Balance(name, one.mean, other.mean, difference, is_unlike(difference, one.count, other.count))


def _chance(held_out: int, of: int, share: float) -> float | None:
    return chance_of_arms(held_out, of, share) if of and share else None


def _inflow(cohort: Cohort, verdict: Verdict, as_of_ms: int) -> float:
    """Return the customers a week that a trial gets: one that runs gets nobody twice."""
    if verdict != "no_holdout":
        return weekly([one.time_ms for one in cohort.rows.values()], as_of_ms)
    newest = {customer: time_ms for time_ms, customer in cohort.alerted}
    return weekly(list(newest.values()), as_of_ms)


def _shares(verdict: Verdict, treated: ArmCount, held_out: ArmCount, rules: Ruleset) -> tuple[float, ...]:
    """Return the shares to plan with: that of the rules; without rules for it that of the alerts."""
    if verdict == "no_holdout":
        return SUGGESTED_SHARES
    share = rules.holdout_share or held_out.raised / (treated.raised + held_out.raised)
    return (share,) if 0 < share < 1 else ()


def _needs(
    verdict: Verdict, measures: Measures, shares: Sequence[float], smallest: Smallest, supply: Supply
) -> Iterator[Need]:
    if verdict == "no_holdout":
        supply = Supply(0, (), supply.as_of_ms, supply.per_week)  # whoever was treated so far does not count
    for share in shares:
        yield from needs(measures, share, smallest, supply)


def _warnings(found: Uplift) -> Iterator[str]:
    """Yield what keeps the comparison from being one, or from meaning what it seems to."""
    held_out, of = found.held_out.raised, found.held_out.raised + found.treated.raised
    if held_out and not found.share:
        yield "Alerts were held out, but by this ruleset nobody is: name the one that the workers run with."
    if found.share == 1:
        yield "holdout_share is 1: everybody is held out, nobody is treated."
    if found.chance_of_arms is not None and found.chance_of_arms < SURPRISE:
        yield (
            f"The arms are not of the sizes that were meant: {held_out:,} of {of:,} are held out "
            f"({held_out / of:.1%}), by the ruleset {found.share:.1%}. Chance does that less than once in "
            "1,000 times: look for lost records or another salt before you believe the rest."
        )
    unlike = ", ".join(one.known.replace("_", " ") for one in found.balance if one.unlike)
    if unlike:
        yield f"The arms were not alike before anybody was called: {unlike}."
    if found.held_out.contacted:
        yield (
            f"By the dispositions {found.held_out.contacted:,} of the held out were contacted: their alerts "
            "have leaked, and the difference shows too small."
        )
    if found.crossed:
        yield f"{found.crossed:,} customers have merged ids of both arms: that of their first alert counts."
    if not found.measures.returned.pooled.of:
        yield "Nobody is measured yet: the plan takes a return rate of 50 %, which needs the most customers."
