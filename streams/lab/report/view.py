"""Stories in the order in which a desk works them off, with what a page says of each."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from schemas.alert import Alert
from schemas.times import parse_ms
from streams.charts.scale import TimeAxis
from streams.core.alerts.figures import Figures
from streams.core.time import DAY_MS, HOUR_MS, hour_of
from streams.lab.report.picture import Decision, Picture
from streams.lab.report.words import WEEK_MS, resolution_label, to_cents
from streams.lab.story import ContactMark, ReportData, Story, WeekSpend

# Every chart spans the same time, so that stories compare at a glance: what the alert carries before the
# anchor, and the 120 days after which an episode is over. Only that of a silent alert is longer, by the weeks
# that spend had been falling before it was noticed.
WEEKS_BEFORE = 26
DAYS_AFTER = 122
CONTACTS_SHOWN = 10

Place = Literal["open", "overdue", "resolved", "holdout"]
PLACES: tuple[Place, ...] = ("open", "overdue", "resolved", "holdout")
"""The lists of the page, in its order."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One signal of one contact: how often it spoke there, its nats in all, and when (None if not known)."""

    signal: str
    times: int
    nats: float
    time_ms: int | None


@dataclass(frozen=True, slots=True)
class Card:
    """One alert as the report shows it. `rank` counts from 1 in the page's order, `place` is its list.

    `open` means that the desk should act: the alert is open and its deadline has not passed, and it is not of
    the hold-out arm, which is left alone. `at_risk_cents` is as of the end of the run; of an alert that ended
    it is the most that ever was.
    """

    rank: int
    story: Story
    last: Alert
    anchor_ms: int
    place: Place
    at_risk_cents: int

    @property
    def key(self) -> str:
        """Return the story's id in the page: never made of what customers or sources wrote."""
        return f"story-{self.rank}"

    @property
    def status(self) -> str:
        """Return where the case stands in one word or two."""
        if self.place == "holdout":
            return "hold-out"
        if self.place == "overdue":
            return "past its deadline"
        return "open" if self.last.resolution is None else resolution_label(self.last.resolution)

    @property
    def now(self) -> Figures | None:
        """Return how it stands at the end of the run; None once it ended."""
        return self.story.now

    @property
    def raised(self) -> Alert:
        """Return the record by which the level was reached."""
        before = (alert for alert in reversed(self.story.alerts) if alert.state != "resolved")
        return next(before, self.last)

    @property
    def silent(self) -> bool:
        """Return whether spend fell without a bad contact."""
        return self.last.anchor is None

    @property
    def axis(self) -> TimeAxis:
        """Return the time that the chart spans; like the weeks of an alert, it counts from a whole hour."""
        start = hour_of(self.anchor_ms) * HOUR_MS
        noticed = parse_ms(self.story.alerts[0].time) if self.silent else start
        return TimeAxis(start - WEEKS_BEFORE * WEEK_MS, noticed + DAYS_AFTER * DAY_MS)

    @property
    def reason(self) -> str | None:
        """Return what the anchor contact was about."""
        return self.last.anchor.reason if self.last.anchor else None

    @property
    def channel(self) -> str | None:
        """Return the channel of the anchor contact."""
        return self.last.anchor.channel if self.last.anchor else None

    @property
    def kept_share(self) -> float | None:
        """Return spend since, now or until it ended, as a share of the usual; None before a day has gone."""
        if self.now is not None:
            return self.now.kept_share
        expected = to_cents(self.last.usual_spend_per_day) * self.last.days_since
        return to_cents(self.last.spend_since) / expected if expected > 0 else None

    @property
    def signals(self) -> list[str]:
        """Return the signals that spoke, each once, in the order of the reasons; silence comes first."""
        first = ["silence"] if self.silent else []
        return list(dict.fromkeys([*first, *(reason.signal for reason in self.last.reasons)]))

    @property
    def reasons(self) -> list[Reason]:
        """Return the reasons of the last revision in their order, the same signal of a contact added up."""
        moments = {mark.contact_id: mark.time_ms for mark in self.story.contacts}
        gathered: defaultdict[tuple[str, str | None], list[float]] = defaultdict(list)
        for reason in self.last.reasons:
            gathered[reason.signal, reason.contact_id].append(reason.nats)
        return [
            Reason(signal, len(nats), sum(nats), None if contact_id is None else moments.get(contact_id))
            for (signal, contact_id), nats in gathered.items()
        ]

    @property
    def contacts(self) -> list[ContactMark]:
        """Return the newest contacts that the chart spans, oldest first."""
        axis = self.axis
        return [mark for mark in self.story.contacts if axis.shows(mark.time_ms)][-CONTACTS_SHOWN:]


