"""The contacts, notices, profiles and dispositions of a random world (all synthetic)."""

from dataclasses import dataclass
from random import Random
from uuid import UUID

from tests.worlds.people import Person
from tests.worlds.spending import delay
from tests.worlds.wire import DAY, HOUR, MINUTE, SECOND, Event, Feed, Json, alert_id, stamp

_CHANNELS = ("voice", "chat", "email", "message", "social", "web", "store")
_WEEK = 7 * DAY
_SOURCE = "crm"


@dataclass(frozen=True)
class Known:
    """A contact that exists: whose, its id, its moment and the time of its first version (ms)."""

    person: Person
    contact_id: str
    moment: int
    time: int


def contact(feed: Feed, person: Person, moment: int, dawdling: float) -> Known:
    """Add a contact or notice with the given moment, and often later versions of it."""
    rng = feed.rng
    contact_id = f"k{feed.issued}"
    if rng.random() < 0.1:
        return _notice(feed, person, contact_id, moment, dawdling)
    time = moment
    if rng.random() < 0.3:
        time += rng.choice((1, 20 * MINUTE, DAY, 5 * DAY, rng.randrange(1, 130) * DAY))
    fields = _fields(rng)
    if time != moment or rng.random() < 0.7:
        fields |= {"ended_at": stamp(moment, rng), "started_at": stamp(moment - rng.randrange(HOUR), rng)}
    feed.put(_version(feed, person, contact_id, 1, time, **fields), time + delay(rng, dawdling * 4))
    recorded = time
    for version in range(2, rng.choice((2, 2, 2, 3, 4))):
        recorded += rng.choice((0, 1, HOUR, DAY, rng.randrange(25 * DAY)))
        for _ in range(rng.choice((1, 1, 1, 1, 2))):  # two records of the same version: the event id decides
            fields = _revised(rng, fields)
            event = _version(feed, person, contact_id, version, recorded, **fields)
            feed.put(event, recorded + delay(rng, dawdling))
    return Known(person, contact_id, moment, time)


def _version(
    feed: Feed, person: Person, contact_id: str, /, version: int, time: int, **fields: Json
) -> Event:
    return feed.event(
        "contact", person.customer_id, time, _SOURCE, contact_id=contact_id, version=version, **fields
    )


def _notice(feed: Feed, person: Person, contact_id: str, time: int, dawdling: float) -> Known:
    rng = feed.rng
    event = feed.event(
        "notice",
        person.customer_id,
        time,
        _SOURCE,
        contact_id=contact_id,
        change=rng.choice(("price", "ownership", "discontinuation", "policy", "outage")),
        notified=rng.random() < 0.3,
    )
    feed.put(event, time + delay(rng, dawdling))
    return Known(person, contact_id, time, time)


def _revised(rng: Random, fields: dict[str, Json]) -> dict[str, Json]:
    """Return what a later version says: a survey, a solution, a blank, or something else altogether."""
    choice = rng.random()
    if choice < 0.3:
        return fields | {"csat": rng.randint(1, 5)}
    if choice < 0.5:
        same = ("channel", "ended_at", "started_at", "case_id")
        return {key: value for key, value in fields.items() if key in same} | {"resolution": "resolved"}
    if choice < 0.6:
        return {key: value for key, value in fields.items() if key not in {"ended_at", "started_at"}}
    same = ("ended_at", "started_at", "case_id", "reason")
    return _fields(rng) | {key: value for key, value in fields.items() if key in same}


def _fields(rng: Random) -> dict[str, Json]:
    if rng.random() < 0.12:
        return {
            "channel": rng.choice(_CHANNELS),
            "recovery": True,
            "direction": rng.choice(("outbound", None)),
        }
    bad = rng.random() < 0.7
    odds = 0.12 if bad else 0.04
    fields: dict[str, Json] = {"channel": rng.choice(_CHANNELS)}
    for name, values in _VALUES.items():
        if rng.random() < odds:
            fields[name] = rng.choice(values)
    if bad:
        fields |= rng.choice(_TROUBLES)
    if rng.random() < odds:
        fields["phrases"] = rng.sample(("system_wont_let_me", "not_allowed", "policy"), rng.randint(0, 3))
    fields["case_id"] = rng.choice((None, None, "case-1", "case-2"))
    fields["reason"] = rng.choice((None, "billing", "delivery", "access"))
    return fields


