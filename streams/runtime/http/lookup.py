"""What `POST /lookup` takes and gives: one customer at the last decided time, in the words of the contract.

Money is decimal text in `currency`, times are RFC 3339 in UTC, floats are rounded to 4 places as in alerts.
"""

from typing import Annotated, Literal, cast

from annotated_types import Ge
from pydantic import ConfigDict, Strict

from schemas.alert import Anchor, Counters, LogOdds, NonNegative, Probability
from schemas.common import Cents, Count, Currency, Identifier, Model, UtcTime
from schemas.contact import Channel
from schemas.times import format_ms
from streams.core.alerts.contract import counters_field, episode_fields, rounded
from streams.core.alerts.figures import Figures
from streams.core.alerts.view import CustomerView
from streams.core.alerts.words import clears_when, closes_silently_when
from streams.core.contacts.frustration import Known, Signal
from streams.core.time import HOUR_MS
from streams.core.watermark import NEVER


class _Private(Model):
    """A model whose errors never show what a customer did."""

    # Built when it is first used: to build these takes a fifth of a worker's start.
    model_config = ConfigDict(hide_input_in_errors=True, defer_build=True)


class LookupQuestion(_Private):
    """The body of a lookup."""

    customer_id: Identifier
    """Whom to look up."""


class LookupSignal(_Private):
    """One thing that went wrong in a contact."""

    signal: str
    """What happened, as the ruleset calls it."""
    nats: float
    """How much it adds to the log-odds, before decay and cap."""


class LookupContact(_Private):
    """A contact or notice that still counts, in its newest version."""

    source: Identifier
    """The system that it comes from."""
    contact_id: Identifier
    """Its id."""
    version: Annotated[int, Ge(1)]
    """The newest version known."""
    kind: Literal["inbound", "outbound", "recovery", "notice"]
    """Who got in touch; a recovery is somebody with authority who put it right."""
    moment: UtcTime
    """When it ended, else when it was recorded."""
    channel: Channel | None
    """How they spoke; null for a notice."""
    reason: str | None
    """What it was about, in the words of the contact centre's own list."""
    nats: NonNegative
    """What it adds by itself, before decay and cap."""
    signals: Annotated[tuple[LookupSignal, ...], Strict(strict=False)]
    """The same by signal."""


class LookupEpisode(_Private):
    """An open episode, with its evidence at `as_of`."""

    alert_id: Identifier
    """What alerts about it are called."""
    level: Literal["watch", "alert"] | None
    """The highest level sent; null while nothing was."""
    opened: UtcTime
    """When it opened."""
    rule: Literal["contact", "silent"]
    """What opened it: a bad contact, or silence alone."""
    anchor: Anchor | None
    """The bad contact that it starts from; null only under the silent rule."""
    weighed_from: UtcTime
    """From when spend is weighed: the hour after the anchor; without one, when it began to fall."""
    cancelled: bool
    """Whether a subscription was cancelled since."""
    snoozed_until: UtcTime | None
    """Nothing is raised before that."""
    probability: Probability
    """The probability of leaving."""
    log_odds: LogOdds
    """The same as log-odds, by where they come from."""
    usual_spend_per_day: Cents
    """The baseline before `weighed_from`."""
    recurring_per_day: Cents
    """Subscription charges before it."""
    spend_since: Cents
    """Spend since `weighed_from`."""
    visits_since: Count
    """Orders of 0.00 since then."""
    unread_since: Count
    """Purchases since then that were refused, and so are not in `spend_since`."""
    days_since: NonNegative
    """Days since `weighed_from`, without those of a broken feed."""
    days_usual_spend_since: NonNegative
    """`spend_since` in days of usual spend."""
    irregularity_days: NonNegative
    """How many quiet days make one nat of evidence for this customer."""
    value_at_risk: Cents
    """What 90 days without the customer would cost, times the probability."""
    trailing_spend: Cents
    """Spend of the 364 days before the anchor, or before `weighed_from` without one."""
    value_cutoff: Cents | None
    """The trailing spend from which on a customer was of high value; null if there was no cut-off."""
    clears_when: str
    """What would end it, in one plain sentence."""
    next_level_at: UtcTime | None = None
    """When it reaches a level that was not sent yet if nothing more is bought, at the earliest; null if that
    never comes, and from releases that do not tell."""
    clears_at: UtcTime | None = None
    """When it ends because of what was bought already, unless a refund takes that away; null if that is not
    enough, and from releases that do not tell."""
    deadline: UtcTime
    """Day 90 after the anchor, without one after it opened: nothing is raised after it."""
    ruleset: str
    """Version and hash of the settings that it keeps."""


