"""Hand-made stories for the report and `explain`: a small world that follows docs/detection.md roughly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from schemas.alert import Alert
from streams.core.alerts.figures import LEVELS as LEVEL_NAMES
from streams.core.alerts.figures import Figures
from streams.core.customer.pending import Episode
from streams.core.episodes.opening import Gates
from streams.core.odds.odds import Odds
from streams.core.ruleset import Ruleset
from streams.core.spend.baseline import Baseline
from streams.core.spend.evidence import Evidence, Yardstick
from streams.core.time import DAY_MS, HOUR_MS, hour_of
from streams.lab.story import (
    ContactMark,
    CustomerStory,
    EpisodeStory,
    EvidencePoint,
    Levels,
    ReportData,
    RunSummary,
    Story,
    WeekSpend,
)

WEEK_MS = 7 * DAY_MS
RULES = Ruleset()
LEVELS = Levels.of(RULES)
END_MS = 1_514_764_800_000  # 1 Jan 2018

# (reason, channel, the signals of the bad contact)
JOURNEYS: list[tuple[str | None, str, list[tuple[str, float]]]] = [
    ("award ticket transfer", "voice", [("escalation_refused", 1.85), ("powerless_phrase", 0.3)]),
    ("delivery missing", "chat", [("unresolved", 1.85), ("deflected", 0.5)]),
    ("price change", "web", [("complaint", 1.0), ("self_service", 0.2), ("repeated_information", 0.2)]),
    (None, "voice", [("hung_up_on", 0.95), ("ivr_dead_end", 0.5), ("zero_outs", 0.2)]),
    ("refund of a double charge", "email", [("slow_reply", 1.85)]),
    (
        "award ticket transfer",
        "voice",
        [("escalation_refused", 1.85), ("transfers", 0.99), ("long_hold", 0.2)],
    ),
]
HOSTILE = "<script>alert(1)</script>"
HOSTILE_REASON = "\x1b[31m\u202e\"><img src=x onerror=alert(1)>{{ 7*7 }} & 'x'"


@dataclass(frozen=True)
class Person:
    """What one made-up customer does; spend in cents a day, `kept` the share of it kept up afterwards."""

    name: str
    anchor_ms: int
    per_day: int
    irregularity: float
    kept: float
    journey: int
    reason: str | None = "journey"


def iso(time_ms: int) -> str:
    """Format as the wire does."""
    when = datetime.fromtimestamp(time_ms / 1000, tz=UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"


def amount(cents: float) -> str:
    """Format cents as the wire does."""
    return f"{cents / 100:.2f}"


def weeks_of(person: Person, end_ms: int) -> list[WeekSpend]:
    """Return spend by week from 26 weeks before the anchor's hour to the end."""
    random = Random(person.name)
    anchor = person.anchor_ms // HOUR_MS * HOUR_MS
    start = anchor - 26 * WEEK_MS
    return [
        WeekSpend(
            at,
            round(person.per_day * 7 * random.gammavariate(4, 0.25) * (person.kept if at >= anchor else 1)),
        )
        for at in range(start, end_ms, WEEK_MS)
    ]


def contacts_of(person: Person) -> list[ContactMark]:
    """Return an untroubled contact long before, a repeat, and the anchor."""
    reason, channel, signals = JOURNEYS[person.journey]
    reason = reason if person.reason == "journey" else person.reason
    nats = sum(value for _, value in signals)
    before, first, anchor = person.anchor_ms - 90 * DAY_MS, person.anchor_ms - 2 * DAY_MS, person.anchor_ms
    frustration = min(0.9 + nats, 2.95)
    return [
        ContactMark(before, f"{person.name}-1", "email", "opening hours", "inbound", 0, [], 0, True),
        ContactMark(
            first, f"{person.name}-2", channel, reason, "inbound", 0.5, [("ivr_dead_end", 0.5)], 0.5, True
        ),
        ContactMark(
            anchor,
            f"{person.name}-3",
            channel,
            reason,
            "inbound",
            nats + 0.95,
            [*signals, ("repeat", 0.95)],
            frustration,
            True,
        ),
    ]


