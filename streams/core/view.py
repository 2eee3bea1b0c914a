"""What can be looked up about a customer: windowed counters, contacts, and the open episode."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.core.customer import Customer
from streams.core.evidence import Evidence
from streams.core.facts import Episode
from streams.core.frustration import Known, Signal, own_signals
from streams.core.measure import settled_hour
from streams.core.odds import Odds
from streams.core.panes import Panes
from streams.core.time import DAY_HOURS, DAY_MS, hour_of

if TYPE_CHECKING:
    from streams.core.episode import Judge


@dataclass(frozen=True, slots=True)
class Counters:
    """Windowed counters: spend in cents of whole hours before the hour, contacts up to the moment."""

    spend_24h: int
    spend_7d: int
    spend_28d: int
    spend_90d: int
    spend_364d: int
    contacts_24h: int
    contacts_7d: int
    contacts_30d: int
    transfers_30d: int
    hangups_30d: int
    frustration: float


def counters(customer: Customer, time: int, hour: int) -> Counters:
    """Return the windowed counters at a time (ms), with spend in the panes before an hour."""

    def spend(days: int) -> int:
        return customer.panes.spend(hour - days * DAY_HOURS, hour)

    def contacts(days: int) -> list[Known]:
        return [one for one in customer.body.contacts if time - days * DAY_MS < one.moment <= time]

    month = contacts(30)
    return Counters(
        spend_24h=spend(1),
        spend_7d=spend(7),
        spend_28d=spend(28),
        spend_90d=spend(90),
        spend_364d=spend(364),
        contacts_24h=len(contacts(1)),
        contacts_7d=len(contacts(7)),
        contacts_30d=len(month),
        transfers_30d=sum(one.transfers for one in month),
        hangups_30d=sum(one.hung_up_on for one in month),
        frustration=customer.body.frustration,
    )


@dataclass(frozen=True, slots=True)
class EpisodeView:
    """An open episode and its evidence at the last decided hour."""

    episode: Episode
    evidence: Evidence
    odds: Odds
    visits: int
    """Panes since it began to weigh spend with an order of 0.00."""
    unread: int
    """Those with a purchase that was refused."""


@dataclass(frozen=True, slots=True)
class CustomerView:
    """A customer at the last decided time (ms)."""

    customer_id: str
    time: int
    first_pane: int | None
    panes: Panes
    counters: Counters
    contacts: list[tuple[Known, list[Signal]]]
    """The known contacts in order of their moment, each with its own signals, repeats included."""
    frustration: float
    do_not_contact: bool
    shared: bool
    """Whether many share the id: no episode opens for it."""
    episode: EpisodeView | None
    merged_into: str | None = None
    """The id that goes on, if this one ended."""
    merged_from: tuple[str, ...] = ()
    """Ids whose history this one took over."""


def view(customer: Customer, judge: "Judge", time: int) -> CustomerView:
    """Return what is known of a customer at a time (ms) up to which everything is decided."""
    hour = hour_of(time)
    episode = customer.body.episode
    seen = None
    if episode is not None:
        settled = settled_hour(episode.yardstick, hour, judge.rules_of(episode))
        now = judge.evidence_at(customer, episode, settled)
        since = episode.yardstick.first_hour, hour
        seen = EpisodeView(
            episode,
            now,
            judge.odds_at(customer, episode, now),
            visits=customer.visits(*since),
            unread=customer.unread(*since),
        )
    return CustomerView(
        customer_id=customer.customer_id,
        time=time,
        first_pane=customer.first_pane,
        panes=customer.panes,
        counters=counters(customer, time, hour),
        contacts=[(one, own_signals(one, judge.rules)) for one in customer.body.contacts],
        frustration=customer.body.frustration,
        do_not_contact=customer.do_not_contact,
        shared=judge.is_shared(customer, time),
        episode=seen,
        merged_into=None if customer.body.merged is None else customer.body.merged.into,
        merged_from=tuple(sorted(customer.body.absorbed)),
    )
