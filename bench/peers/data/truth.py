"""What every program must find, computed from the drawn history itself: no stream, no clock, no state."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np

from bench.peers.data.history import DAY_MS, RESOLUTIONS, History, customer_id

WAIT_MS: Final = 14 * DAY_MS
"""How long a customer must stay away after a bad contact."""


class Alert(NamedTuple):
    """An alert as it stands on the topic: whose, the time of the contact (ms), cents spent by then."""

    customer_id: str
    time: int
    cents: int


@dataclass(frozen=True)
class Truth:
    """The sums over all customers, and over all alerts."""

    customers: int
    cents: int
    purchases: int
    alerts: int
    checksum: int


def truth(history: History) -> Truth:
    """Return what the job `full` comes to; of a history without contacts, that is what `fold` comes to."""
    found = list(alerts(history))
    return Truth(
        customers=len(np.unique(history.purchase_customers)),
        cents=int(history.cents.sum()),
        purchases=history.shape.purchases,
        alerts=len(found),
        checksum=checksum(found),
    )


def checksum(alerts: Iterable[Alert]) -> int:
    """Return the checksum of alerts, in whatever order they come."""
    return sum(crc32(f"{one.customer_id} {one.time} {one.cents}".encode()) for one in alerts)


def alerts(history: History) -> Iterator[Alert]:
    """Yield the alerts of a history, customer by customer."""
    bought = _bought(history)
    for customer, contacts in _bad_contacts(history).items():
        times, cents = bought.get(customer, ([], []))
        spent = list(accumulate(cents))
        free_from = 0
        for contact in contacts:
            before = bisect_right(times, contact)
            if contact < free_from or before == 0:
                continue
            if before < len(times) and times[before] <= contact + WAIT_MS:
                free_from = times[before]
                continue
            free_from = contact + WAIT_MS + 1
            if contact + WAIT_MS < history.shape.end_ms:
                yield Alert(customer_id(customer), contact, spent[before - 1])


def _bad_contacts(history: History) -> Mapping[int, list[int]]:
    """Return by customer the times of the contacts that may open an episode, in order."""
    bad = history.resolutions != RESOLUTIONS.index("resolved")
    found: defaultdict[int, list[int]] = defaultdict(list)
    columns = (history.contact_customers[bad], history.contact_times[bad])
    for customer, time in zip(*(column.tolist() for column in columns), strict=True):
        found[customer].append(time)
    return found


def _bought(history: History) -> Mapping[int, tuple[list[int], list[int]]]:
    """Return by customer, of those with contacts, the times and cents of the purchases, in order."""
    wanted = np.isin(history.purchase_customers, history.contact_customers)
    columns = (history.purchase_customers, history.purchase_times, history.cents)
    customers, times, cents = (column[wanted] for column in columns)
    order = np.argsort(customers, kind="stable")
    customers, times, cents = customers[order], times[order], cents[order]
    names, starts = np.unique(customers, return_index=True)
    bounds = [*starts.tolist(), len(customers)]
    return {
        customer: (times[first:last].tolist(), cents[first:last].tolist())
        for customer, first, last in zip(names.tolist(), bounds, bounds[1:], strict=False)
    }
