"""The log-odds of leaving, by where they come from."""

from typing import NamedTuple

from streams.core.customer.pending import Episode
from streams.core.ruleset import Ruleset
from streams.core.spend.evidence import probability


class Odds(NamedTuple):
    """L in its three parts, in nats."""

    prior: float
    frustration: float
    silence: float

    @property
    def total(self) -> float:
        """Return L."""
        return self.prior + self.frustration + self.silence

    @property
    def probability(self) -> float:
        """Return P."""
        return probability(self.total)


def odds_of(episode: Episode, frustration: float, silence: float, rules: Ruleset) -> Odds:
    """Return the odds of an episode from its customer's frustration F and the evidence S, both in nats.

    A silent episode has its own prior, and F counts in it only once a contact was folded into it. What is
    gone of the subscriptions counts with the silence.
    """
    return Odds(
        prior=rules.silent_prior if episode.anchor is None else rules.prior,
        frustration=frustration if episode.heard else 0.0,
        silence=rules.temperature * silence + reduction_nats(episode.left, rules),
    )


def reduction_nats(left: float, rules: Ruleset) -> float:
    """Return the nats of what is gone of the subscriptions, by the share that is left of them."""
    return rules.subscription_nats * (1 - left)
