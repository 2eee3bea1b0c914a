"""The whole policy: what becomes of a revision, who is admitted and when, what a message is. Pure.

Times are ms UTC of the wall clock, given by the caller.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from schemas.alert import Alert
from streams.crm.cases.standing import Candidate, Case, Decision, Hold, Level, Revision, Standing
from streams.crm.wire import Kind


@dataclass(frozen=True, slots=True)
class Policy:
    """What the settings say about who is admitted."""

    budgets: Mapping[Level, int | None] = field(default_factory=dict)
    """The most new cases a day by level; missing or None: no limit."""
    window_ms: int = 600_000
    """Where there is a budget, candidates are compared at the ends of windows so long."""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """Where the day of the budget begins."""
    quiet_ms: int = 0
    """How long a customer is left alone after a case."""
    backfill: bool = False
    """Whether alerts that were decided long after the fact are admitted."""
    canary_prefix: str = "retention-canary-"
    """What the customer ids of the canary begin with."""


# When ---------------------------------------------------------------------------------------------------


def window_end(policy: Policy, time_ms: int) -> int:
    """Return when the window ends that a time is in; windows are aligned to the epoch."""
    return (time_ms // policy.window_ms + 1) * policy.window_ms


def next_look(policy: Policy, level: Level, canary: bool, time_ms: int) -> int:
    """Return when a candidate of a time is looked at: at once, or with others where there is a budget."""
    budgeted = not canary and policy.budgets.get(level) is not None
    return window_end(policy, time_ms) if budgeted else time_ms


def budget_day(policy: Policy, time_ms: int) -> str:
    """Return the day that an admission counts in, `2026-03-29`."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(policy.zone).date().isoformat()


# A further revision -------------------------------------------------------------------------------------


def revision_of(alert: Alert, policy: Policy) -> Revision:
    """Return what decides about an alert record."""
    return Revision(
        number=alert.revision,
        level=alert.level,
        resolved=alert.state == "resolved",
        canary=alert.customer_id.startswith(policy.canary_prefix),
        backfill=alert.backfill,
        holdout=alert.arm == "holdout",
    )


def fold(case: Case | None, new: Revision, policy: Policy, now_ms: int) -> tuple[Case, Kind | None] | None:
    """Return a case with a further revision, and the message that this makes; None if it is known."""
    if case is not None and new.number <= case.revision:
        return None
    if case is None or not case.open:
        if new.resolved:
            standing = Standing.NEVER if case is None else case.standing
            return Case(new.number, new.level, open=False, standing=standing), None
        return _arrived(new, policy, now_ms), None  # also one that opens again
    newer = replace(case, revision=new.number, level=new.level, open=not new.resolved)
    if case.standing is not Standing.ADMITTED:
        return _candidate(newer, new, policy, now_ms), None
    kind = kind_of(resolved=new.resolved, there=case.there, perhaps_there=case.perhaps_there)
    return (newer, kind) if kind else (replace(newer, standing=Standing.NEVER), None)


def _candidate(newer: Case, new: Revision, policy: Policy, now_ms: int) -> Case:
    """Return an open case that is not admitted, after its newest revision."""
    if new.resolved:
        return replace(newer, standing=Standing.NEVER, why=None, look_ms=None, deferred_as=None)
    if (hold := _lasting_hold(new, policy)) is not None:
        return replace(newer, standing=Standing.HELD, why=hold, look_ms=None)
    if newer.look_ms is None or newer.why in _LASTING:  # what held it has ended, or who was erased is back
        return replace(_arrived(new, policy, now_ms), deferred_as=newer.deferred_as)
    return replace(newer, look_ms=min(newer.look_ms, next_look(policy, new.level, new.canary, now_ms)))


def _arrived(new: Revision, policy: Policy, now_ms: int) -> Case:
    hold = _lasting_hold(new, policy)
    return Case(
        revision=new.number,
        level=new.level,
        open=True,
        standing=Standing.HELD if hold else Standing.WAITING,
        why=hold,
        look_ms=None if hold else next_look(policy, new.level, new.canary, now_ms),
    )


_LASTING = (Hold.HOLDOUT, Hold.BACKFILL)


def _lasting_hold(of: Revision | Candidate, policy: Policy) -> Hold | None:
    """Return what holds a case until another revision says otherwise."""
    if of.canary:
        return None
    if of.holdout:
        return Hold.HOLDOUT
    return Hold.BACKFILL if of.backfill and not policy.backfill else None


