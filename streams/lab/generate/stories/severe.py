"""Stories that go badly wrong."""

from streams.lab.generate.draw import Draw
from streams.lab.generate.lines import ContactLine, NoticeLine
from streams.lab.generate.stories.parts import (
    EXCUSES,
    REASONS,
    Step,
    chat_that_deflects,
    hours_until_call_back,
    wait,
)


def escalation_refused(draw: Draw) -> list[Step]:
    """Ask for someone with authority, and be told that this cannot be forwarded."""
    line = ContactLine(
        channel="voice",
        reason=draw.pick(REASONS),
        queue_seconds=wait(draw),
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
    reason = draw.pick(REASONS)
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
        again = ContactLine(
            channel="voice",
            reason=reason,
            queue_seconds=wait(draw),
            resolution="unresolved" if attempt == back else "unknown",
            repeated_information=True,
            transfers_cold=draw.count(0, 2),
            ended_stage="agent",
            ended_by=draw.pick(("customer", "system", "agent")),
        )
        steps.append(Step(again, draw.between(5, 25), hours_until_call_back(draw)))
    return steps


def powerless_agent(draw: Draw) -> list[Step]:
    """Hear "the system won't let me" and "it's policy", and be passed on."""
    line = ContactLine(
        channel="voice",
        reason=draw.pick(REASONS),
        queue_seconds=wait(draw),
        resolution="unresolved",
        transfers_cold=draw.count(0, 3),
        transfers_warm=draw.count(0, 1),
        phrases=sorted({draw.pick(EXCUSES), draw.pick(EXCUSES)}),
        repeated_information=draw.chance(0.5) or None,
        ended_stage="agent",
        ended_by="customer",
    )
    return [Step(line, draw.between(10, 35))]


def silent_takeover(draw: Draw) -> list[Step]:
    """Find price or owner changed without a word, search for an hour, call in vain."""
    notice = NoticeLine(change=draw.pick(("price", "ownership")), notified=False)
    search = ContactLine(
        channel="web",
        reason="account",
        self_served=False,
        self_service_minutes=draw.count(45, 90),
    )
    call = ContactLine(
        channel="voice",
        reason="account",
        queue_seconds=wait(draw),
        resolution="unresolved",
        repeated_information=True,
        ended_stage="agent",
        ended_by="customer",
    )
    return [
        Step(notice),
        Step(search, search.self_service_minutes or 0, draw.between(12, 240)),
        Step(call, draw.between(8, 30), draw.between(0.2, 30)),
    ]


def chat_to_nowhere(draw: Draw) -> list[Step]:
    """Be told "please call" at the end of a chat; call, start from nothing, solve nothing."""
    chat, reason = chat_that_deflects(draw, draw.pick(("unknown", "unresolved")))
    call = ContactLine(
        channel="voice",
        reason=reason,
        queue_seconds=wait(draw),
        resolution="unresolved",
        repeated_information=True,
        transfers_cold=draw.count(0, 2),
        ended_stage="agent",
        ended_by="customer",
    )
    return [chat, Step(call, draw.between(8, 35), draw.between(0.1, 26))]


def letter_unanswered(draw: Draw) -> list[Step]:
    """Complain by mail, and be answered after days."""
    line = ContactLine(
        channel="email",
        reason=draw.pick(REASONS),
        complaint=True,
        first_reply_seconds=draw.count(100_000, 600_000),
        resolution=draw.pick(("unresolved", "unknown")),
    )
    return [Step(line, (line.first_reply_seconds or 0) / 60 + draw.between(0, 600))]
