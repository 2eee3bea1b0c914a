"""Two runs of the same events, one of them disturbed: both must know and alert the same."""

from dataclasses import dataclass
from typing import Any

from bench.chaos.truth import partitions
from bench.chaos.wire import Differs, differs, twice
from streams.core.spend.baseline import KEPT_HOURS
from streams.core.time import hour_of
from streams.settings import Settings
from tests.kafka.held import alerts
from tests.lab.recomputed.test_against_recomputation import of_core


@dataclass(frozen=True)
class Known:
    """What a run came to."""

    alerts: list[Any]
    """The facts of each."""
    again: Differs
    """Alerts with an id that another has."""
    panes: dict[tuple[str, int], int]
    """Cents by customer and hour."""
    contacts: list[tuple[str, str, str]]
    """Customer, source and contact id."""


def known(settings: Settings) -> Known:
    """Return what the topics of a run hold, once all is committed."""
    committed = alerts(settings)
    panes: dict[tuple[str, int], int] = {}
    contacts: list[tuple[str, str, str]] = []
    for partition in partitions(settings):
        for name in list(partition._customers.records):  # noqa: SLF001 - who is there
            seen = partition.lookup(name)
            assert seen is not None
            first = hour_of(seen.time) - KEPT_HOURS
            panes |= {(name, hour): cents for hour, cents in seen.panes if cents and hour >= first}
            contacts += ((name, one.source, one.contact_id) for one, _ in seen.contacts)
    return Known([of_core(one) for one in committed], twice(committed), panes, contacts)


def differ(found: Known, wanted: Known) -> Differs:
    """Return how a run differs from the undisturbed one."""
    places = found.panes.keys() | wanted.panes.keys()
    less = sum(found.panes.get(one, 0) < wanted.panes.get(one, 0) for one in places)
    more = sum(found.panes.get(one, 0) > wanted.panes[one] for one in wanted.panes)
    phantom = len(found.panes.keys() - wanted.panes.keys())
    events = Differs(less, more, phantom).plus(differs(found.contacts, wanted.contacts))
    return events.plus(differs(found.alerts, wanted.alerts)).plus(found.again)
