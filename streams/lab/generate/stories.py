"""What happens to customers who get in touch: the stories of the product, told as steps.

A story draws its own facts. It knows nothing of ids and times beyond the gap to the step before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from streams.lab.generate.draw import Draw
from streams.lab.generate.options import Severity

_REASONS = ("billing", "delivery", "returns", "account", "loyalty", "quality")
_EXCUSES = ("system_wont_let_me", "not_allowed", "policy")


class ContactLine(Struct, kw_only=True, omit_defaults=True, tag_field="type", tag="contact"):
    """One version of a contact. A journey fills in what happened; the schedule fills in ids and times."""

    event_id: str = ""
    customer_id: str = ""
    time: str = ""
    source: str = ""
    contact_id: str = ""
    version: int = 0
    channel: str
    direction: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    reason: str | None = None
    case_id: str | None = None
    resolution: str | None = None
    queue_seconds: int | None = None
    hold_seconds: int | None = None
    hold_count: int | None = None
    transfers_cold: int | None = None
    transfers_warm: int | None = None
    ended_by: str | None = None
    ended_stage: str | None = None
    ivr_zero_outs: int | None = None
    self_served: bool | None = None
    self_service_minutes: int | None = None
    deflected_to: str | None = None
    escalation_requested: bool | None = None
    escalation_granted: bool | None = None
    complaint: bool | None = None
    repeated_information: bool | None = None
    first_reply_seconds: int | None = None
    csat: int | None = None
    ces: int | None = None
    effort: int | None = None
    phrases: list[str] | None = None
    recovery: bool | None = None
    attributes: dict[str, str] | None = None


class NoticeLine(Struct, kw_only=True, omit_defaults=True, tag_field="type", tag="notice"):
    """Something that the company changed; ids and time as for a contact."""

    event_id: str = ""
    customer_id: str = ""
    time: str = ""
    source: str = ""
    contact_id: str = ""
    change: str
    notified: bool | None = None
    attributes: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One contact or notice of a story. A contact without a direction is inbound."""

    line: ContactLine | NoticeLine
    minutes: float = 0.0
    """How long it lasts."""
    gap_hours: float = 0.0
    """From the end of the step before."""


Story = Callable[[Draw], list[Step]]


def _call(draw: Draw, reason: str | None = None) -> ContactLine:
    """Draw a call after an ordinary time in the queue, and what it is about unless that is given."""
    return ContactLine(
        channel="voice", reason=reason or draw.pick(_REASONS), queue_seconds=draw.count(20, 240)
    )


def _hours_until_call_back(draw: Draw) -> float:
    return draw.between(2, 96)


def _chat_that_deflects(draw: Draw, resolution: str) -> tuple[Step, str]:
    """Draw a chat that ends in "please call", and what it was about."""
    reason = draw.pick(_REASONS)
    ended_by = draw.pick(("agent", "customer"))
    chat = ContactLine(
        channel="chat", reason=reason, deflected_to="voice", resolution=resolution, ended_by=ended_by
    )
    return Step(chat, draw.between(4, 25)), reason


# --- nothing goes wrong ---


def resolved_at_once(draw: Draw) -> list[Step]:
    """Get one answer in one call."""
    line = replace(_call(draw), resolution="resolved", ended_stage="agent", ended_by="customer")
    return [Step(line, draw.between(2, 12))]


def one_ring(draw: Draw) -> list[Step]:
    """Be answered in one ring and escalated at once."""
    line = ContactLine(
        channel="voice",
        reason=draw.pick(_REASONS),
        queue_seconds=draw.count(2, 8),
        resolution="resolved",
        escalation_requested=True,
        escalation_granted=True,
        transfers_warm=draw.pick((None, 1)),
        ended_stage="agent",
    )
    return [Step(line, draw.between(4, 18))]


def quick_answer(draw: Draw) -> list[Step]:
    """Write a message or a mail, and be answered within hours."""
    channel, reason = draw.pick(("chat", "email", "message", "social")), draw.pick(_REASONS)
    seconds = draw.count(20, 20_000)
    line = ContactLine(channel=channel, reason=reason, resolution="resolved", first_reply_seconds=seconds)
    return [Step(line, seconds / 60 + draw.between(2, 60))]


