"""Words of exports, and what they mean in our events: those of `words.toml`."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Final, TypeAlias

from streams.adapt.suggest.sheet import folded

Vocabulary: TypeAlias = Mapping[str, str]
"""What a word means, by the word, folded."""

_WORDS: Final = tomllib.loads((files(__package__) / "words.toml").read_text(encoding="utf-8"))


def _vocabulary(name: str, *more: Vocabulary) -> Vocabulary:
    found: dict[str, str] = {}
    for one in more:
        found |= one
    for meaning, words in _WORDS[name].items():
        found |= {folded(word): meaning for word in words.split(",")}
    return found


FLAGS: Final = _vocabulary("flags")
"""`true` and `false`."""
ORDERS: Final = _vocabulary("orders")
"""What a status, or a type, says about an order."""
SKIPPED: Final = ("cancelled order", "failed order", "order not paid", "test order")
"""Meanings of orders that are no events."""
CHANNELS: Final = _vocabulary("channels")
DIRECTIONS: Final = _vocabulary("directions")
_HELPED: Final = {"true": "resolved", "false": "unresolved"}
RESOLUTIONS: Final = _vocabulary("resolutions", {word: _HELPED[flag] for word, flag in FLAGS.items()})
ENDERS: Final = _vocabulary("enders")
STAGES: Final = _vocabulary("stages")
SATISFACTION: Final = _vocabulary("satisfaction")
GUESTS: Final = frozenset(_vocabulary("guests"))
"""What stands for a customer who is not known."""


def meanings(words: Iterable[str], known: Vocabulary) -> dict[str, str]:
    """Return what words of theirs mean by a vocabulary; those that it does not have are left out."""
    return {word: known[folded(word)] for word in words if folded(word) in known}


def share_known(words: Counter[str], known: Vocabulary) -> float:
    """Return the share of values whose word a vocabulary has."""
    told = meanings(words, known)
    return sum(count for word, count in words.items() if word in told) / max(sum(words.values()), 1)
