"""Why an alert stands where it does: the chance from step to step, in words and in nats."""

from dataclasses import dataclass

from streams.core.odds.odds import Odds, probability
from streams.lab.report.view import Card
from streams.lab.report.words import chance, nats, strength


@dataclass(frozen=True, slots=True)
class Step:
    """What moves the chance from `start` to `end`, both in [0, 1]; `kind` is its style, `weight` in words."""

    label: str
    kind: str
    weight: str
    start: float
    end: float
    chance: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """One row of the log-odds, formatted: at the end of the run (None once it ended), and when raised."""

    label: str
    now: str | None
    raised: str


def steps(card: Card) -> list[Step]:
    """Return the steps from any customer to where it stands now; if it ended, to where it was raised."""
    odds = _raised(card) if card.now is None else card.now.odds
    contacts = odds.prior + odds.frustration
    spend = "the quiet since" if odds.silence >= 0 else "the spend since"
    return [
        _step("any customer", "prior", "", None, odds.prior),
        _step("the contacts, as they fade", "frustration", strength(odds.frustration), odds.prior, contacts),
        _step(spend, "silence", strength(odds.silence), contacts, odds.total),
        _step("in all", "total", "", None, odds.total),
    ]


def _step(label: str, kind: str, weight: str, start: float | None, end: float) -> Step:
    begins = 0.0 if start is None else probability(start)
    return Step(label, kind, weight, begins, probability(end), chance(end))


def numbers(card: Card) -> list[Numbers]:
    """Return the log-odds by where they come from, in nats."""
    now, raised = None if card.now is None else card.now.odds, _raised(card)
    labels = ("any customer", "the contacts, faded and capped", "the spend since", "log-odds in all")
    at_last = [None] * len(labels) if now is None else [nats(part) for part in (*now, now.total)]
    when_raised = [nats(part) for part in (*raised, raised.total)]
    return [Numbers(*row) for row in zip(labels, at_last, when_raised, strict=True)]


def _raised(card: Card) -> Odds:
    odds = card.raised.log_odds
    return Odds(odds.prior, odds.frustration, odds.silence)