def self_served(draw: Draw) -> list[Step]:
    """Find the answer without anybody's help."""
    minutes = draw.count(1, 15)
    return [Step(ContactLine(channel="web", self_served=True, self_service_minutes=minutes), minutes)]


def courtesy_call(draw: Draw) -> list[Step]:
    """Be called by the company."""
    line = ContactLine(channel="voice", direction="outbound", reason="courtesy", ended_stage="agent")
    return [Step(line, draw.between(1, 6))]


def at_the_counter(draw: Draw) -> list[Step]:
    """Ask in the shop."""
    line = ContactLine(channel="store", reason=draw.pick(_REASONS), resolution="resolved")
    return [Step(line, draw.between(1, 10))]


def announced_change(draw: Draw) -> list[Step]:
    """Be told of a change beforehand."""
    change = draw.pick(("price", "ownership", "discontinuation", "policy", "outage"))
    return [Step(NoticeLine(change=change, notified=True))]


# --- it goes mildly wrong ---


def queue_abandoned(draw: Draw) -> list[Step]:
    """Give up in a long queue; half of them call again."""
    reason, seconds = draw.pick(_REASONS), draw.count(240, 2_400)
    line = ContactLine(
        channel="voice", reason=reason, queue_seconds=seconds, ended_stage="queue", ended_by="customer"
    )
    steps = [Step(line, seconds / 60 + 1)]
    if draw.chance(0.5):
        again = replace(_call(draw, reason), resolution="resolved", ended_stage="agent", ended_by="customer")
        steps.append(Step(again, draw.between(4, 20), _hours_until_call_back(draw)))
    return steps


def chat_then_call(draw: Draw) -> list[Step]:
    """Be told "please call" at the end of a chat; the call resolves it."""
    chat, reason = _chat_that_deflects(draw, "unknown")
    call = replace(_call(draw, reason), resolution="resolved", repeated_information=True, ended_stage="agent")
    return [chat, Step(call, draw.between(5, 20), draw.between(0.1, 26))]


def passed_around(draw: Draw) -> list[Step]:
    """Get it resolved at last, after transfers and holds."""
    line = replace(
        _call(draw),
        resolution="resolved",
        transfers_cold=draw.count(0, 1),
        transfers_warm=draw.count(1, 2),
        hold_seconds=draw.count(200, 1_200),
        hold_count=draw.count(1, 4),
        repeated_information=True,
        ended_stage="transfer",
    )
    return [Step(line, draw.between(15, 50))]


def excused(draw: Draw) -> list[Step]:
    """Hear a lame excuse, then something that counts as an answer."""
    line = replace(_call(draw), resolution=draw.pick(("resolved", "unknown")), phrases=[draw.pick(_EXCUSES)])
    return [Step(line, draw.between(5, 20))]


def complaint_settled(draw: Draw) -> list[Step]:
    """Complain, and have it settled."""
    line = replace(_call(draw), complaint=True, resolution="resolved", ended_stage="agent")
    return [Step(line, draw.between(8, 25))]


def unannounced_change(draw: Draw) -> list[Step]:
    """Run into an un-notified change, and understand it after a search."""
    notice = NoticeLine(change=draw.pick(("price", "ownership", "policy", "discontinuation")), notified=False)
    minutes = draw.count(20, 60)
    search = ContactLine(channel="web", reason="account", self_served=True, self_service_minutes=minutes)
    return [Step(notice), Step(search, minutes, draw.between(12, 240))]


# --- it goes badly wrong ---


def escalation_refused(draw: Draw) -> list[Step]:
    """Ask for someone with authority, and be told that this cannot be forwarded."""
    line = replace(
        _call(draw),
        resolution="unresolved",
        escalation_requested=True,
        escalation_granted=False,
        transfers_warm=draw.count(0, 2),
        hold_seconds=draw.count(60, 900),
        hold_count=draw.count(1, 3),
        ended_stage="agent",
        ended_by=draw.pick(("customer", "agent")),
        phrases=["not_allowed"],
        complaint=draw.chance(0.3) or None,
    )
    return [Step(line, draw.between(8, 40))]