# Who is admitted ----------------------------------------------------------------------------------------


def rank(candidate: Candidate) -> tuple[int, int, str]:
    """Return what candidates are sorted by.

    Deferred watches that became alerts go first, then what was deferred, then what is new; of each the
    highest value at risk.
    """
    overtakes = candidate.deferred_as == "watch" and candidate.level == "alert"
    group = 0 if overtakes else 1 if candidate.deferred_as is not None else 2
    return group, -candidate.value_cents, candidate.alert_id


def look(
    candidates: Iterable[Candidate],
    policy: Policy,
    now_ms: int,
    *,
    spent: Mapping[Level, int],
    busy: Mapping[str, Level],
) -> list[Decision]:
    """Decide about all candidates whose time has come, and return it, the first first.

    `spent` is how many were admitted on this day by level, `busy` are the accounts that have an admitted
    case, with the highest level of these.
    """
    room: dict[Level, int] = {
        level: budget - spent.get(level, 0) for level, budget in policy.budgets.items() if budget is not None
    }
    taken = dict(busy)
    decisions = []
    for one in sorted(candidates, key=rank):
        if (held := _hold(one, policy, now_ms, taken)) is not None:
            why, look_ms = held
            decisions.append(Decision(one.alert_id, one.level, Standing.HELD, why, look_ms))
        elif not one.canary and room.get(one.level, 1) <= 0:
            until = window_end(policy, now_ms)
            decisions.append(Decision(one.alert_id, one.level, Standing.DEFERRED, look_ms=until))
        else:
            decisions.append(Decision(one.alert_id, one.level, Standing.ADMITTED))
            if not one.canary and one.level in room:
                room[one.level] -= 1
            if one.account_id is not None:
                taken[one.account_id] = one.level  # no lower than before: else it were held
    return decisions


def _hold(
    one: Candidate, policy: Policy, now_ms: int, busy: Mapping[str, Level]
) -> tuple[Hold, int | None] | None:
    """Return what holds a candidate, and when it is looked at again."""
    if one.closing:
        return Hold.CLOSING, window_end(policy, now_ms)
    if (hold := _lasting_hold(one, policy)) is not None:
        return hold, None
    if one.canary:
        return None
    if one.done_ms is not None and now_ms < (until := one.done_ms + policy.quiet_ms):
        return Hold.QUIET, next_look(policy, one.level, one.canary, until)
    taken = None if one.account_id is None else busy.get(one.account_id)
    if taken is not None and (taken, one.level) != ("watch", "alert"):  # a watch keeps no alert waiting
        return Hold.ACCOUNT, window_end(policy, now_ms)
    return None


# What a message is --------------------------------------------------------------------------------------


def kind_of(*, resolved: bool, there: bool, perhaps_there: bool = False) -> Kind | None:
    """Return what a revision of an admitted case does in the CRM, which has the case (`there`) or not.

    In doubt (`perhaps_there`) it is created once more, and closed: a case that stays open misleads.
    """
    if resolved:
        return Kind.CLOSE if there or perhaps_there else None
    return Kind.UPDATE if there else Kind.CREATE


def after_lost_create(kind: Kind, *, perhaps_there: bool = False) -> Kind | None:
    """Return what the next message becomes when a create was given up; None: it need not be sent."""
    return kind_of(resolved=kind is Kind.CLOSE, there=False, perhaps_there=perhaps_there)


def resent_as(kind: Kind, *, newest: bool, is_open: bool, there: bool) -> Kind | None:
    """Return what a message that was given up does if it is sent again; None: it would not tell what is so.

    `newest`: nothing about the alert came after it. `is_open`: the case is admitted and not resolved. One
    that was deleted in the CRM is made anew by what is news.
    """
    if not newest or (kind is not Kind.CLOSE and not is_open):
        return None
    if there or kind is Kind.CLOSE:
        return kind
    return None if kind is Kind.REFRESH else Kind.CREATE


def internal_only(*, record: bool, record_ms: int, profile: bool | None, profile_ms: int) -> bool:
    """Return whether nobody may contact the customer, by an alert record and the profile, if it says so.

    A profile that allows it again counts if it is newer. In doubt nobody may.
    """
    if profile is None:
        return record
    return profile or (record and profile_ms <= record_ms)
