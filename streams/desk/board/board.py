"""All alerts that the desk knows, in memory: made anew from the topics at each start."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Final

from schemas.alert import Alert
from schemas.disposition import Disposition
from streams.crm.ledger.rows import ProfileRead
from streams.desk.board.entry import MOST_DISPOSITIONS, Done, Entry, done_of

_MOST_EARLY: Final = 10_000
"""Alerts whose record, which is on another topic, dispositions may wait for."""


class Board:
    """What is known. `version` counts up with each change; canary customers are left out by their prefix."""

    def __init__(self, *, canary_prefix: str = "") -> None:
        self._canary = canary_prefix
        self._entries: dict[str, Entry] = {}
        self._of_customer: defaultdict[str, set[str]] = defaultdict(set)
        self._early: dict[str, list[Done]] = {}
        self._profiles: dict[str, tuple[bool, int]] = {}
        """`do_not_contact` and since when, of customers whose profile says either."""
        self._erased: dict[str, int] = {}
        """Who was erased, and when the log took that."""
        self.version = 0
        self.newest_ms = 0
        """The latest time of any record."""
        self.let_go = 0
        """How many were let go so far."""

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def get(self, alert_id: str) -> Entry | None:
        """Return an alert; None if it is not known, or was let go."""
        return self._entries.get(alert_id)

    def take(self, alerts: Iterable[Alert], appended_ms: Iterable[int] = repeat(0)) -> set[str]:
        """Take records in the order of the topic, and return the ids of the alerts that changed.

        `appended_ms` is when the log took each. Of who was erased before that nothing is taken; who comes
        back after it is somebody new.
        """
        changed = set()
        for alert, at_ms in zip(alerts, appended_ms, strict=False):
            if self._is_canary(alert.customer_id):
                continue
            if alert.resolution == "erased":
                # What came before it of them is in the same partition: this says so for longer than the null.
                changed |= {alert.alert_id, *self.erase(alert.customer_id, at_ms)}
            erased_ms = self._erased.get(alert.customer_id)
            if erased_ms is not None and at_ms <= erased_ms:
                self._early.pop(alert.alert_id, None)
                continue
            entry = self._entries.get(alert.alert_id)
            if entry is None:
                entry = self._entries[alert.alert_id] = Entry(alert.alert_id, alert.customer_id)
                self._of_customer[alert.customer_id].add(alert.alert_id)
                for done in self._early.pop(alert.alert_id, ()):
                    entry.take_disposition(done)
            if entry.take(alert):
                entry.appended_ms = at_ms
                entry.heed(self._profiles.get(alert.customer_id))
                self.newest_ms = max(self.newest_ms, entry.time_ms)
                changed.add(alert.alert_id)
        self._moved(changed)
        return changed

    def take_profiles(self, profiles: Iterable[ProfileRead]) -> set[str]:
        """Take profiles in the order of the topic, and return the ids of the alerts that changed or went."""
        changed = set()
        for one in profiles:
            if one.customer_id is None or self._is_canary(one.customer_id):
                continue
            if one.erased:
                changed |= self.erase(one.customer_id, one.appended_ms)
            said = None if one.do_not_contact is None else (one.do_not_contact, one.time_ms)
            if said is None:
                self._profiles.pop(one.customer_id, None)
            else:
                self._profiles[one.customer_id] = said
            theirs = self._of_customer.get(one.customer_id, ())
            changed |= {alert_id for alert_id in theirs if self._entries[alert_id].heed(said)}
        self._moved(changed)
        return changed

    def take_dispositions(self, dispositions: Iterable[Disposition]) -> set[str]:
        """Take what was done, and return the ids of the alerts that changed."""
        changed = set()
        for one in dispositions:
            entry = self._entries.get(one.alert_id)
            if entry is None:
                self._wait(one)
            elif entry.take_disposition(done_of(one)):
                changed.add(one.alert_id)
        self._moved(changed)
        return changed

    def hold(self, entry: Entry, done: Done | None) -> None:
        """Show what is about to be written about an alert; None once it was taken back."""
        entry.held = done
        self._moved({entry.alert_id})

    def erase(self, customer_id: str, at_ms: int) -> set[str]:
        """Forget what the log had of a customer by then, and return the ids of the alerts that went.

        Topics are read side by side: what is read later may be from before it, and is not taken.
        """
        self._erased[customer_id] = max(at_ms, self._erased.get(customer_id, 0))
        theirs = self._of_customer.get(customer_id, ())
        gone = {alert_id for alert_id in theirs if self._entries[alert_id].appended_ms <= at_ms}
        for alert_id in gone:
            self._forget(alert_id)
        self._moved(gone)
        return gone

    def tidy(self, before_ms: int) -> int:
        """Let go what was resolved before a time, and return how many that were.

        Who was erased before it is let go too: what was resolved by then would be as old.
        """
        old = [
            one.alert_id
            for one in self._entries.values()
            if not one.is_open and one.time_ms < before_ms and one.held is None
        ]
        for alert_id in old:
            self._forget(alert_id)
        self.let_go += len(old)
        self._erased = {one: at_ms for one, at_ms in self._erased.items() if at_ms >= before_ms}
        self._moved(set(old))
        return len(old)

    def _is_canary(self, customer_id: str) -> bool:
        return bool(self._canary) and customer_id.startswith(self._canary)

    def _moved(self, changed: set[str]) -> None:
        self.version += bool(changed)

    def _forget(self, alert_id: str) -> None:
        self._early.pop(alert_id, None)
        entry = self._entries.pop(alert_id, None)
        if entry is None:
            return
        others = self._of_customer[entry.customer_id]
        others.discard(alert_id)
        if not others:
            del self._of_customer[entry.customer_id]

    def _wait(self, disposition: Disposition) -> None:
        """Keep a disposition until the record of its alert is read; of too many the oldest go."""
        waiting = self._early.setdefault(disposition.alert_id, [])
        waiting.append(done_of(disposition))
        del waiting[:-MOST_DISPOSITIONS]
        while len(self._early) > _MOST_EARLY:
            del self._early[next(iter(self._early))]
