"""When the histories of ids that end may leave a partition: others wait for them."""

from schemas.events import Merge
from streams.core.customer.customer import Customer
from streams.core.customer.timers import Timers
from streams.core.time import HOUR_MS, hour_of


class Departures:
    """The ids that end, each with the hour at which it may have something to hand over."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._hours: dict[str, int] = {}

    def __contains__(self, customer_id: str) -> bool:
        return customer_id in self._hours

    @property
    def next(self) -> int | None:
        """Return the first time (ms) at which a history may leave; None if none will."""
        return min(self._hours.values()) * HOUR_MS if self._hours else None

    def note(self, customer_id: str, hour: int) -> None:
        """Take note that an id has something to hand over at an hour, and wake it then."""
        self._hours[customer_id] = min(hour, self._hours.get(customer_id, hour))
        self._timers.add(customer_id, hour * HOUR_MS)

    def update(self, customer: Customer, decided: int) -> None:
        """Note what an id has to hand over next, where all is decided up to a time (ms)."""
        customer_id, pending = customer.customer_id, customer.body.pending
        due = customer.move_due
        hours = [] if due is None else [due]
        if customer.body.merged is None:
            pending = [one for one in pending if isinstance(one.event, Merge)]
        hours += [hour_of(max(one.effective_time, decided)) + 1 for one in pending[:1]]
        self._hours.pop(customer_id, None)
        if hours:
            self._hours[customer_id] = min(hours)

    def wake(self, customer_id: str) -> None:
        """Wake an id when it has something to hand over, as its restored record may not know that hour."""
        if customer_id in self._hours:
            self._timers.add(customer_id, self._hours[customer_id] * HOUR_MS)

    def forget(self, customer_id: str) -> None:
        """Forget a customer."""
        self._hours.pop(customer_id, None)
