"""Which records a partition accepts: none ahead of its append, none too late, none twice."""

from typing import NamedTuple

from schemas.dead_letter import Reason
from schemas.events import Merge, Refusal, SignOfLife, Tick, Transaction
from streams.core.customer.event_ids import EventIds
from streams.core.customer.pending import Event
from streams.core.watermark import NEVER, TOO_LATE_MS, Clock


class Taken(NamedTuple):
    """What became of an event that was not refused: its id's hash, and its effective time (ms)."""

    key: int
    effective_time: int
    late: bool
    duplicate: bool


def refusal(clock: Clock, record: Event | Tick, horizon: int) -> Refusal | None:
    """Return why a record is refused; None if it is not.

    `horizon` (ms) is 5 minutes after its append, or in a file after the wall clock.
    """
    if record.time > horizon:
        return Refusal(Reason.FUTURE, "time: more than 5 minutes ahead of the wall clock")
    if isinstance(record, Tick) or clock.effective_time(record.time) - record.time <= TOO_LATE_MS:
        return None
    return Refusal(Reason.TOO_LATE, "time: more than 8 days behind the input's clock")


def accept(clock: Clock, ids: EventIds, event: Event, most: int = -NEVER) -> Taken:
    """Note an event that is not refused; a duplicate leaves no trace.

    The clock moves no further than an event of the time `most` (ms) would move it.
    """
    effective_time = clock.effective_time(event.time)
    key = ids.key_of(event)
    late = effective_time == clock.now
    if ids.is_duplicate(key, effective_time, event.customer_id):
        return Taken(key, effective_time, late, duplicate=True)
    ids.remember(key, effective_time)
    clock.accept(event.time, most, lives=_shows_life(event))
    return Taken(key, effective_time, late, duplicate=False)


def _shows_life(event: Event) -> bool:
    """Return whether an event shows that its feed lives: of transactions only a purchase."""
    if isinstance(event, Transaction):
        return event.kind == "purchase"
    return not isinstance(event, Merge)


def time_of_sign(clock: Clock, sign: SignOfLife, horizon: int) -> int:
    """Return when a refused purchase was made (ms): what lies ahead of `horizon` counts as now.

    NEVER if the clock has not begun.
    """
    return sign.time if sign.time <= horizon else clock.now
