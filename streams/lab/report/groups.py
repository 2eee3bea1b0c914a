"""Alerts gathered by what went wrong, so that the policy behind many of them shows."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from streams.lab.report.view import Card
from streams.lab.report.words import signal_label

SIGNALS_NAMED = 3
NO_REASON = "no reason recorded"
NO_CONTACT = "no bad contact known"


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts that share a label. `at_risk_cents` counts those to win back only, as the headline does.

    `also` names the signals seen most often in the group, with the number of its alerts that carry each.
    """

    label: str
    cards: list[Card]
    at_risk_cents: int
    also: list[tuple[str, int]]

    @property
    def open_count(self) -> int:
        """Return how many of the alerts are to be won back."""
        return sum(card.place == "open" for card in self.cards)


def by_signal(cards: Iterable[Card]) -> list[Group]:
    """Group by signal: an alert stands in the group of each signal that spoke, once."""
    return _groups(cards, lambda card: [signal_label(signal) for signal in card.signals])


def by_reason(cards: Iterable[Card]) -> list[Group]:
    """Group by what the anchor contact was about; those without a reason or a contact stand together."""
    return _groups(cards, lambda card: [card.reason or (NO_CONTACT if card.silent else NO_REASON)])


def _groups(cards: Iterable[Card], labels: Callable[[Card], list[str]]) -> list[Group]:
    gathered: defaultdict[str, list[Card]] = defaultdict(list)
    for card in cards:
        for label in dict.fromkeys(labels(card)):
            gathered[label].append(card)
    groups = [_group(label, members) for label, members in gathered.items()]
    return sorted(groups, key=lambda group: (-group.at_risk_cents, -len(group.cards), group.label))


def _group(label: str, cards: list[Card]) -> Group:
    signals = Counter(signal for card in cards for signal in card.signals)
    common = sorted(signals.items(), key=lambda item: (-item[1], item[0]))[:SIGNALS_NAMED]
    at_risk = sum(card.at_risk_cents for card in cards if card.place == "open")
    return Group(label, cards, at_risk, [(signal_label(signal), number) for signal, number in common])