_TROUBLES: tuple[dict[str, Json], ...] = (
    {"resolution": "unresolved"},
    {"csat": 1},
    {"escalation_requested": True},
    {"complaint": True, "resolution": "resolved"},
    {"first_reply_seconds": 86_401},
    {"ended_stage": "ivr", "ended_by": "system"},
    {"transfers_cold": 2, "hold_seconds": 600},
)
_VALUES: dict[str, tuple[Json, ...]] = {
    "direction": ("inbound", "outbound"),
    "resolution": ("resolved", "resolved", "unresolved", "unknown"),
    "queue_seconds": (0, 119, 120, 121, 900.5),
    "hold_seconds": (0, 299, 300, 301, 300.5),
    "hold_count": (0, 1, 2, 3),
    "transfers_cold": (0, 1, 2, 3),
    "transfers_warm": (0, 1, 2),
    "ended_by": ("customer", "agent", "system", "network"),
    "ended_stage": ("ivr", "queue", "hold", "agent", "transfer"),
    "ivr_zero_outs": (0, 2, 3, 4),
    "self_served": (True, False),
    "self_service_minutes": (0, 29, 29.5, 30, 31),
    "deflected_to": ("voice", "web"),
    "escalation_requested": (True, False),
    "escalation_granted": (True, False),
    "complaint": (True, False),
    "repeated_information": (True, False),
    "first_reply_seconds": (86_399, 86_400, 86_400.5, 86_401),
    "csat": (1, 2, 3, 5),
    "ces": (1, 2, 3, 7),
    "effort": (-5, -4, -3, 0, 5),
    "recovery": (False,),
}


def echo(rng: Random, known: Known) -> int:
    """Return a moment close to a week after a contact, or soon after it."""
    edge = known.moment + _WEEK + rng.choice((-1, 0, 1))
    return rng.choice((edge, known.moment, known.moment + rng.randrange(_WEEK), known.moment + 120 * DAY))


def profile(feed: Feed, person: Person, time: int) -> None:
    """Add a profile."""
    rng = feed.rng
    event = feed.event(
        "profile",
        person.customer_id,
        time,
        _SOURCE,
        tier=rng.choice(("gold", "platinum", "basic", None)),
        country=rng.choice(("DE", None)),
        preferred_owner=rng.choice(("office of the chair", None)),
        do_not_contact=rng.choice((True, False, None)),
    )
    feed.put(event, time + delay(rng, 0.1))


def disposition(feed: Feed, known: Known, others: list[Known]) -> None:
    """Add what the CRM says of the alert that a contact may have led to, at times under a wrong name."""
    rng = feed.rng
    time = known.time + rng.choice((HOUR, rng.randrange(10 * DAY), rng.randrange(100 * DAY)))
    wrong = rng.choice(others) if rng.random() < 0.05 else known
    name = alert_id(wrong.person.customer_id, _SOURCE, wrong.contact_id)
    if rng.random() < 0.03:
        name = str(UUID(int=rng.getrandbits(128), version=4))
    snooze = time + int(rng.uniform(-5, 60) * DAY)
    event = feed.event(
        "disposition",
        known.person.customer_id,
        time,
        _SOURCE,
        alert_id=name,
        status=rng.choice(("acknowledged", "contacted", "closed", "closed")),
        outcome=rng.choice(("confirmed", "benign", "already_left", "no_answer", None)),
        action=None,
        snooze_until=stamp(snooze // HOUR * HOUR if rng.random() < 0.5 else snooze, rng)
        if rng.random() < 0.4
        else None,
        actor_role=rng.choice(("agent", None)),
    )
    feed.put(event, time + rng.choice((0, SECOND, DAY)))
