"""Stories that go mildly wrong."""

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


def queue_abandoned(draw: Draw) -> list[Step]:
    """Give up in a long queue; half of them call again."""
    reason = draw.pick(REASONS)
    line = ContactLine(
        channel="voice",
        reason=reason,
        queue_seconds=draw.count(240, 2_400),
        ended_stage="queue",
        ended_by="customer",
    )
    steps = [Step(line, (line.queue_seconds or 0) / 60 + 1)]
    if draw.chance(0.5):
        again = ContactLine(
            channel="voice",
            reason=reason,
            queue_seconds=wait(draw),
            resolution="resolved",
            ended_stage="agent",
            ended_by="customer",
        )
        steps.append(Step(again, draw.between(4, 20), hours_until_call_back(draw)))
    return steps


def chat_then_call(draw: Draw) -> list[Step]:
    """Be told "please call" at the end of a chat; the call resolves it."""
    chat, reason = chat_that_deflects(draw, "unknown")
    call = ContactLine(
        channel="voice",
        reason=reason,
        queue_seconds=wait(draw),
        resolution="resolved",
        repeated_information=True,
        ended_stage="agent",
    )
    return [chat, Step(call, draw.between(5, 20), draw.between(0.1, 26))]


def passed_around(draw: Draw) -> list[Step]:
    """Get it resolved at last, after transfers and holds."""
    line = ContactLine(
        channel="voice",
        reason=draw.pick(REASONS),
        queue_seconds=wait(draw),
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
    line = ContactLine(
        channel="voice",
        reason=draw.pick(REASONS),
        queue_seconds=wait(draw),
        resolution=draw.pick(("resolved", "unknown")),
        phrases=[draw.pick(EXCUSES)],
    )
    return [Step(line, draw.between(5, 20))]


def complaint_settled(draw: Draw) -> list[Step]:
    """Complain, and have it settled."""
    line = ContactLine(
        channel="voice",
        reason=draw.pick(REASONS),
        queue_seconds=wait(draw),
        complaint=True,
        resolution="resolved",
        ended_stage="agent",
    )
    return [Step(line, draw.between(8, 25))]


def unannounced_change(draw: Draw) -> list[Step]:
    """Run into an un-notified change, and understand it after a search."""
    notice = NoticeLine(change=draw.pick(("price", "ownership", "policy", "discontinuation")), notified=False)
    search = ContactLine(
        channel="web",
        reason="account",
        self_served=True,
        self_service_minutes=draw.count(20, 60),
    )
    return [Step(notice), Step(search, search.self_service_minutes or 0, draw.between(12, 240))]