def cards(stories: Iterable[Story]) -> list[Card]:
    """Return all stories as cards: list after list, each by value at risk."""
    ordered = sorted((_card(story) for story in stories), key=_order)
    return [replace(card, rank=rank) for rank, card in enumerate(ordered, start=1)]


def _card(story: Story) -> Card:
    last = story.alerts[-1]
    # A resolved record values what is left to lose; what it was about is the most that ever was.
    most = max(to_cents(alert.value_at_risk) for alert in story.alerts)
    at_risk = most if story.now is None else story.now.at_risk
    return Card(0, story, last, anchor_ms(story), _place(story), at_risk)


def _place(story: Story) -> Place:
    if story.alerts[-1].arm == "holdout":
        return "holdout"
    if story.now is None:
        return "resolved"
    return "overdue" if story.now.overdue else "open"


def _order(card: Card) -> tuple[int, int, str, str]:
    return (PLACES.index(card.place), -card.at_risk_cents, card.story.customer_id, card.last.alert_id)


def anchor_ms(story: Story) -> int:
    """Return the moment of the bad contact; where no contact is known, from when the days since count."""
    last = story.alerts[-1]
    if last.anchor is None and story.weeks:
        return story.weeks[WEEKS_BEFORE].start_ms
    anchor_id = last.anchor.contact_id if last.anchor else None
    # A contact still open and a notice have no end; their moment is known from the contact itself.
    moments = [mark.time_ms for mark in story.contacts if mark.contact_id == anchor_id]
    return moments[-1] if moments else parse_ms(last.time) - round(last.days_since * DAY_MS)


def picture(card: Card, data: ReportData) -> Picture:
    """Return what the chart of a story shows."""
    axis = card.axis
    return Picture(
        key=card.key,
        title=f"Spend by week, contacts and evidence for story {card.rank}",
        axis=axis,
        anchor_ms=card.anchor_ms,
        silent=card.silent,
        deadline_ms=parse_ms(card.last.deadline),
        last_ms=_last_ms(card, data),
        usual_week_cents=to_cents(card.last.usual_spend_per_day) * 7,
        currency=card.last.currency,
        weeks=card.story.weeks or _weeks(card),
        contacts=card.story.contacts,
        curve=[point for point in card.story.curve if axis.shows(point.time_ms)],
        decisions=[_decision(alert) for alert in card.story.alerts if axis.shows(parse_ms(alert.time))],
        ended=card.now is None,
        levels=replace(data.levels, prior=card.last.log_odds.prior) if card.silent else data.levels,
    )


def _last_ms(card: Card, data: ReportData) -> int:
    return parse_ms(card.last.time) if data.summary.last_ms is None else data.summary.last_ms


def _weeks(card: Card) -> list[WeekSpend]:
    start = card.axis.start_ms
    return [
        WeekSpend(start + index * WEEK_MS, to_cents(spend))
        for index, spend in enumerate(card.last.spend_by_week)
    ]


def _decision(alert: Alert) -> Decision:
    word = resolution_label(alert.resolution) if alert.resolution else alert.level
    return Decision(parse_ms(alert.time), total(alert), word)


def total(alert: Alert) -> float:
    """Return the log-odds of the decision: not yet rounded, as its published probability is."""
    return alert.log_odds.prior + alert.log_odds.frustration + alert.log_odds.silence
