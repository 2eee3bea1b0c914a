"""Frustration: what contacts alone add to the log-odds of leaving, in nats.

A contact is reduced to what the rules need of it (`Known`) when it is folded; its signals are the rows of
the table in docs/detection.md that apply to it. Repeats depend on the other contacts: see `repeats`.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from xxhash import xxh3_128_hexdigest

from schemas.events import Contact, Notice
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS

TOLERANCE: Final = 1e-9
"""Comparisons of computed reals hold this much in favour of happening."""

Signal = tuple[str, float]

OUTCOMES: Final = frozenset({"unresolved", "worst_score", "escalation_refused", "complaint", "slow_reply"})
"""The signals of which only the largest counts."""

_LONGEST_TEXT: Final = 128
_MOST_TRANSFERS: Final = 1_000_000


class Known(Struct, array_like=True):
    """What is remembered of the newest version of a contact or notice.

    Its nats are those of the rules under which it was folded.
    """

    contact_id: str
    source: str
    version: int
    event_id: str
    moment: int
    ended_at: int | None
    channel: str | None
    reason: str | None
    case_id: str | None
    done: bool
    outbound: bool
    recovery: bool
    notice: bool
    transfers: int
    hung_up_on: bool
    signals: tuple[Signal, ...]
    """Outcome and effort, without repeats."""
    repeats: int = 0
    """How many of the contacts before it repeats, as far as that matters."""
    own: float = 0.0
    """Nats by itself, repeats included."""
    handed_on: bool = False
    """Whether the conversation went on elsewhere."""
    started: int | None = None
    """When it began, ms; None if nobody said."""
    parent: str | None = None
    """The contact that this one says to be a leg of."""
    covered: float = 0.0
    """Nats of the outcome that earlier legs of the conversation had already."""

    @property
    def identity(self) -> tuple[str, str]:
        """Return what all versions of a contact share."""
        return self.source, self.contact_id

    @property
    def order(self) -> tuple[int, str, str]:
        """Return the place of the contact in the fold."""
        return self.moment, self.contact_id, self.source

    @property
    def rank(self) -> tuple[int, str]:
        """Return what makes one version of a contact newer than another."""
        return self.version, self.event_id

    @property
    def repeatable(self) -> bool:
        """Return whether the contact can repeat another, or be repeated."""
        return not (self.outbound or self.recovery or self.notice)


def known(event: Contact | Notice, rules: Ruleset) -> Known:
    """Return what is remembered of a contact version or a notice, with its signals."""
    if isinstance(event, Notice):
        return _known_notice(event, rules)
    done = event.self_served or event.resolution == "resolved"
    talked = not rules.as_meant or is_talk(event)
    handed_on = rules.as_meant and is_handed_on(event)
    cut_off = _hung_up_on(event, done=done) and talked and not (handed_on and event.ended_by == "agent")
    return Known(
        contact_id=event.contact_id,
        source=event.source,
        version=event.version,
        event_id=event.event_id,
        moment=event.moment,
        ended_at=event.ended_at,
        channel=event.channel,
        reason=_short(event.reason),
        case_id=_short(event.case_id),
        done=done,
        outbound=event.outbound,
        recovery=event.recovery and talked,
        notice=False,
        transfers=min(event.transfers_cold + event.transfers_warm, _MOST_TRANSFERS),
        hung_up_on=cut_off,
        signals=()
        if event.recovery or not talked
        else (*_outcome(event, rules), *_effort(event, rules, done=done, cut_off=cut_off)),
        handed_on=handed_on,
        started=event.started_at if rules.as_meant else None,
        parent=event.parent_contact_id if rules.as_meant else None,
    )


def _known_notice(event: Notice, rules: Ruleset) -> Known:
    return Known(
        contact_id=event.contact_id,
        source=event.source,
        version=1,
        event_id=event.event_id,
        moment=event.time,
        ended_at=None,
        channel=None,
        reason=event.change,
        case_id=None,
        done=False,
        outbound=False,
        recovery=False,
        notice=True,
        transfers=0,
        hung_up_on=False,
        signals=() if event.notified else (("unnotified_change", rules.unnotified_change),),
    )


def _short(text: str | None) -> str | None:
    """Return a text that is equal to another's if the texts were, however long they are."""
    if text is None or len(text) <= _LONGEST_TEXT:
        return text
    return f"{text[:_LONGEST_TEXT]}… {xxh3_128_hexdigest(text.encode())}"


def is_talk(event: Contact) -> bool:
    """Return whether anybody was reached: of an outbound contact that nobody answered nothing counts."""
    if not event.outbound or event.answered is not None:
        return not event.outbound or bool(event.answered)
    return (
        event.ended_stage in ("hold", "agent", "transfer")
        or event.ended_by == "customer"
        or event.resolution in ("resolved", "unresolved")
        or event.transfers_cold + event.transfers_warm + event.hold_count + event.hold_seconds > 0
        or any(score is not None for score in (event.csat, event.ces, event.effort))
        or event.escalation_requested
        or event.escalation_granted
        or event.complaint
        or event.repeated_information
        or bool(event.phrases)
        or event.recovery
    )


