"""What can be looked up about a customer: windowed counters, contacts, and the open episode."""

from dataclasses import dataclass

from streams.core.alerts.counters import Counters, counters
from streams.core.alerts.figures import Figures
from streams.core.contacts.frustration import Known, Signal, own_signals
from streams.core.customer.customer import Customer
from streams.core.ruleset import Ruleset
from streams.core.spend.panes import Panes
from streams.core.time import hour_of


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
    episode: Figures | None
    merged_into: str | None = None
    """The id that goes on, if this one ended."""
    merged_from: tuple[str, ...] = ()
    """Ids whose history this one took over."""
    next_level_at: int | None = None
    """When (ms) the episode reaches a level not sent yet, if nothing more is bought; None if never."""
    clears_at: int | None = None
    """When (ms) the episode closes because of what was bought already; None if that won't do."""


def view_of(  # noqa: PLR0913 - all that it holds
    customer: Customer,
    time: int,
    episode: Figures | None,
    rules: Ruleset,
    *,
    shared: bool,
    next_level_at: int | None,
    clears_at: int | None,
) -> CustomerView:
    """Return what is known of a customer at a time (ms); `rules` are those in force."""
    body = customer.body
    return CustomerView(
        customer_id=customer.customer_id,
        time=time,
        first_pane=customer.first_pane,
        panes=customer.panes,
        counters=counters(customer, time, hour_of(time)),
        contacts=[(one, own_signals(one, rules)) for one in body.contacts],
        frustration=body.frustration,
        do_not_contact=customer.do_not_contact,
        shared=shared,
        episode=episode,
        merged_into=None if body.merged is None else body.merged.into,
        merged_from=tuple(sorted(body.absorbed)),
        next_level_at=next_level_at,
        clears_at=clears_at,
    )
