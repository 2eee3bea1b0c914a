"""What goes wrong again and again: alerts grouped by it, with what is at risk and how it develops.

What is at risk with a customer is split among the signals by their nats, so that all of them together come to
what is at risk in all. An alert knows what its first contact was about and by which channel; of further
contacts it knows what went wrong in them, not what they were about.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from streams.core.time import DAY_MS
from streams.desk.board.entry import Entry
from streams.desk.board.queue import NONE, cut, view_of

By = Literal["signal", "reason", "channel"]
KINDS: Final[tuple[By, ...]] = ("signal", "reason", "channel")
WEEKS: Final = (12, 26)
_WEEK_MS: Final = 7 * DAY_MS
RECENT: Final = 4
"""Weeks that are compared with as many before them."""
_TO_WIN: Final = {"open", "snoozed"}
_MOST_PARTS: Final = 4
_MOST_GROUPS: Final = 60


@dataclass(frozen=True, slots=True)
class Part:
    """Of a group: what it was about."""

    name: str
    at_risk: int
    customers: int


@dataclass(frozen=True, slots=True)
class Group:
    """All alerts with something in common. Money is cents; `raised` counts by week, the oldest first."""

    name: str
    at_risk: int
    customers: int
    """Customers with an open alert whose deadline has not passed."""
    raised: tuple[int, ...]
    returned: int
    """Alerts of these weeks that ended because the customer came back."""
    parts: tuple[Part, ...]

    @property
    def total(self) -> int:
        """Return how many alerts were raised in these weeks."""
        return sum(self.raised)

    @property
    def recent(self) -> int:
        """Return how many in the last weeks."""
        return sum(self.raised[-RECENT:])

    @property
    def before(self) -> int:
        """Return how many in as many weeks before."""
        return sum(self.raised[-2 * RECENT : -RECENT])

    @property
    def change(self) -> float | None:
        """Return by which share it grew; None where there was too little before to say so."""
        return self.recent / self.before - 1 if self.before >= 3 else None


@dataclass(slots=True)
class _Sum:
    at_risk: float = 0.0
    customers: set[str] = field(default_factory=set)
    raised: list[int] = field(default_factory=list)
    returned: int = 0
    parts: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(lambda: [0.0, 0.0]))


def policy_of(entries: Iterable[Entry], by: By, weeks: int, now_ms: int) -> list[Group]:
    """Return the groups, the one with the most at risk first."""
    sums: defaultdict[str, _Sum] = defaultdict(lambda: _Sum(raised=[0] * weeks))
    for one in entries:
        for name, share in _shares(one, by).items():
            found = sums[name]
            ago = (now_ms - one.raised_ms) // _WEEK_MS
            if 0 <= ago < weeks:
                found.raised[weeks - 1 - ago] += 1
                found.returned += one.resolution == "returned"
            if view_of(one, now_ms) in _TO_WIN:
                found.at_risk += one.at_risk * share
                found.customers.add(one.customer_id)
                part = found.parts[_part(one, by)]
                part[0] += one.at_risk * share
                part[1] += 1
    groups = [_group(name, found) for name, found in sums.items() if found.customers or any(found.raised)]
    groups.sort(key=lambda one: (-one.at_risk, -one.total, one.name))
    return groups[:_MOST_GROUPS]


def _shares(entry: Entry, by: By) -> Mapping[str, float]:
    """Return the groups that an alert belongs to, and the share of it that is each one's: 1 in all."""
    if by == "reason":
        return {cut(entry.reason): 1.0}
    if by == "channel":
        return {entry.channel or NONE: 1.0}
    weight = sum(max(0.0, nats) for _, nats in entry.signals)
    if not weight:
        return {name: 1 / len(entry.signals) for name, _ in entry.signals} or {NONE: 1.0}
    return {name: max(0.0, nats) / weight for name, nats in entry.signals}


def _part(entry: Entry, by: By) -> str:
    """Return what a group is divided by: what it was about, or for these groups what went wrong most."""
    if by == "signal":
        return cut(entry.reason)
    return max(entry.signals, key=lambda one: one[1])[0] if entry.signals else NONE


def _group(name: str, found: _Sum) -> Group:
    parts = sorted(found.parts.items(), key=lambda one: -one[1][0])[:_MOST_PARTS]
    return Group(
        name,
        round(found.at_risk),
        len(found.customers),
        tuple(found.raised),
        found.returned,
        tuple(Part(part, round(risk), int(number)) for part, (risk, number) in parts),
    )