def ivr_dead_end(draw: Draw) -> list[Step]:
    """Zero out of the menu, be hung up on by the machine, call back once or twice."""
    reason = draw.pick(_REASONS)
    machine = ContactLine(
        channel="voice",
        reason=draw.pick((reason, None)),
        ivr_zero_outs=draw.count(3, 7),
        ended_stage="ivr",
        ended_by="system",
        self_served=False,
    )
    steps = [Step(machine, draw.between(2, 9))]
    back = draw.count(1, 2)
    for attempt in range(1, back + 1):
        again = replace(
            _call(draw, reason),
            resolution="unresolved" if attempt == back else "unknown",
            repeated_information=True,
            transfers_cold=draw.count(0, 2),
            ended_stage="agent",
            ended_by=draw.pick(("customer", "system", "agent")),
        )
        steps.append(Step(again, draw.between(5, 25), _hours_until_call_back(draw)))
    return steps


def powerless_agent(draw: Draw) -> list[Step]:
    """Hear "the system won't let me" and "it's policy", and be passed on."""
    line = replace(
        _call(draw),
        resolution="unresolved",
        transfers_cold=draw.count(0, 3),
        transfers_warm=draw.count(0, 1),
        phrases=sorted({draw.pick(_EXCUSES), draw.pick(_EXCUSES)}),
        repeated_information=draw.chance(0.5) or None,
        ended_stage="agent",
        ended_by="customer",
    )
    return [Step(line, draw.between(10, 35))]


def _call_in_vain(draw: Draw, reason: str) -> ContactLine:
    return replace(
        _call(draw, reason),
        resolution="unresolved",
        repeated_information=True,
        ended_stage="agent",
        ended_by="customer",
    )


def silent_takeover(draw: Draw) -> list[Step]:
    """Find price or owner changed without a word, search for an hour, call in vain."""
    notice = NoticeLine(change=draw.pick(("price", "ownership")), notified=False)
    minutes = draw.count(45, 90)
    search = ContactLine(channel="web", reason="account", self_served=False, self_service_minutes=minutes)
    call = _call_in_vain(draw, "account")
    return [
        Step(notice),
        Step(search, minutes, draw.between(12, 240)),
        Step(call, draw.between(8, 30), draw.between(0.2, 30)),
    ]


def chat_to_nowhere(draw: Draw) -> list[Step]:
    """Be told "please call" at the end of a chat; call, start from nothing, solve nothing."""
    chat, reason = _chat_that_deflects(draw, draw.pick(("unknown", "unresolved")))
    call = replace(_call_in_vain(draw, reason), transfers_cold=draw.count(0, 2))
    return [chat, Step(call, draw.between(8, 35), draw.between(0.1, 26))]


def letter_unanswered(draw: Draw) -> list[Step]:
    """Complain by mail, and be answered after days."""
    line = ContactLine(
        channel="email",
        reason=draw.pick(_REASONS),
        complaint=True,
        first_reply_seconds=draw.count(100_000, 600_000),
        resolution=draw.pick(("unresolved", "unknown")),
    )
    return [Step(line, (line.first_reply_seconds or 0) / 60 + draw.between(0, 600))]


# --- how a story can be put right ---


def recovery_call(draw: Draw) -> Step:
    """Be called back by someone with authority, one to five days later, with an apology and a remedy."""
    line = ContactLine(channel="voice", direction="outbound", resolution="resolved", recovery=True)
    return Step(line, draw.between(5, 25), draw.between(24, 120))


STORIES: Mapping[Severity, Mapping[Story, float]] = MappingProxyType(
    {
        Severity.SEVERE: {
            escalation_refused: 3,
            ivr_dead_end: 3,
            powerless_agent: 3,
            silent_takeover: 2,
            chat_to_nowhere: 2,
            letter_unanswered: 1,
        },
        Severity.MILD: {
            queue_abandoned: 3,
            chat_then_call: 2,
            passed_around: 2,
            excused: 2,
            complaint_settled: 1,
            unannounced_change: 2,
        },
        Severity.HARMLESS: {
            resolved_at_once: 5,
            one_ring: 1,
            quick_answer: 4,
            self_served: 4,
            courtesy_call: 2,
            at_the_counter: 1,
            announced_change: 1,
        },
    }
)
"""The stories of each severity, with their weights."""
