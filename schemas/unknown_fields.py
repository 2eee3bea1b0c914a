"""Fields of an input that the contract does not have: accepted, kept out of the events, named to people.

A name comes from outside, so it may be anything: a customer's id that became a key by mistake, or bytes that
would break a line. `shown` is what may be printed of it.
"""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from schemas.topics import Topic

ODD_NAME: Final = "(odd name)"
NAMES_SHOWN: Final = 10
_NAMES_KEPT: Final = 1_000
"""So many distinct names are counted one by one: a feed may have its ids for names."""
_NAME: Final = re.compile(r"[$@]?[\w.-]{1,64}")
_LETTER: Final = re.compile(r"[^\W\d_]")
_MOST_DIGITS: Final = 3
_CLOSE: Final = 0.8


def unknown_fields(document: object, topic: Topic) -> Collection[str]:
    """Return the names in a parsed record that the model of its type does not have; none without a model."""
    if not isinstance(document, dict):
        return ()
    kind = document.get("type")
    known = topic.fields.get(kind) if isinstance(kind, str) else None
    return () if known is None else document.keys() - known


def shown(name: str) -> str:
    """Return what is shown of a name: itself, if it is one word that looks like a field's and like no id.

    So an address, a person's name or a line's end is not shown.
    """
    is_word = _NAME.fullmatch(name) and _LETTER.search(name)
    return name if is_word and sum(map(str.isdecimal, name)) <= _MOST_DIGITS else ODD_NAME


def meant(name: str, known: Collection[str]) -> str | None:
    """Return the known field that a name is close to."""
    return next(iter(get_close_matches(name.lower(), known, n=1, cutoff=_CLOSE)), None)


@dataclass(slots=True)
class UnknownFields:
    """How often which unknown fields came on one input."""

    topic: Topic
    total: int = 0
    names: Counter[str] = field(default_factory=Counter)
    """By the name as it is shown."""

    def note(self, names: Collection[str]) -> None:
        """Count the unknown fields of a record."""
        self.total += len(names)
        for name in names:
            told = shown(name)
            self.names[told if told in self.names or len(self.names) < _NAMES_KEPT else ODD_NAME] += 1

    def listed(self) -> list[str]:
        """Return the first names in order, at most 10."""
        return sorted(self.names)[:NAMES_SHOWN]

    def described(self) -> str:
        """Return the names that came most often in words, with the known field that each may be meant for."""
        told = [
            f"{name} ({count:,}{f'; did you mean {close}?' if close else ''})"
            for name, count, close in self.commonest()
        ]
        more = len(self.names) - len(told)
        return f"{', '.join(told)}{f' and {more:,} more' if more else ''}"

    def commonest(self) -> list[tuple[str, int, str | None]]:
        """Return the names that came most often, at most 10: with how often, and a known one close."""
        known = frozenset[str]().union(*self.topic.fields.values())
        ranked = sorted(self.names.items(), key=lambda one: (-one[1], one[0]))
        return [(name, count, meant(name, known)) for name, count in ranked[:NAMES_SHOWN]]
