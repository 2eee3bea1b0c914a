"""One customer's panes: what is known of their purchases, charges and signs of life."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from sys import maxsize

from tests.recompute.arrival import Customer, Fact
from tests.recompute.events import Charge, Correction, Purchase, Reversal, SignOfLife
from tests.recompute.rules import Rules, hour_of


class Panes:
    """Whole numbers by hour: hundredths, or how often."""

    def __init__(self, changes: Iterable[tuple[int, int]] = ()) -> None:
        self._hours: list[int] = []
        self._sums: dict[int, int] = {}
        for hour, change in changes:
            self.add(hour, change)

    def add(self, hour: int, change: int) -> None:
        """Change a pane."""
        if hour not in self._sums:
            insort(self._hours, hour)
        self._sums[hour] = self._sums.get(hour, 0) + change

    def __getitem__(self, hour: int) -> int:
        """Give the sum of a pane, 0 where nothing is."""
        return self._sums.get(hour, 0)

    def split(self, hour: int) -> tuple["Panes", "Panes"]:
        """Give the panes before an hour, and those from it on."""
        before = [(each, change) for each, change in self._sums.items() if each < hour]
        return Panes(before), Panes((each, change) for each, change in self._sums.items() if each >= hour)

    def unite(self, other: "Panes") -> None:
        """Add another's panes."""
        for hour, change in other._sums.items():
            self.add(hour, change)

    @property
    def first(self) -> int | None:
        """The earliest pane."""
        return self._hours[0] if self._hours else None

    def hours(self, start: int, end: int) -> list[int]:
        """Give the panes start <= h < end that were ever changed."""
        return self._hours[bisect_left(self._hours, start) : bisect_left(self._hours, end)]

    def sum(self, start: int, end: int) -> int:
        """Sum over panes start <= h < end."""
        return sum(self._sums[hour] for hour in self.hours(start, end))


class Ledger:
    """One customer's panes, in hundredths: on-time purchases from the start, the rest as it is folded.

    An on-time purchase may stand here early: every window that is asked for ends before its pane is known.
    All windows are half-open, and are cut by what is forgotten at hour `now`.
    """

    def __init__(self, customer: Customer, rules: Rules) -> None:
        self._rules = rules
        self._dated = Panes(customer.on_time)
        self._undated = Panes()
        self.first_pane = self._dated.first
        self.charges = Panes()
        self.visits = Panes()
        self.unread = Panes()
        self._delayed: list[tuple[int, str]] = []
        self.is_ended = False

    def hand_over(self, hour: int) -> "Ledger":
        """Give away all before an hour; what is left are purchases on time that come later."""
        given = Ledger(Customer(), self._rules)
        given._dated, self._dated = self._dated.split(hour)
        for name in ("_undated", "charges", "visits", "unread", "_delayed"):
            mine, others = getattr(self, name), getattr(given, name)
            setattr(given, name, mine)
            setattr(self, name, others)
        is_before = self.first_pane is not None and self.first_pane < hour
        given.first_pane = self.first_pane if is_before else None
        self.first_pane, self.is_ended = self._dated.first, True
        return given

    def take(self, given: "Ledger") -> None:
        """Add up what another id handed over."""
        self._dated.unite(given._dated)
        self._undated.unite(given._undated)
        self.charges.unite(given.charges)
        self.visits.unite(given.visits)
        self.unread.unite(given.unread)
        self._delayed += given._delayed
        if given.first_pane is not None:
            self._begin(given.first_pane)

    def fold(self, fact: Fact) -> None:
        """Change the pane of what is no purchase on time; other events change none."""
        match event := fact.event:
            case Purchase(cents=0) if self._rules.as_meant:
                self.visits.add(hour_of(event.time_ms), 1)
            case Purchase():
                self._dated.add(hour_of(event.time_ms), event.cents)
                self._begin(hour_of(event.time_ms))
            case Reversal():
                series = self._undated if self._rules.as_meant and not event.dated else self._dated
                series.add(hour_of(event.spent_ms), event.cents)
                if not self._rules.as_meant:
                    self._begin(hour_of(event.spent_ms))
            case Correction():
                self._dated.add(hour_of(event.spent_ms), event.cents)
            case Charge():
                self.charges.add(hour_of(event.time_ms), event.cents)
            case SignOfLife():
                self.unread.add(hour_of(event.time_ms), 1)
            case _:
                pass

        if isinstance(event, Purchase) and fact.instant_ms - event.time_ms >= self._rules.delayed_ms:
            self._delayed.append((hour_of(event.time_ms), event.source))

    def sources_with_delay(self, start: int) -> set[str]:
        """Give the sources from which a purchase of a pane from `start` on came delayed."""
        return {source for pane, source in self._delayed if pane >= start}

    def _begin(self, pane: int) -> None:
        self.first_pane = pane if self.first_pane is None else min(self.first_pane, pane)

    def is_in_sample(self, r: int) -> bool:
        """Whether a pane before hour r is known, or a charge pane."""
        firsts = (self.first_pane, self.charges.first)
        return not self.is_ended and any(first is not None and first < r for first in firsts)

    def spend(self, start: int, end: int, now: int) -> int:
        """Sum over panes."""
        start = self._from(start, now)
        return self._dated.sum(start, end) + self._undated.sum(start, end)

    def spend_of_known_purchases(self, start: int, end: int, now: int) -> int:
        """Sum over panes, without refunds of which nobody knows what they refund."""
        return self._dated.sum(self._from(start, now), end)

    def trips(self, start: int, end: int, now: int) -> int:
        """How many panes have a sum above 0."""
        hours = self._dated.hours(self._from(start, now), end)
        return sum(self._dated[hour] + self._undated[hour] > 0 for hour in hours)

    def trips_of_known_purchases(self, start: int, end: int, now: int) -> int:
        """How many panes have a sum above 0, without refunds of which nobody knows what they refund."""
        return sum(self._dated[hour] > 0 for hour in self._dated.hours(self._from(start, now), end))

    def signs(self, start: int, end: int) -> int:
        """How many panes hold a visit or a refused purchase, and no spend (V)."""
        hours = {*self.visits.hours(start, end), *self.unread.hours(start, end)}
        return sum(self._dated[hour] <= 0 for hour in hours)

    def charged(self, start: int, end: int, now: int) -> int:
        """Sum over charge panes."""
        return self.charges.sum(max(start, now - self._rules.pane_hours), end)

    def value(self, start: int, end: int, now: int) -> int:
        """Spend and charges."""
        return self.spend(start, end, now) + self.charged(start, end, now)

    def _from(self, start: int, now: int) -> int:
        """Give the first hour of a window that counts: under ruleset 4 nothing does without a purchase."""
        first = maxsize if self.first_pane is None else self.first_pane
        return max(start, now - self._rules.pane_hours, first if self._rules.as_meant else 0)
