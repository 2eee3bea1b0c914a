"""From a message that is known to be valid to the event that the core consumes.

A message is a pydantic model or the msgspec struct derived from it: both have the same attributes. `ms` turns
a time of the wire into ms UTC. What the wire left out, or gave as null, becomes 0, False, None or empty.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from schemas import events
from schemas.common import Model
from schemas.contact import Contact
from schemas.disposition import Disposition
from schemas.merge import Merge
from schemas.notice import Notice
from schemas.profile import Profile
from schemas.tick import Tick

Clock: TypeAlias = Callable[[str], int]


def contact(message: Contact, ms: Clock) -> events.Contact:
    """Return the event of a contact version."""
    time = ms(message.time)
    ended_at = None if message.ended_at is None else ms(message.ended_at)
    return events.Contact(
        customer_id=message.customer_id,
        source=message.source,
        event_id=message.event_id,
        time=time,
        contact_id=message.contact_id,
        version=message.version,
        moment=time if ended_at is None else ended_at,
        ended_at=ended_at,
        channel=message.channel,
        outbound=message.direction == "outbound",
        reason=message.reason,
        case_id=message.case_id,
        resolution=message.resolution,
        queue_seconds=message.queue_seconds or 0.0,
        hold_seconds=message.hold_seconds or 0.0,
        hold_count=message.hold_count or 0,
        transfers_cold=message.transfers_cold or 0,
        transfers_warm=message.transfers_warm or 0,
        ended_by=message.ended_by,
        ended_stage=message.ended_stage,
        ivr_zero_outs=message.ivr_zero_outs or 0,
        self_served=message.self_served or False,
        self_service_minutes=message.self_service_minutes or 0.0,
        deflected_to=message.deflected_to,
        escalation_requested=message.escalation_requested or False,
        escalation_granted=message.escalation_granted or False,
        complaint=message.complaint or False,
        repeated_information=message.repeated_information or False,
        first_reply_seconds=message.first_reply_seconds or 0.0,
        csat=message.csat,
        ces=message.ces,
        effort=message.effort,
        # Each phrase once, however often it is given: the state that keeps them stays small.
        phrases=tuple(dict.fromkeys(message.phrases or ())),
        recovery=message.recovery or False,
        answered=message.answered,
        parent_contact_id=message.parent_contact_id,
        started_at=None if message.started_at is None else ms(message.started_at),
    )


def notice(message: Notice, ms: Clock) -> events.Notice:
    """Return the event of a notice."""
    return events.Notice(
        customer_id=message.customer_id,
        source=message.source,
        event_id=message.event_id,
        time=ms(message.time),
        contact_id=message.contact_id,
        change=message.change,
        notified=message.notified or False,
    )


def merge(message: Merge, ms: Clock) -> events.Merge:
    """Return the event of a merge."""
    return events.Merge(
        customer_id=message.customer_id,
        source=message.source,
        event_id=message.event_id,
        time=ms(message.time),
        into=message.merged_into,
    )


def tick(message: Tick, ms: Clock) -> events.Tick:
    """Return the event of a tick."""
    return events.Tick(source=message.source, time=ms(message.time))


def profile(message: Profile, ms: Clock) -> events.Profile:
    """Return the event of a profile."""
    return events.Profile(
        customer_id=message.customer_id,
        source=message.source,
        event_id=message.event_id,
        time=ms(message.time),
        tier=message.tier,
        preferred_owner=message.preferred_owner,
        do_not_contact=message.do_not_contact or False,
    )


def disposition(message: Disposition, ms: Clock) -> events.Disposition:
    """Return the event of a disposition."""
    return events.Disposition(
        customer_id=message.customer_id,
        source=message.source,
        event_id=message.event_id,
        time=ms(message.time),
        alert_id=message.alert_id,
        status=message.status,
        outcome=message.outcome,
        snooze_until=None if message.snooze_until is None else ms(message.snooze_until),
    )


CONVERT: dict[type[Model], Callable[[Any, Clock], events.Event]] = {
    Contact: contact,
    Notice: notice,
    Merge: merge,
    Tick: tick,
    Profile: profile,
    Disposition: disposition,
}
