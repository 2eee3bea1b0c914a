"""The alert record: a decision, the figures of its episode and the sentences, in the form of the contract."""

from collections.abc import Iterable
from typing import Final

from schemas.alert import Alert, Signal
from schemas.money import format_cents
from schemas.times import format_ms, parse_ms
from streams.core.alerts.contract import counters_field, episode_fields, rounded
from streams.core.alerts.counters import counters
from streams.core.alerts.decision import Decision
from streams.core.alerts.figures import LEVELS, Figures, Level
from streams.core.alerts.words import WeighedSignal, clears_when, summary
from streams.core.contacts.frustration import own_signals
from streams.core.customer.customer import Customer
from streams.core.customer.pending import Episode
from streams.core.odds.odds import reduction_nats
from streams.core.time import DAY_MS, WEEK_HOURS

_WEEKS_BEFORE: Final = 26
_BACKFILL_MS: Final = 7 * DAY_MS
_MOST_REASONS: Final = 64
"""Only the heaviest are named: an alert has to stay below the size of an event."""


def write_alert(customer: Customer, decision: Decision, figures: Figures) -> Alert:
    """Return the record of a decision about an open episode; `backfill` is left to the shell."""
    episode = figures.episode
    signals = [
        (contact.contact_id, name, nats)
        for contact in customer.body.contacts
        for name, nats in own_signals(contact, figures.rules)
    ]
    level = LEVELS[episode.sent - 1]
    return Alert(
        **episode_fields(figures),
        event_id=f"{episode.alert_id}/{decision.revision}",
        revision=decision.revision,
        customer_id=customer.customer_id,
        state=decision.state,
        resolution=decision.resolution,
        level=level,
        arm=figures.arm,
        time=format_ms(figures.time),
        reasons=_reasons(signals, figures),
        currency=figures.currency,
        spend_by_week=tuple(format_cents(one) for one in _weeks(customer, episode, decision.hour)),
        counters=counters_field(counters(customer, figures.time, decision.hour)),
        backfill=False,
        clears_when=clears_when(figures, decision.resolution),
        summary=summary(figures, decision.resolution, signals),
        recommended_owner=_owner(customer, level),
        do_not_contact=customer.do_not_contact,
    )


def dated(alerts: Iterable[Alert], now: int) -> list[Alert]:
    """Return alerts with `backfill` set on those decided more than 7 days before the wall clock (ms)."""
    oldest = now - _BACKFILL_MS
    return [alert.model_copy(update={"backfill": parse_ms(alert.time) < oldest}) for alert in alerts]


def _reasons(signals: list[WeighedSignal], figures: Figures) -> tuple[Signal, ...]:
    """Return the heaviest signals of contacts, in their order, then what is gone of the subscriptions."""
    episode = figures.episode
    reasons = [
        Signal(signal=name, nats=rounded(nats), contact_id=contact_id)
        for contact_id, name, nats in (signals if episode.heard else ())
    ]
    if len(reasons) > _MOST_REASONS:
        heaviest = sorted(range(len(reasons)), key=lambda at: -reasons[at].nats)[:_MOST_REASONS]
        reasons = [reasons[at] for at in sorted(heaviest)]
    gone = rounded(reduction_nats(episode.left, figures.rules))
    if episode.cancelled:
        reasons.append(Signal(signal="subscription_cancelled", nats=gone, contact_id=None))
    elif gone:
        reasons.append(Signal(signal="subscription_reduced", nats=gone, contact_id=None))
    return tuple(reasons)


def _weeks(customer: Customer, episode: Episode, hour: int) -> list[int]:
    """Return the cents of each of 26 weeks before the episode, then of each since; the last may be short."""
    middle = episode.parting
    before = range(middle - _WEEKS_BEFORE * WEEK_HOURS, middle, WEEK_HOURS)
    since = range(middle, max(hour, middle + 1), WEEK_HOURS)
    spend = customer.panes.spend
    return [spend(start, start + WEEK_HOURS) for start in before] + [
        spend(start, min(start + WEEK_HOURS, hour)) for start in since
    ]


def _owner(customer: Customer, level: Level) -> str:
    """Return who should take it: the customer's own contact, else a person with authority, not a queue."""
    if customer.body.profile is not None and customer.body.profile.preferred_owner is not None:
        return customer.body.profile.preferred_owner
    return "named executive" if level == "alert" else "retention desk"
