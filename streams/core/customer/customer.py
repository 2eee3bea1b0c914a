"""One customer, unpacked: everything the fold keeps."""

from bisect import insort

from streams.core.customer.customer_codec import (
    CHARGED,
    CROWDED,
    MERGED,
    NO_HOUR,
    OPEN,
    QUIET,
    Body,
    Entry,
    Horizon,
    Parts,
    earliest_pane,
    is_settling,
    join,
    mark_of,
    packed,
    settle,
    split,
    tail_of,
    unpacked,
)
from streams.core.customer.known_contacts import Contacts
from streams.core.customer.moves import Merged
from streams.core.customer.pending import PendingEvent
from streams.core.ruleset import Ruleset
from streams.core.spend.panes import Panes
from streams.core.spend.population import Spending
from streams.core.spend.rare_facts import RareFacts, count_in, panes_of
from streams.core.time import HOUR_MS, NO_END, hour_of
from streams.core.watermark import Input


class Customer:
    """A customer between being unpacked and packed again.

    `recent` are the entries of the record's tail; `body` is the rest of it. The panes in the body leave out
    the purchases in `recent`; `panes` has them all. What most events don't ask for, as the tail, is taken
    apart when it is asked for.
    """

    __slots__ = (
        "_bought",
        "_contacts",
        "_crowded",
        "_first_pane",
        "_folded",
        "_is_first_known",
        "_is_folded_anew",
        "_panes",
        "_recent",
        "_tail",
        "body",
        "customer_id",
    )

    def __init__(
        self,
        customer_id: str,
        body: Body,
        first_pane: int | None = None,
        tail: bytes = b"",
        *,
        crowded: bool = False,
    ) -> None:
        self.customer_id = customer_id
        self.body = body
        self._first_pane = first_pane
        self._is_first_known = not tail
        self._tail = tail
        self._recent: list[Entry] | None = None
        self._crowded = crowded
        self._contacts: Contacts | None = None
        self._folded: Panes | None = None
        self._is_folded_anew = False
        """Whether `_folded` has what the body has not."""
        self._panes: Panes | None = None
        self._bought: Panes | None = None

    @property
    def recent(self) -> list[Entry]:
        """Return the entries of the tail, not to be changed."""
        if self._recent is None:
            self._recent = unpacked(self._tail)
        return self._recent

    @property
    def first_pane(self) -> int | None:
        """Return the first pane, None while there is none."""
        if not self._is_first_known:
            self._is_first_known = True
            self._first_pane = earliest_pane(self._first_pane, self.recent)
        return self._first_pane

    @first_pane.setter
    def first_pane(self, hour: int | None) -> None:
        self._is_first_known, self._first_pane = True, hour

    def _keep_recent(self, recent: list[Entry]) -> None:
        """Take other entries in place of those of the tail."""
        self._recent, self._tail = recent, packed(recent)

    @property
    def folded(self) -> Panes:
        """Return the panes of the body."""
        if self._folded is None:
            self._folded = self.body.panes()
        return self._folded

    @property
    def panes(self) -> Panes:
        """Return the spend of all folded facts from the first pane on, on-time purchases included."""
        if self._panes is None:
            self._panes = self.folded.copy()
            for effective_time, cents, _ in self.recent:
                if cents >= 0:
                    self._panes.add(hour_of(effective_time), cents)
            self._panes.drop_before(NO_END if self.first_pane is None else self.first_pane)
        return self._panes

    @property
    def bought(self) -> Panes:
        """Return the spend without refunds of nobody knows which purchase: what the customer did."""
        rare = self.body.rare
        if rare is None or not rare.undated or self.first_pane is None:
            return self.panes
        if self._bought is None:
            self._bought = self.panes.copy()
            for hour, cents in rare.undated:
                if hour >= self.first_pane:
                    self._bought.add(hour, cents)
        return self._bought

    def signs(self, start: int, end: int) -> int:
        """Return how many panes in `[start, end)` have an order of 0.00, or a refused one, and no spend."""
        rare = self.body.rare
        if rare is None or not (rare.visits or rare.unread):
            return 0
        hours = {hour for hour in (*rare.visits, *rare.unread) if start <= hour < end}
        return sum(self.bought.spend(hour, hour + 1) <= 0 for hour in hours)

    def visits(self, start: int, end: int) -> int:
        """Return how many panes in `[start, end)` have an order of 0.00."""
        return 0 if self.body.rare is None else count_in(self.body.rare.visits, start, end)

    def unread(self, start: int, end: int) -> int:
        """Return how many panes in `[start, end)` have a purchase that was refused."""
        return 0 if self.body.rare is None else count_in(self.body.rare.unread, start, end)

    def charges(self) -> Panes:
        """Return the subscription charges."""
        return Panes() if self.body.rare is None else panes_of(self.body.rare.charges)

    @property
    def spending(self) -> Spending | None:
        """Return what the population has to know of the customer; None while no spend is known."""
        found = Spending(self.first_pane, self.panes, self.charges())
        return None if found.first_pane is None and not found.charges.hours else found

    def rare_facts(self) -> RareFacts:
        """Return the customer's rare facts, to add to them."""
        if self.body.rare is None:
            self.body.rare = RareFacts()
        self._bought = None
        return self.body.rare

    def add(self, hour: int, cents: int, *, begins: bool = True) -> None:
        """Fold spend that does not come as an entry; `begins` tells whether a history may begin with it."""
        self._fold(hour, cents)
        self._bought = None
        if begins and (self.first_pane is None or hour < self.first_pane):
            self.first_pane, self._panes = hour, None  # what lies before may count from now on
        elif self._panes is not None and self.first_pane is not None and hour >= self.first_pane:
            self._panes.add(hour, cents)

    def _fold(self, hour: int, cents: int) -> None:
        self.folded.add(hour, cents)
        self._is_folded_anew = True

    def catch_up(self, record: bytes | bytearray) -> None:
        """Take over the entries that the record got since the customer was packed into it."""
        self._tail, self._recent = bytes(record[tail_of(record) :]), None
        self._is_first_known = False
        self._panes = self._bought = None

    def contacts(self, rules: Ruleset) -> Contacts:
        """Return the known contacts, to learn of more under some rules."""
        if self._contacts is None or self._contacts.rules is not rules:
            self._contacts = Contacts(self.body, rules)
        return self._contacts

    @property
    def crowded(self) -> bool:
        """Return whether there were as many contacts as are remembered, when one was last learned."""
        return self._crowded if self._contacts is None else self._contacts.full

    def enqueue(self, new: PendingEvent) -> None:
        """Let an event wait for its effective time."""
        pending = self.body.pending
        if (
            not pending or pending[-1].effective_time < new.effective_time
        ):  # nearly all; the whole order costs more
            pending.append(new)
        else:
            insort(pending, new, key=lambda one: one.order)

    @property
    def do_not_contact(self) -> bool:
        """Return whether the customer asked not to be got in touch with."""
        return self.body.profile is not None and self.body.profile.do_not_contact

    @property
    def timers_at(self) -> int | None:
        """Return the first time (ms) at which something can be due: a fact, or an hour of the episode."""
        pending, episode = self.body.pending, self.body.episode
        if self.body.merged is None and (episode is None or not pending):  # nearly all
            if episode is not None:
                return episode.timer * HOUR_MS
            return pending[0].effective_time if pending else None
        times = [pending[0].effective_time] if pending else []
        if episode is not None:
            times.append(episode.timer * HOUR_MS)
        due = self.move_due
        if due is not None:
            times.append(due * HOUR_MS)
        return min(times, default=None)

    @property
    def move_due(self) -> int | None:
        """Return the hour at which there is something to hand over, of an id that ended; else None."""
        merged = self.body.merged
        if merged is None:
            return None
        if not merged.left:
            return merged.due
        hours = [hour_of(effective_time) + 1 for effective_time, cents, _ in self.recent if cents >= 0]
        hours += [hour + 1 for hour, _ in merged.ahead[:1]]
        if merged.due is not None:
            hours.append(merged.due)
        elif self.folded.hours:  # a purchase of very many cents
            hours.append(self.folded.hours[-1] + 1)
        return min(hours, default=None)

    def hand_over(self, merged: Merged, hour: int) -> bytearray:
        """Give away, packed, what is known from before an hour; the ids of events stay, and what waits."""
        given, first = self.body, self.first_pane
        moved, kept = [], []
        for effective_time, cents, key in self.recent:
            if cents >= 0 and hour_of(effective_time) < hour:
                moved.append((hour_of(effective_time), cents))
                kept.append((effective_time, mark_of(Input.TRANSACTIONS), key))
            else:
                kept.append((effective_time, cents, key))
        panes = self.folded.copy()
        for pane, cents in (*moved, *merged.ahead):
            panes.add(pane, cents)
        merged.ahead = [one for one in panes if one[0] >= hour]
        given.keep(panes_of([one for one in panes if one[0] < hour]))
        self.body = Body(
            pending=given.pending, revisions=given.revisions, merged=given.merged, absorbed=given.absorbed
        )
        hours = [hour_of(effective_time) for effective_time, cents, _ in kept if cents >= 0]
        self.first_pane = min([*hours, *(pane for pane, _ in merged.ahead)], default=None)
        given.pending, given.revisions, given.merged, given.absorbed = [], {}, None, {}
        self._keep_recent(kept)
        self._contacts = self._folded = self._panes = self._bought = None
        self._is_folded_anew = self._crowded = False
        return join(Parts(NO_HOUR, NO_HOUR if first is None or first >= hour else first, 0, given, b""))

    def revive(self, merged: Merged) -> None:
        """Keep from now on what is bought by an id that ended."""
        self.body.merged = None
        for pane, cents in merged.ahead:
            self.add(pane, cents)

    def take_over(self, moved: "Customer", rules: Ruleset) -> int:
        """Learn what was known by another id; returns how many contacts were too many."""
        for hour, cents in moved.folded:
            self._fold(hour, cents)
        firsts = [one for one in (self.first_pane, moved.first_pane) if one is not None]
        self.first_pane = min(firsts, default=None)
        self._panes = self._bought = None
        if moved.body.rare is not None:
            self.rare_facts().take_over(moved.body.rare)
        return sum(self.contacts(rules).learn(one) or 0 for one in moved.body.contacts)

    @property
    def flags(self) -> int:
        """Return what must be known of the record without unpacking it."""
        episode, rare = self.body.episode, self.body.rare
        flags = CROWDED if self.crowded else 0
        if rare is not None and rare.first_charge is not None:
            flags |= CHARGED
        if self.body.merged is not None:
            flags |= MERGED
        if episode is None:
            return flags
        return flags | (OPEN | QUIET if episode.quiet else OPEN)

    def pack(self, horizon: Horizon, flags: int) -> bytearray:
        """Return the packed record; forgets what lies beyond the horizon."""
        if self._is_folded_anew:
            self.body.keep(self.folded)
        if self._is_folded_anew or is_settling(self._tail, horizon):
            first = self.first_pane  # of all entries
            self._keep_recent(settle(self.body, self.recent, horizon))
            self.first_pane, self._is_folded_anew = first, False
            self._folded = self._panes = self._bought = None
        if self.body.rare is not None:
            self.body.rare.forget(horizon.oldest_pane)
        due = self.timers_at
        timer = NO_HOUR if due is None else hour_of(due)
        first = NO_HOUR if self._first_pane is None else self._first_pane
        return join(Parts(timer, first, flags, self.body, self._tail))


def unpack(customer_id: str, record: bytes | bytearray) -> Customer:
    """Return the customer of a packed record; raises StateError."""
    parts = split(record)
    first = None if parts.first_pane == NO_HOUR else parts.first_pane
    return Customer(customer_id, parts.body, first, parts.tail, crowded=bool(parts.flags & CROWDED))
