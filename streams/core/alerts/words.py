"""The plain sentences about an episode: what happened, and what would end it.

They hold none of the customer's own words.
"""

from typing import Final

from schemas.money import format_cents
from streams.core.alerts.decision import Resolution
from streams.core.alerts.figures import Figures
from streams.core.contacts.frustration import Known

SIGNALS: Final = {
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
"""What the customer met with or did, by signal of a contact: `The customer ...`."""

RESOLUTIONS: Final = {
    "returned": "The customer came back",
    "expired": "The episode ended after its last day without a return",
    "closed": "The desk closed the case",
    "withdrawn": "The contact turned out not to be bad",
    "erased": "The customer was erased",
    "merged": "The customer is known by another id from now on",
}
"""How an episode ended."""


WeighedSignal = tuple[str, str, float]
"""The id of a contact, one of its signals, and its nats."""


def summary(figures: Figures, resolution: Resolution | None, signals: list[WeighedSignal]) -> str:
    """Return what happened in one sentence; `signals` are those of all contacts."""
    episode, usual, spent, days = figures.episode, _usual(figures), _spent(figures), _days(figures.days)
    if resolution is not None:
        return f"{RESOLUTIONS[resolution]}: {spent} in {days}, usually {usual}."
    if episode.cancelled:
        after = "spend had fallen" if episode.anchor is None else "a bad contact"
        return f"A subscription was cancelled after {after}: {spent} in {days}, usually {usual}."
    if episode.anchor is None:
        return f"Spend fell without a known bad contact: {spent} in {days}, usually {usual}."
    what = _worst(episode.anchor, signals)
    return f"The customer {what}; since then {spent} in {days}, usually {usual}."


def clears_when(figures: Figures, resolution: Resolution | None) -> str:
    """Return what would clear the alert in one sentence."""
    episode, rules = figures.episode, figures.rules
    if resolution is not None:
        return "Nothing more is needed."
    beginning = "it was noticed" if episode.anchor is None else "the contact"
    usual = episode.yardstick.usual_per_day
    if usual == 0:
        return f"Clears when the case is closed, or by itself {rules.expiry_days} days after {beginning}."
    enough = format_cents(round(rules.returned_usual_days * usual))
    return (
        f"Clears when the customer spends {enough} {figures.currency} within 28 days, "
        f"or by itself {rules.expiry_days} days after {beginning}."
    )


def closes_silently_when(figures: Figures) -> str:
    """Return what would end an episode of which nothing was sent: S comes down to `returned_evidence`."""
    yardstick, rules = figures.episode.yardstick, figures.rules
    if yardstick.usual_per_day == 0:
        return f"Nothing was sent. Ends silently {rules.expiry_days} days after the contact."
    if yardstick.pace is not None:
        return (
            "Nothing was sent. Ends silently once the customer has bought as usual for some weeks, "
            f"or {rules.expiry_days} days after the contact."
        )
    days = figures.days - rules.returned_evidence * yardstick.irregularity_days
    enough = format_cents(round(yardstick.usual_per_day * days / 2))
    return (
        f"Nothing was sent. Ends silently once {enough} {figures.currency} are spent since the "
        f"contact, half the usual spend more with every day, or {rules.expiry_days} days after it."
    )


def _usual(figures: Figures) -> str:
    usual = f"{format_cents(figures.usual_per_day)} {figures.currency} a day"
    if figures.episode.yardstick.recurring_per_day == 0:
        return usual
    return f"{usual}, and {format_cents(figures.recurring_per_day)} {figures.currency} a day by subscription"


def _spent(figures: Figures) -> str:
    """Return what was spent since, and that the customer came where nothing tells what it was worth."""
    spent = f"{format_cents(figures.spend)} {figures.currency}"
    if not figures.rules.as_meant or not figures.signs:
        return spent
    signs = [
        f"{count} {one if count == 1 else many}"
        for count, one, many in (
            (figures.visits, "order of 0.00", "orders of 0.00"),
            (figures.unread, "purchase that could not be read", "purchases that could not be read"),
        )
        if count
    ]
    return " and ".join([", ".join([spent, *signs[:-1]]), signs[-1]])


def _days(days: float) -> str:
    whole = round(days)
    return "1 day" if whole == 1 else f"{whole} days"


def _worst(anchor: Known, signals: list[WeighedSignal]) -> str:
    """Return what weighed most in the anchor, else in any contact."""
    weighed = [(contact_id == anchor.contact_id, nats, name) for contact_id, name, nats in signals]
    return SIGNALS[max(weighed)[2]] if weighed else "had a bad contact"
