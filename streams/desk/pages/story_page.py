"""The story of one alert as a page."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from markupsafe import Markup

from schemas.alert import Alert, Counters
from schemas.times import format_ms, parse_ms
from streams.charts.svg import pct, tag
from streams.core.ruleset import DEFAULT, VERSIONS, Ruleset
from streams.core.time import DAY_MS
from streams.crm.payload.words import reasons, summary
from streams.desk.acting.wish import ACTIONS, OUTCOMES
from streams.desk.board.entry import Entry
from streams.desk.board.queue import Filters
from streams.desk.pages import words
from streams.desk.pages.picture import Known, drawn, known_of, spoken_of
from streams.desk.pages.shell import Shell, render
from streams.lab.report.words import (
    chance,
    count,
    day,
    day_and_time,
    money,
    resolution_label,
    strength_share,
    to_cents,
)
from streams.runtime.http.lookup import LookupAnswer, LookupEpisode


@dataclass(frozen=True, slots=True)
class Walk:
    """Where an alert stands in the queue that somebody walks through: from 1 on, 0 if it is not in it."""

    number: int = 0
    total: int = 0
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the log-odds, or all of it."""

    label: str
    nats: float
    chance: str


@dataclass(frozen=True, slots=True)
class Told:
    """A contact with what went wrong in it."""

    head: str
    nats: float
    signals: tuple[tuple[str, float], ...]
    is_anchor: bool


