"""The alert record: a decision with its evidence, in the words of the contract."""

from collections.abc import Iterable
from dataclasses import asdict
from hashlib import sha256
from typing import Final, Literal, cast

from schemas.alert import Alert, Anchor, Counters, LogOdds, Signal
from schemas.contact import Channel
from schemas.money import format_cents
from schemas.times import format_ms, parse_ms
from streams.core.alerts.counters import counters
from streams.core.alerts.decision import Decision
from streams.core.alerts.words import clears_when, summary
from streams.core.contacts.frustration import Known, own_signals
from streams.core.customer.customer import Customer
from streams.core.customer.pending import Episode
from streams.core.odds.odds import odds_of, reduction_nats
from streams.core.ruleset import Ruleset
from streams.core.spend.evidence import Evidence, Yardstick
from streams.core.time import DAY_HOURS, DAY_MS, HOUR_MS, WEEK_HOURS

_WEEKS_BEFORE: Final = 26
_PLACES: Final = 4
_BACKFILL_MS: Final = 7 * DAY_MS
_MOST_REASONS: Final = 64
"""The heaviest are named; an alert has to stay below the size of an event."""
_LEVELS: Final[tuple[Literal["watch", "alert"], ...]] = ("watch", "alert")


def arm(customer_id: str, rules: Ruleset) -> Literal["treated", "holdout"]:
    """Return the arm of a customer: a share of all, by a salted hash, is held out."""
    digest = sha256(f"{rules.holdout_salt}\0{customer_id}".encode()).digest()
    return "holdout" if int.from_bytes(digest[:8], "big") / 2**64 < rules.holdout_share else "treated"


def write_alert(customer: Customer, episode: Episode, decision: Decision) -> Alert:
    """Return the record of a decision about an open episode; `backfill` is left to the shell."""
    rules, found, yardstick = decision.rules, decision.evidence, episode.yardstick
    odds = odds_of(episode, customer.body.frustration, found.silence, rules)
    chance = odds.probability
    level = _LEVELS[episode.sent - 1]
    at_risk = value_at_risk(chance, yardstick, found, rules)
    since = yardstick.first_hour, decision.hour
    return Alert(
        event_id=f"{episode.alert_id}/{decision.revision}",
        alert_id=episode.alert_id,
        revision=decision.revision,
        customer_id=customer.customer_id,
        rule=episode.rule,
        state=decision.state,
        resolution=decision.resolution,
        level=level,
        arm=arm(customer.customer_id, rules),
        time=format_ms(decision.time),
        anchor=None if episode.anchor is None else anchor_of(episode.anchor),
        reasons=_reasons(customer, episode, rules),
        probability=round(chance, _PLACES),
        log_odds=LogOdds(
            prior=round(odds.prior, _PLACES),
            frustration=round(odds.frustration, _PLACES),
            silence=round(odds.silence, _PLACES),
        ),
        usual_spend_per_day=format_cents(round(yardstick.usual_per_day)),
        recurring_per_day=format_cents(round(yardstick.recurring_per_day)),
        spend_since=format_cents(found.spend),
        days_since=round(found.working_days, _PLACES),
        days_usual_spend_since=round(days_usual(found.spend, yardstick), _PLACES),
        visits_since=customer.visits(*since),
        unread_since=customer.unread(*since),
        irregularity_days=round(yardstick.irregularity_days, _PLACES),
        value_at_risk=format_cents(round(at_risk)),
        currency=decision.currency,
        trailing_spend=format_cents(episode.trailing_spend),
        value_cutoff=None if episode.cutoff is None else format_cents(episode.cutoff),
        spend_by_week=tuple(format_cents(one) for one in _weeks(customer, episode, decision.hour)),
        counters=_counters(customer, decision),
        backfill=False,
        clears_when=clears_when(decision, episode),
        summary=summary(customer, episode, decision),
        deadline=format_ms((episode.starts + rules.raise_days * DAY_HOURS) * HOUR_MS),
        recommended_owner=_owner(customer, level),
        do_not_contact=customer.do_not_contact,
        ruleset=f"{rules.version}+{rules.hash}",
    )


def dated(alerts: Iterable[Alert], now: int) -> list[Alert]:
    """Return alerts with `backfill` as a wall clock (ms) has it: decided more than 7 days behind it."""
    oldest = now - _BACKFILL_MS
    return [alert.model_copy(update={"backfill": parse_ms(alert.time) < oldest}) for alert in alerts]


def days_usual(spend: int, yardstick: Yardstick) -> float:
    """Return cents as days of usual spend; 0 for a subscriber who buys nothing."""
    return spend / yardstick.usual_per_day if yardstick.usual_per_day else 0.0


def value_at_risk(chance: float, yardstick: Yardstick, found: Evidence, rules: Ruleset) -> float:
    """Return the cents that 90 days without the part that was lost would cost, times the probability.

    Subscriptions are at risk as a whole.
    """
    lost, usual = 1.0, yardstick.usual_per_day
    if found.working_days >= 1 and usual:
        lost = max(0.0, 1 - found.spend / (usual * found.working_days))
    recurring = chance * yardstick.recurring_per_day * rules.raise_days
    return chance * usual * rules.raise_days * lost + recurring


def anchor_of(anchor: Known) -> Anchor:
    """Return an anchor in the words of the contract."""
    return Anchor(
        contact_id=anchor.contact_id,
        ended_at=None if anchor.ended_at is None else format_ms(anchor.ended_at),
        channel=cast("Channel | None", anchor.channel),
        reason=anchor.reason,
    )


def _reasons(customer: Customer, episode: Episode, rules: Ruleset) -> tuple[Signal, ...]:
    reasons = [
        Signal(signal=name, nats=round(nats, _PLACES), contact_id=contact.contact_id)
        for contact in (customer.body.contacts if episode.heard else ())
        for name, nats in own_signals(contact, rules)
    ]
    if len(reasons) > _MOST_REASONS:
        heaviest = sorted(range(len(reasons)), key=lambda at: -reasons[at].nats)[:_MOST_REASONS]
        reasons = [reasons[at] for at in sorted(heaviest)]
    gone = round(reduction_nats(episode.left, rules), _PLACES)
    if episode.cancelled:
        reasons.append(Signal(signal="subscription_cancelled", nats=gone, contact_id=None))
    elif gone:
        reasons.append(Signal(signal="subscription_reduced", nats=gone, contact_id=None))
    return tuple(reasons)


def _weeks(customer: Customer, episode: Episode, hour: int) -> list[int]:
    """Return the cents of 26 weeks before the episode's own, then of those since; the last may be a part."""
    middle = episode.parting
    before = range(middle - _WEEKS_BEFORE * WEEK_HOURS, middle, WEEK_HOURS)
    since = range(middle, max(hour, middle + 1), WEEK_HOURS)
    spend = customer.panes.spend
    return [spend(start, start + WEEK_HOURS) for start in before] + [
        spend(start, min(start + WEEK_HOURS, hour)) for start in since
    ]


def _counters(customer: Customer, decision: Decision) -> Counters:
    found = asdict(counters(customer, decision.time, decision.hour))
    money = {name: format_cents(value) for name, value in found.items() if name.startswith("spend_")}
    return Counters(**{**found, **money, "frustration": round(customer.body.frustration, _PLACES)})


def _owner(customer: Customer, level: str) -> str:
    """Return who should take it: the customer's own contact, else a person with authority, not a queue."""
    if customer.body.profile is not None and customer.body.profile.preferred_owner is not None:
        return customer.body.profile.preferred_owner
    return "named executive" if level == "alert" else "retention desk"