def curve_of(person: Person, end_ms: int) -> list[EvidencePoint]:
    """Return a point a day from the anchor, until the evidence or 120 days end the episode."""
    frustration = contacts_of(person)[-1].frustration_after
    points = []
    for day in range(min(120, (end_ms - person.anchor_ms) // DAY_MS) + 1):
        silence = 0.55 * day * (1 - 2 * person.kept) / person.irregularity
        log_odds = LEVELS.prior + frustration + silence
        points.append(EvidencePoint(person.anchor_ms + day * DAY_MS, frustration, silence, log_odds))
        if silence / 0.55 <= -3:
            break
    return points


def alert(person: Person, point: EvidencePoint, revision: int, **changes: object) -> Alert:
    """Return one revision as the wire carries it."""
    contacts = contacts_of(person)
    anchor = contacts[-1]
    days = (point.time_ms - person.anchor_ms) / DAY_MS
    chance = 1 / (1 + math.exp(-point.log_odds))
    alert_id = f"00000000-0000-5000-8000-{hash_of(person.name):012d}"
    fields: dict[str, object] = {
        "type": "alert",
        "event_id": f"{alert_id}/{revision}",
        "alert_id": alert_id,
        "revision": revision,
        "customer_id": person.name,
        "rule": "contact",
        "state": "raised" if revision == 1 else "updated",
        "resolution": None,
        "level": "alert" if point.log_odds >= LEVELS.alert else "watch",
        "arm": "treated",
        "time": iso(point.time_ms),
        "anchor": {
            "contact_id": anchor.contact_id,
            "ended_at": iso(anchor.time_ms),
            "channel": anchor.channel,
            "reason": anchor.reason,
        },
        "reasons": [
            {"signal": signal, "nats": nats, "contact_id": mark.contact_id}
            for mark in contacts
            for signal, nats in mark.signals
        ],
        "probability": round(chance, 4),
        "log_odds": {
            "prior": round(LEVELS.prior, 4),
            "frustration": round(point.frustration, 4),
            "silence": round(point.silence, 4),
        },
        "usual_spend_per_day": amount(person.per_day),
        "spend_since": amount(person.per_day * person.kept * days),
        "days_since": round(days, 4),
        "days_usual_spend_since": round(person.kept * days, 4),
        "irregularity_days": person.irregularity,
        "value_at_risk": amount(chance * person.per_day * 90 * (1 - person.kept)),
        "currency": "USD",
        "trailing_spend": amount(person.per_day * 364),
        "value_cutoff": "1200.00",
        "spend_by_week": [amount(week.cents) for week in weeks_of(person, point.time_ms)],
        "counters": {
            "spend_24h": "0.00",
            "spend_7d": "0.00",
            "spend_28d": "0.00",
            "spend_90d": "0.00",
            "spend_364d": "0.00",
            "contacts_24h": 0,
            "contacts_7d": 1,
            "contacts_30d": 2,
            "transfers_30d": 0,
            "hangups_30d": 0,
            "frustration": 2.0,
        },
        "backfill": True,
        "clears_when": f"Clears once spend in 28 days reaches {amount(person.per_day * 14)} USD.",
        "summary": (
            f"{person.name} usually spends {amount(person.per_day)} USD a day and has spent "
            f"{person.kept:.0%} of that in the {days:.0f} days since a bad contact by {anchor.channel}."
        ),
        "deadline": iso(person.anchor_ms + 90 * DAY_MS),
        "recommended_owner": "named executive",
        "ruleset": f"1 {RULES.hash}",
    }
    return Alert.model_validate(fields | changes)


def hash_of(name: str) -> int:
    """Return a stable number for a name."""
    return int.from_bytes(name.encode(), "big") % 10**12


def both_levels() -> tuple[float, float]:
    """Return the log-odds of watch and alert."""
    return LEVELS.watch, LEVELS.alert


def story_of(person: Person, end_ms: int = END_MS, **changes: object) -> Story:
    """Return the story: a revision at each level first reached, and the end if it came to one."""
    curve = curve_of(person, end_ms)
    crossings = [next((point for point in curve if point.log_odds >= level), None) for level in both_levels()]
    sent = list(dict.fromkeys(point for point in crossings if point))
    alerts = [alert(person, point, revision, **changes) for revision, point in enumerate(sent, start=1)]
    last = curve[-1]
    ended = "returned" if last.silence / 0.55 <= -3 else "expired" if len(curve) > 120 else None
    if ended:
        end = {"state": "resolved", "resolution": ended, "level": alerts[-1].level}
        alerts.append(alert(person, last, len(alerts) + 1, **(end | changes)))
    now = None if ended or alerts[-1].state == "resolved" else figures_of(person, last, end_ms, alerts[-1])
    return Story(person.name, alerts, curve, contacts_of(person), weeks_of(person, end_ms), now)


def figures_of(person: Person, point: EvidencePoint, time_ms: int, last: Alert) -> Figures:
    """Return the figures of the episode at a time, with the evidence of a point."""
    days = (time_ms - person.anchor_ms) / DAY_MS
    odds = Odds(LEVELS.prior, point.frustration, point.silence)
    episode = Episode(
        anchor=None,
        alert_id=last.alert_id,
        yardstick=Yardstick(person.per_day, person.irregularity, hour_of(person.anchor_ms) + 1),
        opened=person.anchor_ms,
        cutoff=None,
        trailing_spend=person.per_day * 364,
        ruleset=RULES.hash,
        sent=1 + LEVEL_NAMES.index(last.level),
    )
    return Figures(
        episode=episode,
        rules=RULES,
        arm="treated",
        currency="USD",
        time=time_ms,
        evidence=Evidence(round(person.per_day * person.kept * days), days, point.silence / 0.55),
        odds=odds,
        usual_per_day=person.per_day,
        recurring_per_day=0,
        days_usual_spend=person.kept * days,
        at_risk=round(odds.probability * person.per_day * 90 * (1 - person.kept)),
        visits=0,
        unread=0,
        signs=0,
    )


def people(number: int) -> list[Person]:
    """Return made-up customers, all of whom reach at least `watch`."""
    random = Random(7)
    made = []
    for index in range(number):
        anchor = END_MS - random.randrange(20, 200) * DAY_MS + random.randrange(DAY_MS)
        kept = random.choice([0, 0, 0.05, 0.15, 0.3, 0.9])
        journey = random.choice([0, 0, 1, 1, 3, 5])
        per_day = round(random.lognormvariate(7, 0.6))
        made.append(
            Person(
                f"household-{1000 + 7 * index}",
                anchor,
                per_day,
                round(random.uniform(1.5, 12), 1),
                kept,
                journey,
            )
        )
    return made


def summary(**changes: object) -> RunSummary:
    """Return the summary of a run."""
    fields: dict[str, object] = {
        "directory": "completejourney",
        "outcomes": {
            "transactions.jsonl": {"accepted": 155_848, "duplicate": 12, "late": 340, "refused": 3},
            "contacts.jsonl": {"accepted": 4_211, "duplicate": 1, "refused": 2},
        },
        "refused": {"schema": 4, "not_json": 1},
        "customers": 2_469,
        "partitions": 4,
        "first_ms": END_MS - 365 * DAY_MS,
        "last_ms": END_MS,
        "seconds": 3.21,
        "episodes": 96,
        "alert_records": {
            "raised": {"watch": 30, "alert": 10},
            "updated": {"alert": 21},
            "resolved": {"alert": 12, "watch": 4},
        },
        "notes": [("Feed guard", "on in 4 of 4 partitions"), ("Hours with a broken feed", "2")],
    }
    return RunSummary(**(fields | changes))  # type: ignore[arg-type]


def report_data(stories: list[Story] | None = None, **changes: object) -> ReportData:
    """Return a whole report's data; without stories, some forty and a hostile one."""
    if stories is None:
        hostile = Person(HOSTILE, END_MS - 40 * DAY_MS, 5_210, 3.0, 0.02, 0, reason=HOSTILE_REASON)
        holdout = Person("household-holdout", END_MS - 30 * DAY_MS, 900, 3.0, 0, 1)
        stories = [story_of(person) for person in [*people(40), hostile]]
        stories.append(story_of(holdout, arm="holdout"))
    fields: dict[str, object] = {
        "stories": stories,
        "summary": summary(),
        "settings": RULES.rows(),
        "ruleset": f"1 {RULES.hash}",
        "currency": "USD",
        "synthetic": True,
        "levels": LEVELS,
        "calibration": "Measured here: `calibrate` measures it there.",
    }
    return ReportData(**(fields | changes))  # type: ignore[arg-type]


def gates_of(person: Person, **changes: object) -> Gates:
    """Return the gates as the anchor met them."""
    fields: dict[str, object] = {
        "time": person.anchor_ms,
        "contact_id": f"{person.name}-3",
        "frustration": contacts_of(person)[-1].frustration_after,
        "bad": True,
        "blocks": 13,
        "usual": Baseline(person.per_day, 1.0, 12),
        "trailing_spend": person.per_day * 364,
        "cutoff": 120_000,
        "protected": False,
        "valuable": True,
        "irregularity_days": person.irregularity,
    }
    return Gates(**(fields | changes))  # type: ignore[arg-type]


def customer_story(person: Person, *, opened: bool = True, **gates: object) -> CustomerStory:
    """Return what `explain` is given of one customer, with one episode or with none."""
    story = story_of(person)
    resolution = story.alerts[-1].resolution
    episode = EpisodeStory(
        anchor_id=f"{person.name}-3",
        opened_ms=person.anchor_ms,
        first_hour_ms=person.anchor_ms + HOUR_MS,
        closed_ms=story.curve[-1].time_ms if resolution else None,
        resolution=resolution,
        usual_cents_per_day=person.per_day,
        irregularity_days=person.irregularity,
        curve=story.curve,
        alerts=story.alerts,
        now=story.now,
    )
    return CustomerStory(
        customer_id=person.name,
        currency="USD",
        last_ms=END_MS,
        weeks=story.weeks,
        contacts=story.contacts,
        judgements=[gates_of(person, valuable=opened, **gates)],
        episodes=[episode] if opened else [],
        synthetic=True,
        rules=RULES,
    )
