"""The two plain sentences of an alert. Of the customer's own words or texts they hold nothing."""

from typing import Final

from schemas.money import format_cents
from streams.core.alerts.decision import Decision
from streams.core.contacts.frustration import Known, own_signals
from streams.core.customer.customer import Customer
from streams.core.customer.pending import Episode
from streams.core.ruleset import Ruleset
from streams.core.spend.evidence import Yardstick

_SIGNALS: Final = {
    "unresolved": "was left unresolved",
    "worst_score": "gave the worst score",
    "escalation_refused": "was refused an escalation",
    "complaint": "complained",
    "slow_reply": "waited more than a day for a reply",
    "transfers": "was passed on",
    "long_hold": "was kept on hold",
    "deflected": "was sent to another channel",
    "ivr_dead_end": "ended in the IVR",
    "hung_up_on": "was cut off",
    "zero_outs": "pressed zero again and again",
    "queue_abandoned": "gave up in the queue",
    "repeated_information": "had to say it all again",
    "powerless_phrase": "was told that it can't be done",
    "self_service": "spent half an hour helping themselves",
    "repeat": "had to come back",
    "unnotified_change": "met a change without notice",
}
_RESOLUTIONS: Final = {
    "returned": "The customer came back",
    "expired": "The episode ended after its last day without a return",
    "closed": "The desk closed the case",
    "withdrawn": "The contact turned out not to be bad",
    "erased": "The customer was erased",
    "merged": "The customer is known by another id from now on",
}


def summary(customer: Customer, episode: Episode, decision: Decision) -> str:
    """Return what happened in one sentence."""
    usual = _usual(episode.yardstick, decision.currency)
    spent = _spent(customer, episode, decision)
    days = _days(decision.evidence.working_days)
    if decision.resolution is not None:
        return f"{_RESOLUTIONS[decision.resolution]}: {spent} in {days}, usually {usual}."
    if episode.cancelled:
        after = "spend had fallen" if episode.anchor is None else "a bad contact"
        return f"A subscription was cancelled after {after}: {spent} in {days}, usually {usual}."
    if episode.anchor is None:
        return f"Spend fell without a known bad contact: {spent} in {days}, usually {usual}."
    what = _worst(customer, episode.anchor, decision.rules)
    return f"The customer {what}; since then {spent} in {days}, usually {usual}."


def clears_when(decision: Decision, episode: Episode) -> str:
    """Return what would clear the alert in one sentence."""
    rules = decision.rules
    if decision.resolution is not None:
        return "Nothing more is needed."
    beginning = "it was noticed" if episode.anchor is None else "the contact"
    if episode.yardstick.usual_per_day == 0:
        return f"Clears when the case is closed, or by itself {rules.expiry_days} days after {beginning}."
    enough = format_cents(round(rules.returned_usual_days * episode.yardstick.usual_per_day))
    return (
        f"Clears when the customer spends {enough} {decision.currency} within 28 days, "
        f"or by itself {rules.expiry_days} days after {beginning}."
    )


def _usual(yardstick: Yardstick, currency: str) -> str:
    usual = f"{_per_day(yardstick)} {currency} a day"
    if yardstick.recurring_per_day == 0:
        return usual
    return f"{usual}, and {format_cents(round(yardstick.recurring_per_day))} {currency} a day by subscription"


def _spent(customer: Customer, episode: Episode, decision: Decision) -> str:
    """Return what was spent since, and that the customer came where nothing tells what it was worth."""
    first, hour = episode.yardstick.first_hour, decision.hour
    spent = f"{format_cents(decision.evidence.spend)} {decision.currency}"
    if not decision.rules.as_meant or not customer.signs(first, hour):
        return spent
    signs = [
        f"{count} {one if count == 1 else many}"
        for count, one, many in (
            (customer.visits(first, hour), "order of 0.00", "orders of 0.00"),
            (
                customer.unread(first, hour),
                "purchase that could not be read",
                "purchases that could not be read",
            ),
        )
        if count
    ]
    return " and ".join([", ".join([spent, *signs[:-1]]), signs[-1]])


def _days(days: float) -> str:
    whole = round(days)
    return "1 day" if whole == 1 else f"{whole} days"


def _per_day(yardstick: Yardstick) -> str:
    return format_cents(round(yardstick.usual_per_day))


def _worst(customer: Customer, anchor: Known, rules: Ruleset) -> str:
    """Return what weighed most in the anchor, else in any contact."""
    signals = [
        (one.contact_id == anchor.contact_id, nats, name)
        for one in customer.body.contacts
        for name, nats in own_signals(one, rules)
    ]
    return _SIGNALS[max(signals)[2]] if signals else "had a bad contact"