def is_handed_on(event: Contact) -> bool:
    """Return whether the conversation went on elsewhere: who hands on ends their own leg."""
    if event.ended_stage == "transfer":
        return event.ended_by in (None, "agent")
    transfers = event.transfers_cold + event.transfers_warm
    return event.ended_by == "agent" and event.ended_stage is None and transfers > 0


def _hung_up_on(event: Contact, *, done: bool) -> bool:
    return event.ended_by in ("agent", "system") and not done


def _outcome(event: Contact, rules: Ruleset) -> list[Signal]:
    """Return the largest outcome that applies, the first of the table among equals; empty if none does."""
    applying: list[Signal] = []
    if event.resolution == "unresolved":
        applying.append(("unresolved", rules.outcome_unresolved))
    if (
        event.csat == rules.worst_csat
        or (event.ces is not None and event.ces <= rules.worst_ces)
        or (event.effort is not None and event.effort <= rules.worst_effort)
    ):
        applying.append(("worst_score", rules.outcome_worst_score))
    if event.escalation_requested and not event.escalation_granted:
        applying.append(("escalation_refused", rules.outcome_escalation_refused))
    if event.complaint:
        applying.append(("complaint", rules.outcome_complaint))
    if event.first_reply_seconds > rules.slow_reply_seconds:
        applying.append(("slow_reply", rules.outcome_slow_reply))
    return applying if len(applying) <= 1 else [max(applying, key=lambda signal: signal[1])]


def _effort(  # noqa: C901 - a row of the table each
    event: Contact, rules: Ruleset, *, done: bool, cut_off: bool
) -> list[Signal]:
    """Return the efforts that apply, in the order of the table."""
    found: list[Signal] = []
    transfers = event.transfers_cold + event.transfers_warm
    if transfers >= 1:
        found.append(("transfers", _transfer_nats(event.transfers_cold, transfers, rules)))
    if event.hold_seconds > rules.long_hold_seconds or event.hold_count >= rules.long_hold_count:
        found.append(("long_hold", rules.long_hold))
    if event.deflected_to is not None:
        found.append(("deflected", rules.deflected))
    if event.ended_stage == "ivr" and not done:
        found.append(("ivr_dead_end", rules.ivr_dead_end))
    if cut_off:
        found.append(("hung_up_on", rules.hung_up_on))
    if event.ivr_zero_outs >= rules.zero_outs_count:
        found.append(("zero_outs", rules.zero_outs))
    if (
        event.ended_stage == "queue"
        and event.ended_by == "customer"
        and event.queue_seconds > rules.queue_abandoned_seconds
    ):
        found.append(("queue_abandoned", rules.queue_abandoned))
    if event.repeated_information:
        found.append(("repeated_information", rules.repeated_information))
    if event.phrases:
        found.append(("powerless_phrase", rules.powerless_phrase))
    if event.self_service_minutes >= rules.self_service_minutes:
        found.append(("self_service", rules.self_service))
    return found


def _transfer_nats(cold: int, transfers: int, rules: Ruleset) -> float:
    nats = rules.transfer_first + rules.transfer_further * (transfers - 1)
    return nats * (1 + rules.transfer_cold_factor * cold / transfers)


def repeats(later: Known, earlier: Known) -> bool:
    """Return whether a contact repeats one of the days before: same case, else same reason, else not done."""
    if not (later.repeatable and earlier.repeatable):
        return False
    if later.case_id is not None and earlier.case_id is not None:
        return later.case_id == earlier.case_id
    if later.reason is not None and earlier.reason is not None:
        return later.reason == earlier.reason
    return not earlier.done


def own_signals(contact: Known, rules: Ruleset) -> list[Signal]:
    """Return the signals of a weighed contact, its repeats as one, last. A recovery has none."""
    signals = bare_signals(contact)
    if contact.repeats:
        signals.append(("repeat", contact.repeats * rules.repeat))
    return signals


def bare_signals(contact: Known) -> list[Signal]:
    """Return the signals of a contact by itself, less what earlier legs of the conversation had."""
    if not contact.covered:
        return list(contact.signals)
    (outcome, nats), *efforts = contact.signals
    more = nats - contact.covered
    return [(outcome, more), *efforts] if more > 0 else efforts


def outcome_nats(contact: Known) -> float:
    """Return the nats of the outcome of a contact, 0 if it has none."""
    first = contact.signals[:1]
    return first[0][1] if first and first[0][0] in OUTCOMES else 0.0


def folded(total: float, before: int | None, contact: Known, rules: Ruleset) -> float:
    """Return F after a weighed contact, from F after the one before it and that one's moment (ms)."""
    moment = contact.moment
    if before is not None and moment != before:
        days = (moment - before) / DAY_MS
        total *= 2.0 ** (-days / rules.frustration_half_life_days)
    if contact.recovery:
        return total * rules.recovery_factor
    total += contact.own
    if total > rules.frustration_cap:  # noqa: PLR1730 - half the time of min()
        total = rules.frustration_cap
    return total


def frustration(contacts: Iterable[Known], rules: Ruleset) -> float:
    """Return F in nats after the newest of the ordered contacts, all weighed."""
    total, before = 0.0, None
    for contact in contacts:
        total, before = folded(total, before, contact, rules), contact.moment
    return total
