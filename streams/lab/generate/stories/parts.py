"""What stories are made of."""

from collections.abc import Callable
from dataclasses import dataclass

from streams.lab.generate.draw import Draw
from streams.lab.generate.lines import ContactLine, NoticeLine

REASONS = ("billing", "delivery", "returns", "account", "loyalty", "quality")
EXCUSES = ("system_wont_let_me", "not_allowed", "policy")


@dataclass(frozen=True, slots=True)
class Step:
    """One contact or notice of a story. A contact without a direction is inbound."""

    line: ContactLine | NoticeLine
    minutes: float = 0.0
    """How long it lasts."""
    gap_hours: float = 0.0
    """From the end of the step before."""


Story = Callable[[Draw], list[Step]]


def wait(draw: Draw) -> int:
    """Draw an ordinary time in the queue, in seconds."""
    return draw.count(20, 240)


def hours_until_call_back(draw: Draw) -> float:
    """Draw how long a customer waits before calling again, in hours."""
    return draw.between(2, 96)


def chat_that_deflects(draw: Draw, resolution: str) -> tuple[Step, str]:
    """Draw a chat that ends in "please call", and what it was about."""
    reason = draw.pick(REASONS)
    chat = ContactLine(
        channel="chat",
        reason=reason,
        deflected_to="voice",
        resolution=resolution,
        ended_by=draw.pick(("agent", "customer")),
    )
    return Step(chat, draw.between(4, 25)), reason
