"""What would end an episode of which nothing was sent, in words; and that no signal lacks them."""

import ast
import inspect

import pytest

from streams.core.alerts.words import SIGNALS, closes_silently_when
from streams.core.contacts import frustration
from streams.core.ruleset import Ruleset
from streams.core.spend.evidence import Pace, Yardstick
from tests.core.drive import figures

SILENTLY = "Nothing was sent. Ends silently"
MORE = "half the usual spend more with every day"


@pytest.mark.parametrize(
    ("yardstick", "words"),
    [
        (Yardstick(0.0, 1.0, 0), "120 days after the contact."),
        (
            Yardstick(100.0, 2.0, 0, Pace(100.0, 0.5, 2.0, 2.0)),
            "once the customer has bought as usual for some weeks, or 120 days after the contact.",
        ),
        (
            Yardstick(100.0, 2.0, 0),
            f"once 8.00 USD are spent since the contact, {MORE}, or 120 days after it.",
        ),
    ],
)
def test_what_ends_an_episode_of_which_nothing_was_sent(yardstick: Yardstick, words: str) -> None:
    """Ten days and three nats of two days each are sixteen days, half of which have to be spent for."""
    assert closes_silently_when(figures(Ruleset(), yardstick, days=10.0)) == f"{SILENTLY} {words}"


def test_every_signal_has_its_words() -> None:
    """A signal is a pair in the source, ("name", nats): its alert could not be worded without an entry."""
    tree = ast.parse(inspect.getsource(frustration))
    pairs = [one.elts for one in ast.walk(tree) if isinstance(one, ast.Tuple)]
    named = [pair for pair in pairs if len(pair) == 2 and isinstance(pair[0], ast.Constant)]
    names = {pair[0].value for pair in named if not isinstance(pair[1], ast.Constant)}  # type: ignore[attr-defined]
    assert len(names) > 15
    assert names == set(SIGNALS)
