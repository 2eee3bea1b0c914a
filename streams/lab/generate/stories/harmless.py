"""Stories in which nothing goes wrong."""

from streams.lab.generate.draw import Draw
from streams.lab.generate.lines import ContactLine, NoticeLine
from streams.lab.generate.stories.parts import REASONS, Step, wait


def resolved_at_once(draw: Draw) -> list[Step]:
    """Get one answer in one call."""
    line = ContactLine(
        channel="voice",
        reason=draw.pick(REASONS),
        queue_seconds=wait(draw),
        resolution="resolved",
        ended_stage="agent",
        ended_by="customer",
    )
    return [Step(line, draw.between(2, 12))]


def one_ring(draw: Draw) -> list[Step]:
    """Be answered in one ring and escalated at once."""
    line = ContactLine(
        channel="voice",
        reason=draw.pick(REASONS),
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
    line = ContactLine(
        channel=draw.pick(("chat", "email", "message", "social")),
        reason=draw.pick(REASONS),
        resolution="resolved",
        first_reply_seconds=draw.count(20, 20_000),
    )
    return [Step(line, (line.first_reply_seconds or 0) / 60 + draw.between(2, 60))]


def self_served(draw: Draw) -> list[Step]:
    """Find the answer without anybody's help."""
    line = ContactLine(channel="web", self_served=True, self_service_minutes=draw.count(1, 15))
    return [Step(line, line.self_service_minutes or 0)]


def courtesy_call(draw: Draw) -> list[Step]:
    """Be called by the company."""
    line = ContactLine(channel="voice", direction="outbound", reason="courtesy", ended_stage="agent")
    return [Step(line, draw.between(1, 6))]


def at_the_counter(draw: Draw) -> list[Step]:
    """Ask in the shop."""
    line = ContactLine(channel="store", reason=draw.pick(REASONS), resolution="resolved")
    return [Step(line, draw.between(1, 10))]


def announced_change(draw: Draw) -> list[Step]:
    """Be told of a change beforehand."""
    change = draw.pick(("price", "ownership", "discontinuation", "policy", "outage"))
    return [Step(NoticeLine(change=change, notified=True))]
