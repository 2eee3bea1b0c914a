"""Ruleset 4: what is left of a customer's subscriptions."""

from tests.recompute.events import Cancellation, Charge, Event, PlanChange
from tests.recompute.rules import Rules

PlanEvent = Cancellation | PlanChange


class Plans:
    """The plan events of one customer, and when subscriptions were paid for or changed."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._events: list[PlanEvent] = []
        self._moved_ms: list[int] = []

    def fold(self, event: Event) -> None:
        """Take in a change of plan, a cancellation that is none, or a charge; of other events nothing."""
        if isinstance(event, Charge | PlanChange):
            self._moved_ms.append(event.time_ms)
        if isinstance(event, PlanChange) or (isinstance(event, Cancellation) and self.ends(event)):
            self._events.append(event)
            self._sort()

    def take(self, given: "Plans") -> None:
        """Unite with the plans that another id handed over."""
        self._moved_ms += given._moved_ms
        self._events += given._events
        self._sort()

    def _sort(self) -> None:
        self._events.sort(key=lambda each: (each.time_ms, each.event_id))
        del self._events[: -self._rules.plan_events]

    def ends(self, cancellation: Cancellation) -> bool:
        """Whether a cancellation ends a subscription, rather than give way to another plan."""
        near_ms = self._rules.plan_change_ms
        return not any(abs(moved_ms - cancellation.time_ms) <= near_ms for moved_ms in self._moved_ms)

    def left(self, since_ms: int) -> float:
        """Share that is left of the subscriptions after all that happened since then (q)."""
        share = 1.0
        for event in self._events:
            if event.time_ms < since_ms:
                continue
            share = 0.0 if isinstance(event, Cancellation) else (share or 1.0) * _kept(event)
        return share


def _kept(change: PlanChange) -> float:
    return min(1.0, change.cents / change.previous_cents) if change.previous_cents else 1.0
