"""How a story can be put right."""

from streams.lab.generate.draw import Draw
from streams.lab.generate.lines import ContactLine
from streams.lab.generate.stories.parts import Step


def recovery_call(draw: Draw) -> Step:
    """Be called back by someone with authority, one to five days later, with an apology and a remedy."""
    line = ContactLine(channel="voice", direction="outbound", resolution="resolved", recovery=True)
    return Step(line, draw.between(5, 25), draw.between(24, 120))
