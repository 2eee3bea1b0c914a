"""The picture of one alert: what its record tells, and what a worker adds of now."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from schemas.alert import Alert
from schemas.times import parse_ms
from streams.charts.scale import TimeAxis
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS, HOUR_MS, hour_of
from streams.desk.board.entry import Entry
from streams.lab.report.chart import draw
from streams.lab.report.picture import Decision, Outlook, Picture
from streams.lab.report.words import WEEK_MS, count, day, resolution_label, to_cents
from streams.lab.story import ContactMark, EvidencePoint, Levels, WeekSpend
from streams.runtime.http.lookup import LookupAnswer, LookupEpisode

_WEEKS_BEFORE = 26
_DAYS_AFTER = 122


@dataclass(frozen=True, slots=True)
class Known:
    """A contact, as far as it is known: an alert tells when only of the one that it began with."""

    contact_id: str
    moment_ms: int | None
    channel: str | None
    reason: str | None
    direction: str | None
    signals: tuple[tuple[str, float], ...]


def known_of(alert: Alert, lookup: LookupAnswer | None) -> list[Known]:
    """Return the contacts of the alert, as a worker knows them now if one told, the earliest first."""
    if lookup is not None and lookup.contacts:
        return [
            Known(
                one.contact_id,
                parse_ms(one.moment),
                one.channel,
                one.reason,
                one.kind,
                tuple((signal.signal, signal.nats) for signal in one.signals),
            )
            for one in lookup.contacts
        ]
    signals: dict[str, list[tuple[str, float]]] = {}
    for reason in alert.reasons:
        signals.setdefault(reason.contact_id or "", []).append((reason.signal, reason.nats))
    anchor = alert.anchor
    if anchor is not None:
        signals.setdefault(anchor.contact_id, [])
    return [
        Known(
            contact_id,
            moment_of(alert) if anchor is not None and contact_id == anchor.contact_id else None,
            anchor.channel if anchor is not None and contact_id == anchor.contact_id else None,
            anchor.reason if anchor is not None and contact_id == anchor.contact_id else None,
            None,
            tuple(found),
        )
        for contact_id, found in signals.items()
    ]


def moment_of(alert: Alert) -> int:
    """Return when it began, ms: the end of the contact, else from when the days since count."""
    if alert.anchor is not None and alert.anchor.ended_at is not None:
        return parse_ms(alert.anchor.ended_at)
    return parse_ms(alert.time) - round(alert.days_since * DAY_MS)


def drawn(  # noqa: PLR0913, PLR0917 - all that it shows
    entry: Entry,
    alert: Alert,
    known: Sequence[Known],
    episode: LookupEpisode | None,
    rules: Ruleset,
    as_of_ms: int,
) -> Markup:
    """Return the picture: spend by week, contacts, and the evidence with its levels."""
    began = moment_of(alert)
    start = hour_of(began) * HOUR_MS - _WEEKS_BEFORE * WEEK_MS
    last_ms = entry.time_ms if not entry.is_open else max(as_of_ms, entry.time_ms)
    end = max(hour_of(began) * HOUR_MS + _DAYS_AFTER * DAY_MS, entry.time_ms + DAY_MS)
    curve = _curve(entry, episode, as_of_ms)
    levels = Levels.of(rules)
    return draw(
        Picture(
            key="story",
            title=f"Spend by week, contacts and evidence since {day(start)}",
            axis=TimeAxis(start, end),
            anchor_ms=began,
            silent=alert.anchor is None,
            deadline_ms=entry.deadline_ms,
            usual_week_cents=to_cents(alert.usual_spend_per_day) * 7,
            currency=alert.currency,
            last_ms=last_ms,
            weeks=[
                WeekSpend(start + at * WEEK_MS, to_cents(spend))
                for at, spend in enumerate(alert.spend_by_week)
            ],
            contacts=[_mark(one) for one in known if one.moment_ms is not None],
            curve=curve,
            decisions=[
                Decision(
                    one.time_ms,
                    one.log_odds,
                    resolution_label(one.resolution) if one.resolution else one.level,
                )
                for one in entry.history
                if one.time_ms >= start
            ],
            ended=not entry.is_open,
            levels=Levels(levels.watch, levels.alert, alert.log_odds.prior),
            outlook=_outlook(curve, episode, levels),
        )
    )


def spoken_of(entry: Entry, known: Sequence[Known]) -> str:
    """Return the picture in words."""
    bad = sum(bool(one.signals) for one in known)
    steps = ", ".join(
        f"{resolution_label(one.resolution) if one.resolution else one.level} on {day(one.time_ms)}"
        for one in entry.history
    )
    return f"Spend by week, {count(bad, 'bad contact')} and the evidence at each decision: {steps}."


def _curve(entry: Entry, episode: LookupEpisode | None, as_of_ms: int) -> list[EvidencePoint]:
    points = [EvidencePoint(one.time_ms, one.frustration, one.silence, one.log_odds) for one in entry.history]
    if episode is not None and as_of_ms > entry.time_ms:
        odds = episode.log_odds
        total = odds.prior + odds.frustration + odds.silence
        points.append(EvidencePoint(as_of_ms, odds.frustration, odds.silence, total))
    return points


def _outlook(curve: Sequence[EvidencePoint], episode: LookupEpisode | None, levels: Levels) -> Outlook | None:
    """Return where the evidence goes if nothing more is bought; None where nobody told."""
    if episode is None or not curve:
        return None
    now = curve[-1]
    if episode.clears_at is not None:
        at = parse_ms(episode.clears_at)
        return Outlook(now.time_ms, now.log_odds, at, now.log_odds, f"clears {_short_day(at)}")
    if episode.next_level_at is None:
        return None
    at = parse_ms(episode.next_level_at)
    return Outlook(now.time_ms, now.log_odds, at, levels.alert, f"alert {_short_day(at)}")


def _short_day(ms: int) -> str:
    """Return a day without its year, which the axis has."""
    return day(ms).rpartition(" ")[0]


def _mark(known: Known) -> ContactMark:
    return ContactMark(
        time_ms=known.moment_ms or 0,
        contact_id=known.contact_id,
        channel=known.channel,
        reason=known.reason,
        direction=known.direction,
        nats=sum(nats for _, nats in known.signals),
        signals=list(known.signals),
        frustration_after=0.0,
        synthetic=False,
    )
