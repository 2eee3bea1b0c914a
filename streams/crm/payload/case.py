"""The case of an alert: what a desk needs, as of now where a worker told how things stand."""

from decimal import Decimal
from hashlib import sha256

from schemas.alert import Alert
from schemas.times import format_ms
from streams.crm.payload.description import describe
from streams.crm.payload.fields import MOST_TEXT, Case, CaseContact, Level, Priority, State
from streams.crm.payload.plain import harmless, harmless_id
from streams.crm.payload.words import Figures, reasons, standing, summary, title, what_happened
from streams.crm.wire import Kind
from streams.runtime.http.lookup import LookupAnswer


def case_of(  # noqa: PLR0913 - all that it follows from
    alert: Alert,
    kind: Kind,
    now: LookupAnswer | None,
    *,
    account_id: str | None,
    others_of_account: int,
    internal_only: bool,
    canary: bool,
    refreshed_at: int,
) -> Case:
    """Return the case of an alert record.

    `now` is what a worker told at `refreshed_at` (ms of the wall clock), None if none did. Then, or if it is
    older than the alert, or the alert is resolved, the figures are the alert's own. `internal_only` is what
    alert and profile say; a worker who knows that the customer asked for it overrules them.
    """
    if alert.state == "resolved" or now is None or now.as_of is None or now.as_of < alert.time:
        now = None
    episode = None if now is None else now.open_episode
    state: State = "open"
    if alert.state == "resolved":
        state = "resolved"
    elif now is not None and (episode is None or episode.alert_id != alert.alert_id):
        state, episode = "no_longer_open", None
    figures: Figures = alert if episode is None else episode
    shown = None if state == "no_longer_open" else figures
    level = figures.level or alert.level
    internal_only = internal_only or (now is not None and now.do_not_contact)
    found = reasons(alert, None if shown is None else now)
    case = Case(
        kind=kind,
        alert_id=harmless_id(alert.alert_id, MOST_TEXT),
        revision=alert.revision,
        customer_id=harmless_id(alert.customer_id, MOST_TEXT),
        account_id=None if account_id is None else harmless_id(account_id, MOST_TEXT),
        others_of_account=others_of_account,
        synthetic=canary,
        title=title(alert, state, figures, found, internal_only=internal_only, synthetic=canary),
        priority=priority(state, level, figures, synthetic=canary),
        level=level,
        state=state,
        resolution=alert.resolution,
        standing=standing(alert, state, now),
        summary=summary(alert, state, figures, found),
        what_happened=what_happened(found, shown),
        contact=_contact(alert),
        probability=None if shown is None else shown.probability,
        spend_since=None if shown is None else shown.spend_since,
        usual_spend_per_day=figures.usual_spend_per_day,
        recurring_per_day=figures.recurring_per_day,
        days_since=None if shown is None else shown.days_since,
        value_at_risk=None if shown is None else shown.value_at_risk,
        currency=alert.currency,
        clears_when="Nothing more is needed." if shown is None else harmless(shown.clears_when, MOST_TEXT),
        deadline=figures.deadline,
        snoozed_until=None if episode is None else episode.snoozed_until,
        owner=None if alert.recommended_owner is None else harmless(alert.recommended_owner, MOST_TEXT),
        internal_only=internal_only,
        as_of=alert.time if now is None or now.as_of is None else now.as_of,
        figures_of="alert" if now is None else "now",
        refreshed_at=None if now is None else format_ms(refreshed_at),
        ruleset=harmless(figures.ruleset, MOST_TEXT),
        description="-",
    )
    return case.model_copy(update={"description": describe(case)})


def priority(state: State, level: Level, figures: Figures, *, synthetic: bool) -> Priority:
    """Return how soon somebody should look.

    A value at risk is large if it reaches what a customer at the cut-off of high value spends in 90 days. An
    `alert` of large value is urgent; another `alert`, and a `watch` of large value, is high; the rest is
    normal, and so is whatever is not open or synthetic.
    """
    if state != "open" or synthetic:
        return "normal"
    cutoff = figures.value_cutoff
    large = cutoff is not None and Decimal(figures.value_at_risk) * 364 >= Decimal(cutoff) * 90
    if level == "alert":
        return "urgent" if large else "high"
    return "high" if large else "normal"


def fingerprint(case: Case) -> str:
    """Return a short text that changes when the desk should be told anew.

    Not with every hour and every day of silence: the chance counts in whole percent, the value at risk in two
    digits.
    """
    told = (
        case.state,
        case.standing,
        case.level,
        case.priority,
        case.internal_only,
        case.account_id,
        case.others_of_account,
        case.owner,
        case.as_of > case.deadline,
        case.clears_when,
        case.spend_since,
        None if case.probability is None else round(case.probability, 2),
        None if case.value_at_risk is None else f"{Decimal(case.value_at_risk):.1e}",
    )
    return sha256(repr(told).encode()).hexdigest()[:32]


def _contact(alert: Alert) -> CaseContact | None:
    anchor = alert.anchor
    if anchor is None:
        return None
    return CaseContact(
        ended_at=anchor.ended_at,
        channel=anchor.channel,
        reason=None if anchor.reason is None else harmless(anchor.reason, MOST_TEXT),
    )
