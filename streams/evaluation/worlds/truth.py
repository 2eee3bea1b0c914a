"""The alerts of one world against its truth.

A customer *has left* from the last moment of the journey that started a boycott until the boycott ends. A
delayed boycott counts from that moment too, three weeks before it shows: the customer has decided. A record
whose anchor is of that journey is right before its last moment too: the story that it tells ends so.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from schemas.alert import Alert
from schemas.times import parse_ms
from streams.core.time import DAY_MS
from streams.evaluation.worlds.episodes import Episodes, Level, Span, spans_of
from streams.lab.generate.boycotts import Boycott, Outcome
from streams.lab.generate.options import Severity, Shape
from streams.lab.generate.purchases import Ints
from streams.lab.generate.world import World
from streams.lab.replay import ReplayResult

DAYS: Final = 90
"""Days in which a boycott counts as found and what it takes away as lost."""


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
    """Return what the alerts of a world, and the episodes without one, come to against its truth."""
    raised = [alert for alert in result.alerts if alert.state != "resolved"]
    spans = spans_of(raised, episodes, world.purchases.end_ms)
    boycotts = _boycotts(world)
    return Held(
        customers=len(world.purchases.customer_ids),
        boycotts=sum(map(len, boycotts.values())),
        raised=_raised(world, raised, boycotts),
        judged=_judged(world, spans, boycotts),
        loyal=_loyal(spans, boycotts),
    )


def _boycotts(world: World) -> dict[str, list[tuple[Outcome, Boycott]]]:
    """Return each customer's journeys that started a boycott."""
    boycotts: defaultdict[str, list[tuple[Outcome, Boycott]]] = defaultdict(list)
    for outcome in world.outcomes:
        if outcome.boycott is not None:
            customer_id = world.purchases.customer_ids[outcome.journey.customer]
            boycotts[customer_id].append((outcome, outcome.boycott))
    return dict(boycotts)


def _raised(
    world: World, raised: Iterable[Alert], boycotts: Mapping[str, list[tuple[Outcome, Boycott]]]
) -> tuple[Raised, ...]:
    severities = {
        name: outcome.journey.severity for outcome in world.outcomes for name in outcome.journey.contact_ids
    }

    def real(alert: Alert) -> bool:
        contact_id = None if alert.anchor is None else alert.anchor.contact_id
        mine = boycotts.get(alert.customer_id, [])
        return any(_has_left(outcome, boycott, parse_ms(alert.time), contact_id) for outcome, boycott in mine)

    return tuple(
        Raised(
            level=alert.level,
            probability=alert.probability,
            severity=None if alert.anchor is None else severities[alert.anchor.contact_id],
            real=real(alert),
        )
        for alert in raised
    )


def _has_left(outcome: Outcome, boycott: Boycott, time: int, contact_id: str | None) -> bool:
    left = outcome.journey.last_ms <= time or contact_id in outcome.journey.contact_ids
    return left and (boycott.end_ms is None or time < boycott.end_ms)


def _judged(
    world: World,
    spans: Mapping[str, list[Span]],
    boycotts: Mapping[str, list[tuple[Outcome, Boycott]]],
) -> tuple[Judged, ...]:
    found = [
        found
        for customer_id, mine in boycotts.items()
        for outcome, boycott in mine
        if (found := _found(outcome, boycott, spans.get(customer_id, []), world.purchases.end_ms))
    ]
    lost = _Lost(world)
    customer = np.array([one.outcome.journey.customer for one in found], dtype=np.int64)
    start = np.array([one.start for one in found], dtype=np.int64)
    end = np.array([one.end for one in found], dtype=np.int64)
    alert = np.array([one.end if one.alert is None else one.alert for one in found], dtype=np.int64)
    all_lost = lost.between(customer, start, end).tolist()
    to_come = lost.between(customer, alert, end).tolist()
    return tuple(
        Judged(
            shape=one.shape,
            watch_days=one.days(one.watch),
            alert_days=one.days(one.alert),
            lost_cents=cents,
            to_come_cents=later,
        )
        for one, cents, later in zip(found, all_lost, to_come, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """A judged boycott in [start, end), and when the levels stood first; ms."""

    outcome: Outcome
    shape: Shape
    start: int
    end: int
    watch: int | None
    alert: int | None

    def days(self, time: int | None) -> float | None:
        """Return the days from the start to a time, if any."""
        return None if time is None else (time - self.start) / DAY_MS


def _found(outcome: Outcome, boycott: Boycott, spans: list[Span], end_ms: int) -> _Found | None:
    """Return how a boycott was found; None if it is not judged, or too near to the end to tell."""
    start, decided = boycott.start_ms, outcome.journey.last_ms
    if start + DAYS * DAY_MS > end_ms:
        return None
    end = start + DAYS * DAY_MS if boycott.end_ms is None else min(boycott.end_ms, start + DAYS * DAY_MS)
    judged = [one for one in spans if one.opened < end and one.closed > decided]
    if not judged:
        return None
    watch = [time for one in judged if (time := one.stands("watch", start, end)) is not None]
    alert = [time for one in judged if (time := one.stands("alert", start, end)) is not None]
    return _Found(outcome, boycott.shape, start, end, min(watch, default=None), min(alert, default=None))


class _Lost:
    """What the purchases of a world lack, by customer and time."""

    def __init__(self, world: World) -> None:
        kept = np.where(world.bought, world.cents, 0)
        self._purchases = world.purchases
        self._total: Ints = np.concatenate([[0], np.cumsum(world.purchases.cents - kept)])

    def between(self, customer: Ints, start: Ints, end: Ints) -> Ints:
        """Return the cents that customers did not spend in [start, end)."""
        position = self._purchases.position
        lost: Ints = self._total[position(customer, end)] - self._total[position(customer, start)]
        return lost


def _loyal(spans: Mapping[str, list[Span]], boycotts: Mapping[str, object]) -> tuple[Loyal, ...]:
    return tuple(
        Loyal(days=min(span.days, DAYS), alerted=span.alert is not None)
        for customer_id, mine in spans.items()
        if customer_id not in boycotts
        for span in mine
    )