class LookupAnswer(_Private):
    """What is known of a customer."""

    customer_id: Identifier
    """The customer."""
    as_of: UtcTime | None
    """The event time up to which everything is decided; null before anything is."""
    currency: Currency
    """The reporting currency."""
    first_pane: UtcTime | None
    """The first hour with spend; null if there was none."""
    counters: Counters
    """Windowed counters: spend of whole hours, contacts up to `as_of`."""
    frustration: NonNegative
    """Frustration after the newest contact, in nats."""
    do_not_contact: bool
    """Whether the customer asked not to be got in touch with."""
    shared: bool
    """Whether very many people share the id, as of a till's default id: no episode opens for it."""
    merged_into: Identifier | None
    """The id that the customer is known by since this one was merged; null if it was not."""
    merged_from: Annotated[tuple[Identifier, ...], Strict(strict=False)]
    """The ids that were merged into this one."""
    contacts: Annotated[tuple[LookupContact, ...], Strict(strict=False)]
    """The contacts that still count, oldest first."""
    open_episode: LookupEpisode | None
    """The open episode; null if there is none, and for a customer of the hold-out arm."""


def lookup_answer(view: CustomerView, currency: str) -> LookupAnswer:
    """Return the answer; of the hold-out arm it hides the open episode."""
    figures = None if view.episode is None or view.episode.arm == "holdout" else view.episode
    return LookupAnswer(
        customer_id=view.customer_id,
        as_of=None if view.time == NEVER else format_ms(view.time),
        currency=currency,
        first_pane=None if view.first_pane is None else format_ms(view.first_pane * HOUR_MS),
        counters=counters_field(view.counters),
        frustration=rounded(view.frustration),
        do_not_contact=view.do_not_contact,
        shared=view.shared,
        merged_into=view.merged_into,
        merged_from=view.merged_from,
        contacts=tuple(_contact(known, signals) for known, signals in view.contacts),
        open_episode=None if figures is None else _episode(figures, view),
    )


def _contact(known: Known, signals: list[Signal]) -> LookupContact:
    return LookupContact(
        source=known.source,
        contact_id=known.contact_id,
        version=known.version,
        kind=_kind(known),
        moment=format_ms(known.moment),
        channel=cast("Channel | None", known.channel),
        reason=known.reason,
        nats=rounded(known.own),
        signals=tuple(LookupSignal(signal=name, nats=rounded(nats)) for name, nats in signals),
    )


def _kind(known: Known) -> Literal["inbound", "outbound", "recovery", "notice"]:
    if known.notice:
        return "notice"
    if known.recovery:
        return "recovery"
    return "outbound" if known.outbound else "inbound"


def _episode(figures: Figures, view: CustomerView) -> LookupEpisode:
    """Return the open episode; `clears_when` is what its alerts say, if there are any."""
    episode = figures.episode
    return LookupEpisode(
        **episode_fields(figures),
        level=figures.level,
        opened=format_ms(episode.opened),
        weighed_from=format_ms(episode.yardstick.first_hour * HOUR_MS),
        cancelled=episode.cancelled,
        snoozed_until=_at(episode.snooze_until),
        next_level_at=_at(view.next_level_at),
        clears_at=_at(view.clears_at),
        clears_when=clears_when(figures, None) if episode.sent else closes_silently_when(figures),
    )


def _at(ms: int | None) -> str | None:
    return None if ms is None else format_ms(ms)
