"""Watch a replay from day to day, for the stories of its alerts or of one customer afterwards."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Final

from typing_extensions import override

from schemas.alert import Alert
from schemas.times import parse_ms
from streams.core.alerts.view import CustomerView
from streams.core.contacts.frustration import frustration
from streams.core.customer.pending import Episode
from streams.core.episodes.opening import Gates
from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from streams.core.time import HOUR_MS, WEEK_HOURS, hour_of
from streams.lab.replay.open_now import figures_now
from streams.lab.replay.replay import ReplayResult, Sampler
from streams.lab.report.view import total
from streams.lab.story import (
    ContactMark,
    CustomerStory,
    EpisodeStory,
    EvidencePoint,
    Story,
    WeekSpend,
)

SYNTHETIC: Final = "synthetic"
"""Sources of synthetic contacts begin with this word."""

_WEEKS_BEFORE: Final = 26
_WEEKS_AFTER: Final = 26


@dataclass
class _Watched:
    """An episode as it was recorded."""

    customer_id: str
    episode: Episode
    curve: list[EvidencePoint] = field(default_factory=list)
    closed_ms: int | None = None
    why: str | None = None


class Watcher(Sampler):
    """Records what a replay shows of all open episodes, or of one customer only."""

    def __init__(self, ruleset: Ruleset, only: str | None = None) -> None:
        self._ruleset = ruleset
        self._only = only
        self._episodes: dict[tuple[str, int], _Watched] = {}
        self._marks: defaultdict[str, dict[tuple[str, str], ContactMark]] = defaultdict(dict)
        self._judgements: list[Gates] = []

    @override
    def sample(self, partition: Partition) -> None:
        """Record the open episodes, and the contacts, at the end of a day."""
        for customer_id in partition.open_customers if self._only is None else (self._only,):
            view = partition.lookup(customer_id)
            if view is not None:
                self._marks[customer_id].update(_marks(view, self._ruleset))
                if (seen := view.episode) is not None:
                    odds = seen.odds
                    point = EvidencePoint(view.time, odds.frustration, odds.silence, odds.total)
                    self._watched(customer_id, seen.episode).curve.append(point)

    @override
    def judged(self, customer_id: str, gates: Gates) -> None:
        """Record how a contact of the one customer was judged."""
        if customer_id == self._only:
            self._judgements.append(gates)

    @override
    def closed(self, customer_id: str, episode: Episode, why: str, time: int) -> None:
        """Record the end of an episode."""
        watched = self._watched(customer_id, episode)
        watched.closed_ms, watched.why = time, why

    def stories(self, result: ReplayResult) -> list[Story]:
        """Return the story of every alert of a finished replay, those of the hold-out arm included."""
        alerts = sorted((*result.alerts, *result.holdout), key=attrgetter("alert_id", "revision"))
        return [self._story(list(group), result) for _, group in groupby(alerts, key=attrgetter("alert_id"))]

    def customer(self, customer_id: str, result: ReplayResult, currency: str) -> CustomerStory:
        """Return the story of the one customer of a finished replay."""
        view = result.lookup(customer_id)
        marks = _in_order(self._marks[customer_id].values())
        alerts = [one for one in (*result.alerts, *result.holdout) if one.customer_id == customer_id]
        return CustomerStory(
            customer_id=customer_id,
            currency=currency,
            last_ms=result.last_ms or 0,
            weeks=[]
            if view is None or not view.panes.hours
            else _weeks(view, view.panes.hours[0], hour_of(view.time)),
            contacts=marks,
            judgements=self._judgements,
            episodes=[
                self._episode(one, alerts, result)
                for one in self._episodes.values()
                if one.customer_id == customer_id
            ],
            synthetic=any(mark.synthetic for mark in marks),
            rules=self._ruleset,
            refused=result.refused_purchases.get(customer_id, []),
            merged_into=None if view is None else view.merged_into,
            merged_from=() if view is None else view.merged_from,
        )

    def _watched(self, customer_id: str, episode: Episode) -> _Watched:
        return self._episodes.setdefault((episode.alert_id, episode.opened), _Watched(customer_id, episode))

    def _episode(self, watched: _Watched, alerts: list[Alert], result: ReplayResult) -> EpisodeStory:
        episode, end = watched.episode, watched.closed_ms
        own = [
            one
            for one in alerts
            if one.alert_id == episode.alert_id
            and episode.opened <= parse_ms(one.time)
            and (end is None or parse_ms(one.time) <= end)
        ]
        return EpisodeStory(
            anchor_id=None if episode.anchor is None else episode.anchor.contact_id,
            opened_ms=episode.opened,
            first_hour_ms=episode.yardstick.first_hour * HOUR_MS,
            closed_ms=end,
            resolution=watched.why,
            usual_cents_per_day=episode.yardstick.usual_per_day,
            irregularity_days=episode.yardstick.irregularity_days,
            curve=_curve(watched.curve, own),
            alerts=own,
            now=figures_now(own[-1], result) if own and end is None else None,
        )

    def _story(self, alerts: list[Alert], result: ReplayResult) -> Story:
        first = alerts[0]
        view = result.lookup(first.customer_id)
        seen = [one for one in self._episodes.values() if one.episode.alert_id == first.alert_id]
        points = [point for one in seen for point in one.curve]
        return Story(
            customer_id=first.customer_id,
            alerts=alerts,
            curve=_curve(points, alerts),
            contacts=_in_order(self._marks[first.customer_id].values()),
            weeks=[] if view is None or not seen else _weeks_around(view, seen[0].episode),
            now=figures_now(first, result),
        )


def _curve(points: Iterable[EvidencePoint], alerts: list[Alert]) -> list[EvidencePoint]:
    decided = [
        EvidencePoint(parse_ms(one.time), one.log_odds.frustration, one.log_odds.silence, total(one))
        for one in alerts
    ]
    return sorted([*points, *decided], key=attrgetter("time_ms"))


def _marks(view: CustomerView, rules: Ruleset) -> dict[tuple[str, str], ContactMark]:
    known = [contact for contact, _ in view.contacts]
    return {
        (contact.source, contact.contact_id): ContactMark(
            time_ms=contact.moment,
            contact_id=contact.contact_id,
            channel=contact.channel or ("notice" if contact.notice else None),
            reason=contact.reason,
            direction="outbound" if contact.outbound else None,
            nats=sum(nats for _, nats in signals),
            signals=list(signals),
            frustration_after=frustration(known[: at + 1], rules),
            synthetic=contact.source.startswith(SYNTHETIC),
        )
        for at, (contact, signals) in enumerate(view.contacts)
    }


def _in_order(marks: Iterable[ContactMark]) -> list[ContactMark]:
    return sorted(marks, key=attrgetter("time_ms", "contact_id"))


def _weeks_around(view: CustomerView, episode: Episode) -> list[WeekSpend]:
    end = min(hour_of(view.time), episode.starts - 1 + _WEEKS_AFTER * WEEK_HOURS)
    return _weeks(view, episode.parting - _WEEKS_BEFORE * WEEK_HOURS, end)


def _weeks(view: CustomerView, start: int, end: int) -> list[WeekSpend]:
    return [
        WeekSpend(hour * HOUR_MS, view.panes.spend(hour, hour + WEEK_HOURS))
        for hour in range(start, max(end, start + 1), WEEK_HOURS)
    ]
