"""What can be looked up about a customer: windowed counters, contacts, and the open episode."""

from dataclasses import dataclass

from streams.core.alerts.counters import Counters
from streams.core.contacts.frustration import Known, Signal
from streams.core.customer.pending import Episode
from streams.core.odds.odds import Odds
from streams.core.spend.evidence import Evidence
from streams.core.spend.panes import Panes


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
