"""What few customers have besides purchases: visits, refused ones, refunds without a date, subscriptions.

Hours are panes, hours since the epoch; money is cents. It is part of a customer's body, and no more than a
None where there is nothing of it.
"""

from bisect import bisect_left, insort
from typing import Final

from msgspec import Struct, field

from streams.core.spend.panes import Panes

MOST_PLAN_EVENTS: Final = 64
"""Of cancellations and plan changes so many, the newest, are kept."""
_MOST_CHARGES: Final = 16
"""Of the times of charges so many, the newest, are kept: a plan change is known by one within minutes."""

Sums = list[tuple[int, int]]
"""Cents by pane, in order."""


class PlanEvent(Struct, array_like=True, frozen=True, order=True):
    """A subscription that was cancelled, or changed to another price."""

    time: int
    """ms."""
    event_id: str
    kept: float
    """Share of the price that is left: 0 if it was cancelled."""


class RareFacts(Struct, array_like=True):
    """Facts of one customer that few have."""

    visits: list[int] = field(default_factory=list)
    """Panes with an order of 0.00."""
    unread: list[int] = field(default_factory=list)
    """Panes with a purchase that was refused."""
    undated: Sums = field(default_factory=list)
    """What refunds without a date took, above 0, by the pane that they lie in."""
    charges: Sums = field(default_factory=list)
    """Subscription charges."""
    first_charge: int | None = None
    charged: list[int] = field(default_factory=list)
    """Times (ms) of the newest charges and changes."""
    plan: list[PlanEvent] = field(default_factory=list)
    delivered: dict[int, int] = field(default_factory=dict)
    """The newest pane of a purchase that came delayed, by group of sources."""

    def visit(self, hour: int) -> None:
        """Learn of an order of 0.00."""
        _put(self.visits, hour)

    def refuse(self, hour: int) -> None:
        """Learn of a purchase that was refused."""
        _put(self.unread, hour)

    def refund(self, hour: int, cents: int) -> None:
        """Learn of cents that were taken back, nobody knows of which purchase."""
        self.undated = _with(self.undated, hour, cents)

    def charge(self, time: int, hour: int, cents: int) -> None:
        """Learn of a subscription charge at a time (ms), in a pane."""
        self.charges = _with(self.charges, hour, cents)
        self.first_charge = hour if self.first_charge is None else min(hour, self.first_charge)
        self.renew(time)

    def renew(self, time: int) -> None:
        """Learn that a subscription went on at a time (ms)."""
        insort(self.charged, time)
        del self.charged[:-_MOST_CHARGES]

    def is_renewed(self, time: int, within: int) -> bool:
        """Return whether a subscription went on no more than so many ms from a time."""
        return any(abs(one - time) <= within for one in self.charged)

    def note_plan(self, event: PlanEvent) -> None:
        """Learn of a cancellation, or of a change."""
        insort(self.plan, event)
        del self.plan[:-MOST_PLAN_EVENTS]

    def left_since(self, time: int) -> float:
        """Return the share that is left of the subscriptions, of all since a time (ms)."""
        left = 1.0
        for event in self.plan:
            if event.time >= time:
                left = event.kept if event.kept == 0 else (left or 1.0) * event.kept
        return left

    def deliver(self, group: int, hour: int) -> None:
        """Learn of a purchase that a group of sources delivered long after its pane."""
        self.delivered[group] = max(hour, self.delivered.get(group, hour))

    def take_over(self, other: "RareFacts") -> None:
        """Learn what was known of the same customer by another id."""
        self.visits = sorted({*self.visits, *other.visits})
        self.unread = sorted({*self.unread, *other.unread})
        for hour, cents in other.undated:
            self.refund(hour, cents)
        for hour, cents in other.charges:
            self.charges = _with(self.charges, hour, cents)
        firsts = [one for one in (self.first_charge, other.first_charge) if one is not None]
        self.first_charge = min(firsts, default=None)
        for time in other.charged:
            self.renew(time)
        for event in other.plan:
            self.note_plan(event)
        for group, hour in other.delivered.items():
            self.deliver(group, hour)

    def forget(self, oldest: int) -> None:
        """Forget the panes before an hour."""
        for hours in (self.visits, self.unread):
            del hours[: bisect_left(hours, oldest)]
        self.undated = [one for one in self.undated if one[0] >= oldest]
        self.charges = [one for one in self.charges if one[0] >= oldest]
        self.delivered = {group: pane for group, pane in self.delivered.items() if pane >= oldest}


def panes_of(sums: Sums) -> Panes:
    """Return sums as panes."""
    return Panes((hour for hour, _ in sums), (cents for _, cents in sums))


def count_in(hours: list[int], start: int, end: int) -> int:
    """Return how many of some hours in order lie in `[start, end)`."""
    return max(0, bisect_left(hours, end) - bisect_left(hours, start))


def _put(hours: list[int], hour: int) -> None:
    at = bisect_left(hours, hour)
    if at == len(hours) or hours[at] != hour:
        hours.insert(at, hour)


def _with(sums: Sums, hour: int, cents: int) -> Sums:
    panes = panes_of(sums)
    panes.add(hour, cents)
    return list(panes)
