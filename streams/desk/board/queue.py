"""The queue: which alerts somebody wants to see, in which order, and what there is to choose from."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Final, Literal
from urllib.parse import urlencode

from streams.core.time import DAY_MS
from streams.desk.board.board import Board
from streams.desk.board.entry import Entry

View = Literal["open", "snoozed", "overdue", "resolved"]
VIEWS: Final[tuple[View, ...]] = ("open", "snoozed", "overdue", "resolved")
"""Open ones are to be worked on; of those past their deadline there is nothing to win any more."""
SORTS: Final[Mapping[str, Callable[[Entry], tuple[object, ...]]]] = {
    "risk": lambda one: (-one.at_risk, one.customer_id, one.alert_id),
    "deadline": lambda one: (one.deadline_ms, -one.at_risk, one.alert_id),
    "newest": lambda one: (-one.raised_ms, -one.at_risk, one.alert_id),
}
AGES: Final = (1, 7, 30)
STANDINGS: Final = ("new", "acknowledged", "contacted", "closed")
LEVELS: Final = ("alert", "watch")
NONE: Final = "-"
"""In a filter: those that have none."""
SHOWN: Final = 50
MOST_SHOWN: Final = 2_000
_MOST_CHOICES: Final = 60
_MOST_TEXT: Final = 200
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Filters:
    """What somebody wants to see; an empty text is any.

    `age` is a number of days, `customer` a part of an id.
    """

    view: View = "open"
    level: str = ""
    signal: str = ""
    reason: str = ""
    channel: str = ""
    owner: str = ""
    standing: str = ""
    age: str = ""
    customer: str = ""
    sort: str = "risk"
    limit: int = SHOWN

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Filters":
        """Return the filters of a query; what makes no sense in it is left out."""
        said = {one.name: query.get(one.name, "")[:_MOST_TEXT] for one in fields(cls)}
        limit = said.pop("limit")
        return cls(
            **{
                **said,
                "view": said["view"] if said["view"] in VIEWS else "open",
                "sort": said["sort"] if said["sort"] in SORTS else "risk",
                "level": said["level"] if said["level"] in LEVELS else "",
                "standing": said["standing"] if said["standing"] in STANDINGS else "",
                "age": said["age"] if said["age"] in {*map(str, AGES), "older"} else "",
                "customer": said["customer"].strip(),
            },  # type: ignore[arg-type] # all of them are text
            limit=min(MOST_SHOWN, int(limit))
            if limit.isascii() and limit.isdigit() and int(limit)
            else SHOWN,
        )

    def query(self, **changes: object) -> str:
        """Return the query that gives these filters, with changes; what is as usual is left out."""
        changed = replace(self, **changes)  # type: ignore[arg-type] # by name
        said = {one.name: getattr(changed, one.name) for one in fields(self)}
        usual = Filters()
        return urlencode({name: value for name, value in said.items() if value != getattr(usual, name)})

    @property
    def cleared(self) -> str:
        """Return the query of the same view with no filter."""
        return Filters(view=self.view).query()

    @property
    def narrow(self) -> int:
        """Return how many of the filters leave something out."""
        names = ("level", "signal", "reason", "channel", "owner", "standing", "age", "customer")
        return sum(bool(getattr(self, name)) for name in names)


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from in a view, the most frequent first, with how many there are."""

    signal: Counter[str] = field(default_factory=Counter)
    reason: Counter[str] = field(default_factory=Counter)
    channel: Counter[str] = field(default_factory=Counter)
    owner: Counter[str] = field(default_factory=Counter)
    level: Counter[str] = field(default_factory=Counter)
    standing: Counter[str] = field(default_factory=Counter)

    def listed(self, name: str) -> list[tuple[str, int]]:
        """Return the choices of a filter."""
        counted: Counter[str] = getattr(self, name)
        return counted.most_common(_MOST_CHOICES)


@dataclass(frozen=True, slots=True)
class Queue:
    """What is seen: the alerts in their order, what is at risk with them, how many each view has."""

    entries: list[Entry]
    at_risk: int
    counts: Mapping[View, int]
    choices: Choices

    @property
    def alerts(self) -> int:
        """Return how many are of the upper level."""
        return sum(one.level == "alert" for one in self.entries)


