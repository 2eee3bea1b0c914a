"""The sentences of a case: what happened, how things stand, and its title."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from schemas.alert import Alert
from streams.core.alerts.words import RESOLUTIONS, SIGNALS
from streams.crm.payload.fields import MOST_TEXT, MOST_TITLE, State
from streams.crm.payload.plain import clip, day, days, harmless, harmless_id, money, rough_money
from streams.runtime.http.lookup import LookupAnswer, LookupEpisode

Figures = Alert | LookupEpisode
"""Both say the same of an episode, each at its time."""

SYNTHETIC: Final = "Synthetic, a test of the whole chain: ignore it. The customer does not exist."
CALL_NOBODY: Final = "Internal only: the customer asked not to be contacted. Put it right, call nobody."

_CANCELLED: Final = "subscription_cancelled"
_PHRASES: Final = SIGNALS | {
    _CANCELLED: "cancelled a subscription",
    "subscription_reduced": "reduced a subscription",
}
_QUIET: Final = "spends less than usual"
_MOST_PIECES: Final = 12
_MOST_SIGNAL: Final = 60


@dataclass(frozen=True, slots=True)
class Reason:
    """What went wrong, with its weight in nats, and the contact that it went wrong in."""

    signal: str
    nats: float
    contact_id: str | None


def reasons(alert: Alert, now: LookupAnswer | None) -> list[Reason]:
    """Return what went wrong: of each contact what is known of it now, else what the alert says."""
    found = [Reason(one.signal, one.nats, one.contact_id) for one in alert.reasons]
    if now is None:
        return found
    if alert.anchor is not None:
        known = {contact.contact_id for contact in now.contacts}
        found = [one for one in found if one.contact_id not in known] + [
            Reason(one.signal, one.nats, contact.contact_id)
            for contact in now.contacts
            for one in contact.signals
        ]
    cancelled = now.open_episode is not None and now.open_episode.cancelled
    if cancelled and not _is_cancelled(found):
        # A lookup does not tell what it weighs; nothing weighs more.
        found.append(Reason(_CANCELLED, math.inf, None))
    return found


def what_happened(found: Iterable[Reason], figures: Figures | None) -> tuple[str, ...]:
    """Return what happened in pieces, the heaviest first, and last that spend fell: all cases have that."""
    weights: dict[str, float] = {}
    contacts: Counter[str] = Counter()
    for one in found:
        weights[one.signal] = max(weights.get(one.signal, one.nats), one.nats)
        contacts[one.signal] += 1
    ranked = [_piece(signal, contacts[signal]) for signal in sorted(weights, key=lambda one: -weights[one])]
    more = len(ranked) - _MOST_PIECES
    shown = [*ranked[:_MOST_PIECES], f"And {more} more"] if more > 0 else ranked
    quiet = figures is not None and figures.log_odds.silence > 0
    return (*shown, *((_capital(_QUIET),) if quiet else ()))


def summary(alert: Alert, state: State, figures: Figures, found: list[Reason]) -> str:
    """Return what happened in one sentence; the alert's own where its figures are shown."""
    if isinstance(figures, Alert) and state != "no_longer_open":
        return harmless(alert.summary, MOST_TEXT)
    ending = ". It is no longer open." if state == "no_longer_open" else f"{since(figures, alert.currency)}."
    if _is_cancelled(found):
        after = "spend had fallen" if alert.anchor is None else "a bad contact"
        beginning, link = f"A subscription was cancelled after {after}", ": "
    elif alert.anchor is None:
        beginning, link = "Spend fell without a known bad contact", ": "
    else:
        beginning, link = f"The customer {_worst(alert, found)}", "; since then "
    return clip(beginning + ("" if state == "no_longer_open" else link) + ending, MOST_TEXT)


def standing(alert: Alert, state: State, now: LookupAnswer | None) -> str:
    """Return where the case stands, in one sentence."""
    if alert.resolution is not None:
        return f"Resolved on {day(alert.time)} ({alert.resolution}): {_small(RESOLUTIONS[alert.resolution])}."
    merged = None if now is None else now.merged_into
    if state == "no_longer_open":
        other = "" if merged is None else f" The customer is known as {harmless_id(merged, 100)} now."
        return f"No longer open: it has ended; how, the message says that will close it.{other}"
    snoozed = None if now is None or now.open_episode is None else now.open_episode.snoozed_until
    if snoozed is None or now is None or now.as_of is None or snoozed <= now.as_of:
        return "Open."
    return f"Open, snoozed until {day(snoozed)}."


def title(  # noqa: PLR0913 - all that it says
    alert: Alert,
    state: State,
    figures: Figures,
    found: list[Reason],
    *,
    internal_only: bool,
    synthetic: bool,
) -> str:
    """Return all of it in a line: what to heed, how much, whom, what happened."""
    customer = f"customer {harmless_id(alert.customer_id, 32)}"
    level = _capital(figures.level or alert.level)
    head = {
        "open": f"{level}, {rough_money(figures.value_at_risk, alert.currency)} at risk",
        "no_longer_open": "No longer open",
        "resolved": f"Resolved ({alert.resolution})",
    }[state]
    heed = ("SYNTHETIC, ignore: " if synthetic else "") + ("Internal only: " if internal_only else "")
    return clip(f"{heed}{head}: {customer} {_worst(alert, found)}", MOST_TITLE)


def since(figures: Figures, currency: str) -> str:
    """Return what was spent since, and what would be usual."""
    signs = [
        f"{count} {one if count == 1 else many}"
        for count, one, many in (
            (figures.visits_since, "order of 0.00", "orders of 0.00"),
            (figures.unread_since, "purchase that could not be read", "purchases that could not be read"),
        )
        if count
    ]
    spent = " and ".join([money(figures.spend_since, currency), *signs])
    return f"{spent} in {days(figures.days_since)}, usually {usual(figures, currency)}"


def usual(figures: Figures, currency: str) -> str:
    """Return what would be usual a day."""
    usually = f"{money(figures.usual_spend_per_day, currency)} a day"
    if figures.recurring_per_day == "0.00":
        return usually
    return f"{usually}, and {money(figures.recurring_per_day, currency)} a day by subscription"


def _is_cancelled(found: list[Reason]) -> bool:
    return any(one.signal == _CANCELLED for one in found)


def _worst(alert: Alert, found: list[Reason]) -> str:
    """Return what weighed most in the contact that it began with, else in any."""
    if _is_cancelled(found):
        return _PHRASES[_CANCELLED]
    if alert.anchor is None:
        return _QUIET
    began = alert.anchor.contact_id
    weighed = [(one.contact_id == began, one.nats, one.signal) for one in found]
    return _phrase(max(weighed)[2]) if weighed else "had a bad contact"


def _piece(signal: str, contacts: int) -> str:
    return _capital(_phrase(signal)) + (f", in {contacts} contacts" if contacts > 1 else "")


def _phrase(signal: str) -> str:
    """Return a signal in plain words; of one that is not known to us its name, underscores as blanks."""
    return _PHRASES.get(signal) or harmless(signal.replace("_", " "), _MOST_SIGNAL)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]
