"""The alerts of one world against its truth.

A customer *has left* from the last moment of the journey that started a boycott until the boycott ends. A
delayed boycott counts from that moment too, three weeks before it shows: the customer has decided. A record
whose anchor is of that journey is right before its last moment too: the story that it tells ends so.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from schemas.alert import Alert
from schemas.times import parse_ms
from streams.core.time import DAY_MS
from streams.evaluation.worlds.episodes import Episodes, Level, Span, spans_of
from streams.lab.generate.boycotts import Boycott, Outcome
from streams.lab.generate.options import Severity, Shape
from streams.lab.generate.world import World
from streams.lab.replay import ReplayResult

DAYS: Final = 90
"""Days in which a boycott counts as found and what it takes away as lost."""

Boycotts = Mapping[str, list[tuple[Outcome, Boycott]]]
Spans = Mapping[str, list[Span]]
"""By customer."""


@dataclass(frozen=True, slots=True)
class Raised:
    """A record that raised an episode to a level for the first time."""

    level: Level
    probability: float
    """As stated."""
    severity: Severity | None
    """Of the anchor's journey; None without an anchor."""
    real: bool
    """Whether the customer had left, or was about to after the rest of the anchor's journey."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A boycott of a customer with an open episode, with `DAYS` of history left after its start.

    Days count from the start, 0 if the level stood already; None if it was not reached in `DAYS` or before
    the end.
    """

    shape: Shape
    watch_days: float | None
    alert_days: float | None
    lost_cents: int
    """What it took away in `DAYS`."""
    to_come_cents: int
    """Of this, what was still to come at the alert; 0 without one."""


@dataclass(frozen=True, slots=True)
class Loyal:
    """An episode of a customer who never boycotts."""

    days: float
    """Days judged: until it closed, the `DAYS` in which it could be raised or the history's end."""
    alerted: bool


@dataclass(frozen=True, slots=True)
class Held:
    """What the alerts of a world were worth."""

    customers: int
    boycotts: int
    """All, also of those who are not judged."""
    raised: tuple[Raised, ...]
    judged: tuple[Judged, ...]
    loyal: tuple[Loyal, ...]


def hold(world: World, result: ReplayResult, episodes: Episodes) -> Held:
    """Return the alerts of a world, and the episodes without one, each judged by its truth."""
    raised = [alert for alert in result.alerts if alert.state != "resolved"]
    spans = spans_of(raised, episodes, world.purchases.end_ms)
    boycotts = boycotts_of(world)
    return Held(
        customers=len(world.purchases.customer_ids),
        boycotts=sum(map(len, boycotts.values())),
        raised=tuple(_raised(world, raised, boycotts)),
        judged=tuple(_judged(world, spans, boycotts)),
        loyal=tuple(_loyal(spans, boycotts)),
    )


def boycotts_of(world: World) -> dict[str, list[tuple[Outcome, Boycott]]]:
    """Return each customer's journeys that started a boycott."""
    boycotts: defaultdict[str, list[tuple[Outcome, Boycott]]] = defaultdict(list)
    for outcome in world.outcomes:
        if outcome.boycott is not None:
            customer_id = world.purchases.customer_ids[outcome.journey.customer]
            boycotts[customer_id].append((outcome, outcome.boycott))
    return dict(boycotts)


def _raised(world: World, raised: Iterable[Alert], boycotts: Boycotts) -> Iterator[Raised]:
    severities = {
        name: outcome.journey.severity for outcome in world.outcomes for name in outcome.journey.contact_ids
    }
    for alert in raised:
        anchor, time = None if alert.anchor is None else alert.anchor.contact_id, parse_ms(alert.time)
        mine = boycotts.get(alert.customer_id, [])
        real = any(_has_left(outcome, boycott, time, anchor) for outcome, boycott in mine)
        severity = None if anchor is None else severities[anchor]
        yield Raised(alert.level, alert.probability, severity, real)


def _has_left(outcome: Outcome, boycott: Boycott, time: int, contact_id: str | None) -> bool:
    left = outcome.journey.last_ms <= time or contact_id in outcome.journey.contact_ids
    return left and (boycott.end_ms is None or time < boycott.end_ms)


class Found(NamedTuple):
    """A judged boycott in [start, end), and when the levels stood first; ms."""

    shape: Shape
    customer: int
    start: int
    end: int
    watch: int | None
    alert: int | None

    def days(self, time: int | None) -> float | None:
        """Return the days from the start to a time, if any."""
        return None if time is None else (time - self.start) / DAY_MS


def _judged(world: World, spans: Spans, boycotts: Boycotts) -> Iterator[Judged]:
    found = [
        found
        for customer_id, mine in boycotts.items()
        for outcome, boycott in mine
        if (found := found_in(outcome, boycott, spans.get(customer_id, []), world.purchases.end_ms))
    ]
    rows = [(one.customer, one.start, one.end, one.end if one.alert is None else one.alert) for one in found]
    customer, start, end, alert = np.array(rows, np.int64).reshape(-1, 4).T
    # What the purchases lack by then, all customers in a row.
    lacking = world.purchases.cents - np.where(world.bought, world.cents, 0)
    total = np.concatenate([[0], np.cumsum(lacking)])
    at_start, at_alert, at_end = (
        total[world.purchases.position(customer, time)] for time in (start, alert, end)
    )
    cents = zip((at_end - at_start).tolist(), (at_end - at_alert).tolist(), strict=True)
    for one, (lost, to_come) in zip(found, cents, strict=True):
        yield Judged(one.shape, one.days(one.watch), one.days(one.alert), lost, to_come)


def found_in(outcome: Outcome, boycott: Boycott, spans: list[Span], end_ms: int) -> Found | None:
    """Return how a boycott was found; None if it is not judged, or too near to the end to tell."""
    start, end = boycott.start_ms, boycott.start_ms + DAYS * DAY_MS
    if end > end_ms:
        return None
    if boycott.end_ms is not None:
        end = min(boycott.end_ms, end)
    judged = [one for one in spans if one.opened < end and one.closed > outcome.journey.last_ms]
    if not judged:
        return None

    def first(level: Level) -> int | None:
        times = (one.stands(level, start, end) for one in judged)
        return min((time for time in times if time is not None), default=None)

    return Found(boycott.shape, outcome.journey.customer, start, end, first("watch"), first("alert"))


def _loyal(spans: Spans, boycotts: Boycotts) -> Iterator[Loyal]:
    for customer_id, mine in spans.items():
        if customer_id not in boycotts:
            yield from (Loyal(min(span.days, DAYS), span.alert is not None) for span in mine)