@dataclass(frozen=True, slots=True)
class Happened:
    """A line of the history."""

    time_ms: int
    kind: str
    head: str
    said: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How near the customer is to clearing the alert."""

    said: str
    bar: Markup


@dataclass(frozen=True, slots=True)
class Story:
    """What a page tells of; `lookup` is what a worker knows of the customer now, None if none told.

    `rules` are those of the settings.
    """

    entry: Entry
    filters: Filters
    walk: Walk
    lookup: LookupAnswer | None
    rules: Ruleset
    now_ms: int


def story_page(story: Story, shell: Shell) -> str:
    """Return the whole page."""
    return render("story.html.jinja", **_shown(story, shell))


def story_parts(story: Story, shell: Shell) -> Mapping[str, str]:
    """Return what changes while it is open, by the id of the element that it is in."""
    return {
        "story": render("story_part.html.jinja", **_shown(story, shell)),
        "health": render("health.html.jinja", shell=shell),
    }


def _shown(story: Story, shell: Shell) -> dict[str, object]:
    entry, lookup, now_ms = story.entry, story.lookup, story.now_ms
    alert = entry.alert
    episode = _episode(entry, alert, lookup)
    figures: Alert | LookupEpisode = alert if episode is None else episode
    known = known_of(alert, lookup)
    decided_by = rules_of(alert, story.rules)
    as_of = now_ms if lookup is None or lookup.as_of is None else parse_ms(lookup.as_of)
    days = figures.days_since
    counted = alert.counters if lookup is None or episode is None else lookup.counters
    return {
        "shell": shell,
        "entry": entry,
        "alert": alert,
        "call_nobody": entry.do_not_contact or (lookup is not None and lookup.do_not_contact),
        "filters": story.filters,
        "walk": story.walk,
        "now": now_ms,
        "summary": _summary(alert, episode, lookup),
        "cap": None if decided_by is None else f"{decided_by.frustration_cap:g}",
        "now_risk": to_cents(figures.value_at_risk),
        "now_chance": figures.probability,
        "days_since": days,
        "spend_since": to_cents(figures.spend_since),
        "figures_of": "as things stand now"
        if episode is not None
        else f"as of {day(entry.time_ms)}, revision {entry.revision}",
        "chart": drawn(entry, alert, known, episode, decided_by or DEFAULT, as_of),
        "spoken": spoken_of(entry, known),
        "notes": _notes(alert, known, lookup, decided_by),
        "steps": _steps(figures),
        "contacts": [_told(one, alert) for one in known],
        "bar": _nats_bar,
        "ahead": _ahead(entry, alert, episode, decided_by),
        "progress": _progress(figures, counted.spend_28d, as_of if episode else entry.time_ms, decided_by)
        if entry.is_open and (episode is None or episode.clears_at is None)
        else None,
        "counters": _counters(counted),
        "facts": _facts(alert, entry, days),
        "course": _course(entry),
        "ids": [f"desk-{uuid4()}" for _ in range(4)],
        "actions": ACTIONS,
        "outcomes": OUTCOMES,
        "tomorrow": format_ms(now_ms + DAY_MS)[:10],
        "in_a_week": format_ms(now_ms + 7 * DAY_MS)[:10],
    }


def rules_of(alert: Alert, ours: Ruleset) -> Ruleset | None:
    """Return the rules that decided; None if they are neither built in nor those of the settings."""
    name = alert.ruleset.rpartition("+")[2]
    return next((one for one in (ours, *VERSIONS.values()) if one.hash == name), None)


def _episode(entry: Entry, alert: Alert, lookup: LookupAnswer | None) -> LookupEpisode | None:
    """Return the open episode as a worker knows it, if it is that of the alert and not older than it."""
    if lookup is None or lookup.as_of is None or not entry.is_open or lookup.as_of < alert.time:
        return None
    found = lookup.open_episode
    return found if found is not None and found.alert_id == entry.alert_id else None


def _summary(alert: Alert, episode: LookupEpisode | None, lookup: LookupAnswer | None) -> str:
    """Return what happened in a sentence, as things stand now if a worker told."""
    if episode is None:
        return alert.summary
    return summary(alert, "open", episode, reasons(alert, lookup))


def _notes(
    alert: Alert, known: Sequence[Known], lookup: LookupAnswer | None, decided_by: Ruleset | None
) -> list[str]:
    found = []
    unplaced = sum(one.moment_ms is None for one in known)
    if unplaced:
        found.append(
            f"When {count(unplaced, 'further contact')} happened the alert does not say, and no worker told."
        )
    if lookup is None:
        found.append("No worker told how things stand now: the figures are those of the alert.")
    if decided_by is None:
        found.append(
            f"The rules that decided ({alert.ruleset}) are not known here: the levels are those of the "
            "built-in ones. RETENTION_RULESET_FILE names yours."
        )
    return found


def _steps(figures: Alert | LookupEpisode) -> list[Step]:
    odds = figures.log_odds
    total = odds.prior + odds.frustration + odds.silence
    spend = "the quiet since" if odds.silence >= 0 else "what was bought since"
    now = words.chance(figures.probability)  # as in the tiles: rounded parts may add up to another percent
    return [
        Step("any customer", odds.prior, chance(odds.prior)),
        Step("the contacts, faded and capped", odds.frustration, chance(odds.prior + odds.frustration)),
        Step(spend, odds.silence, now),
        Step("in all", total, now),
    ]


def _told(known: Known, alert: Alert) -> Told:
    when = "" if known.moment_ms is None else day(known.moment_ms)
    head = ", ".join(part for part in (when, known.channel, known.reason) if part) or known.contact_id
    is_anchor = alert.anchor is not None and known.contact_id == alert.anchor.contact_id
    return Told(head or "no contact", sum(nats for _, nats in known.signals), known.signals, is_anchor)


def _nats_bar(value: float) -> Markup:
    rect = tag("rect", class_="risk", x=0, width=pct(strength_share(value)), y=3, height=8, rx=1.5)
    return tag("svg", rect, class_="bar", width="100%", height=14, aria_hidden="true")


def _ahead(
    entry: Entry, alert: Alert, episode: LookupEpisode | None, decided_by: Ruleset | None
) -> list[str]:
    if not entry.is_open:
        return [f"It has ended: {resolution_label(entry.resolution or 'resolved')}. Nothing more is needed."]
    found = []
    figures: Alert | LookupEpisode = alert if episode is None else episode
    clears = None if episode is None else episode.clears_at
    if clears is not None:
        found.append(
            f"Enough has been bought: it clears on {day_and_time(parse_ms(clears))} UTC, "
            "unless a refund takes that away."
        )
    elif entry.level == "alert":
        found.append("It is at the upper level: more silence changes only the figures.")
    elif episode is not None and episode.next_level_at is not None:
        found.append(
            f"If nothing more is bought, it becomes an alert on {day(parse_ms(episode.next_level_at))}."
        )
    elif episode is not None:
        found.append("Silence alone does not make it an alert before its deadline.")
    else:
        found.append("When it becomes an alert a worker could tell; the alert itself does not say.")
    if not clears:
        found.append(figures.clears_when)
    expiry = expires_ms(entry, decided_by)
    if expiry is not None:
        found.append(f"By itself it ends on {day(expiry)}.")
    return found


def expires_ms(entry: Entry, decided_by: Ruleset | None) -> int | None:
    """Return when the episode ends by itself; None if the rules that decided are not known."""
    if decided_by is None:
        return None
    return entry.deadline_ms + (decided_by.expiry_days - decided_by.raise_days) * DAY_MS


def _progress(
    figures: Alert | LookupEpisode, spend_28d: str, as_of_ms: int, decided_by: Ruleset | None
) -> Progress | None:
    """Return how much of what would clear it was bought."""
    usual = to_cents(figures.usual_spend_per_day)
    if decided_by is None or not usual:
        return None
    needed = round(decided_by.returned_usual_days * usual)
    bought = max(0, min(to_cents(figures.spend_since), to_cents(spend_28d)))
    share = min(1.0, bought / needed)
    said = f"{money(bought)} of {money(needed)} bought within 28 days, as of {day(as_of_ms)}."
    rects = (
        tag("rect", class_="ground", x=0, width="100%", y=0, height=8, rx=2),
        tag("rect", class_="done", x=0, width=pct(share), y=0, height=8, rx=2),
    )
    return Progress(said, tag("svg", *rects, class_="bar", width="100%", height=8, aria_hidden="true"))


def _counters(found: Counters) -> dict[str, object]:
    return {
        "spend": (found.spend_24h, found.spend_7d, found.spend_28d, found.spend_90d, found.spend_364d),
        "contacts": (found.contacts_24h, found.contacts_7d, found.contacts_30d),
        "transfers": found.transfers_30d,
        "hangups": found.hangups_30d,
    }


def _facts(alert: Alert, entry: Entry, days: float) -> list[tuple[str, str]]:
    cutoff = "" if alert.value_cutoff is None else money(to_cents(alert.value_cutoff), alert.currency)
    recurring = to_cents(alert.recurring_per_day)
    per_nat = f"{alert.irregularity_days:.1f} quiet days make a nat"
    found = [
        ("Who should take it", alert.recommended_owner or ""),
        ("What it was about", "" if alert.anchor is None else (alert.anchor.reason or "")),
        ("Channel", entry.channel or ""),
        ("Subscriptions a day", money(recurring, alert.currency) if recurring else ""),
        ("Spend of the year before", money(to_cents(alert.trailing_spend), alert.currency)),
        ("High value from", cutoff),
        ("Rhythm", per_nat if math.isfinite(alert.irregularity_days) and days >= 0 else ""),
        ("Alert", alert.alert_id),
        ("Rules", alert.ruleset),
    ]
    return [(name, value) for name, value in found if value]


def _course(entry: Entry) -> list[Happened]:
    told = [
        Happened(
            one.time_ms,
            one.state,
            f"{resolution_label(one.resolution) if one.resolution else one.level}, {one.state}"
            if one.resolution is None
            else f"resolved: {resolution_label(one.resolution)}",
            f"{chance(one.log_odds)}, {money(one.at_risk, entry.currency)} at risk",
        )
        for one in entry.history
    ]
    done = [
        Happened(
            one.time_ms,
            "done",
            words.standing(one, one.time_ms),
            " ".join(
                part for part in (f"by {one.actor_role}" if one.actor_role else "", f"({one.source})") if part
            ),
        )
        for one in entry.dispositions
    ]
    held = entry.held
    waiting = (
        [Happened(held.time_ms, "waits", words.standing(held, held.time_ms), "being written")] if held else []
    )
    return sorted([*told, *done, *waiting], key=lambda one: -one.time_ms)