def view_of(entry: Entry, now_ms: int) -> View:
    """Return the view that an alert is in."""
    if not entry.is_open:
        return "resolved"
    done = entry.standing
    if done is not None and done.snooze_until_ms is not None and done.snooze_until_ms > now_ms:
        return "snoozed"
    return "overdue" if now_ms > entry.deadline_ms else "open"


def standing_of(entry: Entry) -> str:
    """Return how far the work on an alert has come in this episode."""
    done = entry.standing
    return "new" if done is None else done.status


class Overview:
    """All alerts by the view that they are in, each in all orders, and what there is to choose from.

    It is made anew when the board has changed, or a minute has passed: so a filter looks only at what it is
    about.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._made_of: tuple[int, int] | None = None
        self._views: dict[View, list[Entry]] = {}
        self._choices: dict[View, Choices] = {}
        self._sorted: dict[tuple[View, str], list[Entry]] = {}

    def queue(self, filters: Filters, now_ms: int) -> Queue:
        """Return what is seen with these filters."""
        self._make(now_ms)
        view, fits = filters.view, _fits(filters, now_ms)
        found = self._in_order(view, filters.sort)
        if fits is not None:
            found = [one for one in found if fits(one)]
        counts = {name: len(entries) for name, entries in self._views.items()}
        return Queue(found, sum(one.at_risk for one in found), counts, self._choices_of(view))

    def _make(self, now_ms: int) -> None:
        made_of = self._board.version, now_ms // _MINUTE_MS
        if made_of == self._made_of:
            return
        self._views = {view: [] for view in VIEWS}
        for one in self._board:
            self._views[view_of(one, now_ms)].append(one)
        self._choices, self._sorted, self._made_of = {}, {}, made_of

    def _in_order(self, view: View, sort: str) -> list[Entry]:
        found = self._sorted.get((view, sort))
        if found is None:
            found = self._sorted[view, sort] = sorted(self._views[view], key=SORTS[sort])
        return found

    def _choices_of(self, view: View) -> Choices:
        found = self._choices.get(view)
        if found is None:
            found = self._choices[view] = Choices()
            for one in self._views[view]:
                _count(found, one)
        return found


def _count(choices: Choices, entry: Entry) -> None:
    for signal, _ in entry.signals:
        choices.signal[signal] += 1
    choices.reason[cut(entry.reason)] += 1
    choices.channel[entry.channel or NONE] += 1
    choices.owner[cut(entry.owner)] += 1
    choices.level[entry.level] += 1
    choices.standing[standing_of(entry)] += 1


def _fits(filters: Filters, now_ms: int) -> Callable[[Entry], bool] | None:
    """Return what tells whether an alert of the view passes; None if all do."""
    tests: list[Callable[[Entry], bool]] = []
    if filters.level:
        tests.append(lambda one: one.level == filters.level)
    if filters.signal:
        tests.append(lambda one: any(signal == filters.signal for signal, _ in one.signals))
    if filters.reason:
        tests.append(lambda one: cut(one.reason) == filters.reason)
    if filters.channel:
        tests.append(lambda one: (one.channel or NONE) == filters.channel)
    if filters.owner:
        tests.append(lambda one: cut(one.owner) == filters.owner)
    if filters.standing:
        tests.append(lambda one: standing_of(one) == filters.standing)
    if filters.age:
        older = filters.age == "older"
        since = now_ms - (AGES[-1] if older else int(filters.age)) * DAY_MS
        tests.append(lambda one: (one.raised_ms < since) == older)
    if filters.customer:
        part = filters.customer.casefold()
        tests.append(lambda one: part in one.customer_id.casefold())
    if not tests:
        return None
    return tests[0] if len(tests) == 1 else lambda one: all(test(one) for test in tests)


def cut(text: str | None) -> str:
    """Return a text as filters name it: none has a name, and what is very long is cut."""
    return text[:_MOST_TEXT] if text else NONE
