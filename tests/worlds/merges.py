"""Customers of a world that turn out to be one: merges of every sort, added to a world drawn without them."""

import json
from collections.abc import Callable
from random import Random

from tests.worlds.people import Person
from tests.worlds.service import Known
from tests.worlds.wire import DAY, HOUR, MINUTE, SECOND, Event, Feed, alert_id, stamp

Feeds = tuple[Feed, Feed, Feed, Feed]


def merge_customers(feeds: Feeds, inhabitants: list[Person], known: list[Known], rng: Random) -> None:
    """Merge about a third of the people, most of them soon after a contact."""
    merges = _Merges(feeds, known, rng)
    if not merges.span:
        return
    names = [person.customer_id for person in rng.sample(inhabitants, len(inhabitants))]
    for kind in (*merges.kinds, *rng.choices(merges.kinds, k=max(0, len(names) // 6 - len(merges.kinds)))):
        if len(names) >= 3:
            kind(names.pop(), names.pop(), names.pop())


class _Merges:
    """Adds merges to the transactions, and renames what else is said of those who are merged."""

    def __init__(self, feeds: Feeds, known: list[Known], rng: Random) -> None:
        self._transactions, self._contacts, _, self._dispositions = feeds
        self._known = known
        self._rng = rng
        self.span = sorted(at for at, _, _ in self._transactions.lines)
        self.kinds: tuple[Callable[[str, str, str], None], ...] = (
            self._plain,
            self._chain,
            self._back,
            self._twice,
            self._unknown,
            self._open_case,
            self._two_names,
            self._crossing,
        )

    def _plain(self, old: str, new: str, other: str) -> None:
        """Merge an id that goes on buying and calling, and one that does not."""
        time = self._time(old)
        self._put(old, new, time)
        self._put(other, new, self._time(other))
        self._rename(other, new, self._transactions, time)
        self._rename(other, new, self._contacts, time)

    def _chain(self, old: str, new: str, newest: str) -> None:
        time = self._time(old)
        self._put(old, new, time)
        self._put(new, newest, time + self._rng.choice((-20 * DAY, -HOUR, 0, HOUR, 2 * HOUR, 9 * DAY)))

    def _back(self, old: str, new: str, _: str) -> None:
        time = self._time(old)
        self._put(old, new, time)
        self._put(new, old, time + self._rng.choice((0, MINUTE, HOUR, 2 * HOUR, 5 * DAY, 40 * DAY)))

    def _twice(self, old: str, new: str, other: str) -> None:
        """Send a merge again, and another that says otherwise."""
        time = self._time(old)
        self._put(old, new, time, again=True)
        self._put(old, other, time + self._rng.choice((0, 3 * HOUR, 30 * DAY)))

    def _unknown(self, old: str, _: str, __: str) -> None:
        self._put(old, f"{old}+", self._time(old))

    def _open_case(self, old: str, new: str, _: str) -> None:
        """Merge soon after a contact, and let the desk speak of the case under either id."""
        contacts = [item for item in self._known if item.person.customer_id == old]
        time = self._time(old)
        self._put(old, new, time)
        for item in contacts:
            self._dispose(old, item, time + self._rng.randrange(2 * DAY))
            self._dispose(new, item, time + self._rng.randrange(60 * DAY))

    def _two_names(self, old: str, new: str, _: str) -> None:
        """Let the calls be under one id and the purchases under the other, until a merge of either."""
        calls, time = f"{old}/calls", self._time(old)
        self._rename(old, calls, self._contacts, 0)
        ids = (calls, old) if self._rng.random() < 0.5 else (old, calls)
        self._put(*ids, time)
        self._put(ids[1], new, time + self._rng.choice((HOUR, 50 * DAY)))

    def _crossing(self, old: str, new: str, other: str) -> None:
        """Merge two into a third within the same hour."""
        time = self._time(old)
        self._put(old, other, time)
        self._put(new, other, time + self._rng.choice((0, 0, SECOND, 10 * MINUTE)))

    def _time(self, name: str) -> int:
        """Give a time within the file, most often soon after a contact of an id."""
        rng = self._rng
        moments = [item.time for item in self._known if item.person.customer_id == name]
        near = rng.choice((0, MINUTE, HOUR, DAY, 6 * DAY, 7 * DAY, 20 * DAY, 60 * DAY))
        time = rng.choice(moments) + near if moments else rng.choice(self.span)
        time = time // HOUR * HOUR if rng.random() < 0.2 else time
        return min(max(time, self.span[0]), self.span[-1])

    def _put(self, old: str, new: str, time: int, *, again: bool = False) -> None:
        rng = self._rng
        self._transactions.issued += 1
        event: Event = {
            "type": "customer_merged",
            "event_id": f"t-{self._transactions.issued}",
            "customer_id": old,
            "time": stamp(time),
            "source": "crm",
            "merged_into": new,
        }
        late = rng.choice((0, 0, SECOND, 6 * SECOND, 4 * MINUTE))
        for wait in (0, rng.choice((0, HOUR, 5 * DAY))) if again else (0,):
            self._transactions.put_bytes(json.dumps(event).encode(), time + late + wait)

    def _dispose(self, name: str, item: Known, time: int) -> None:
        status = self._rng.choice(("closed", "contacted"))
        event: Event = {
            "type": "disposition",
            "event_id": f"m-{self._rng.random()}",
            "customer_id": name,
            "time": stamp(time),
            "source": "desk",
            "alert_id": alert_id(name, "crm", item.contact_id),
            "status": status,
        }
        if status == "contacted":
            event["snooze_until"] = stamp(time + 20 * DAY)
        self._dispositions.put_bytes(json.dumps(event).encode(), time)

    def _rename(self, old: str, new: str, feed: Feed, since: int) -> None:
        """Let what arrives from a time on be under another id."""
        feed.lines = [
            (at, number, _renamed(line, old, new) if at >= since else line) for at, number, line in feed.lines
        ]


def _renamed(line: bytes, old: str, new: str) -> bytes:
    try:
        event = json.loads(line)
    except ValueError:
        return line
    if not isinstance(event, dict) or event.get("customer_id") != old or event["type"] == "customer_merged":
        return line
    return json.dumps(event | {"customer_id": new}).encode()
