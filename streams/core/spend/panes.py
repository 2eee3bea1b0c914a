"""Spend of one customer in panes of one hour."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator


class Panes:
    """Sums of cents by hour, in order of the hour; hours without an event take no room.

    All intervals are half-open: `[start, end)` in hours since the epoch.
    """

    __slots__ = ("cents", "hours")

    def __init__(self, hours: Iterable[int] = (), cents: Iterable[int] = ()) -> None:
        self.hours = list(hours)
        self.cents = list(cents)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.hours, self.cents, strict=True)

    def copy(self) -> "Panes":
        """Return an independent copy."""
        return Panes(self.hours, self.cents)

    def add(self, hour: int, cents: int) -> None:
        """Add cents (negative for a refund) to the pane of an hour."""
        hours = self.hours
        if not hours or hour > hours[-1]:
            hours.append(hour)
            self.cents.append(cents)
            return
        at = bisect_left(hours, hour)
        if hours[at] == hour:
            self.cents[at] += cents
        else:
            hours.insert(at, hour)
            self.cents.insert(at, cents)

    def spend(self, start: int, end: int) -> int:
        """Return the cents of all panes in `[start, end)`."""
        hours = self.hours
        return sum(self.cents[bisect_left(hours, start) : bisect_left(hours, end)])

    def trips(self, start: int, end: int) -> int:
        """Return how many panes in `[start, end)` have spend."""
        hours = self.hours
        return sum(cents > 0 for cents in self.cents[bisect_left(hours, start) : bisect_left(hours, end)])

    def since(self, start: int) -> list[int]:
        """Return the cents of each pane from `start` on."""
        return self.cents[bisect_left(self.hours, start) :]

    def drop_before(self, start: int) -> None:
        """Forget the panes before an hour."""
        at = bisect_left(self.hours, start)
        del self.hours[:at]
        del self.cents[:at]
