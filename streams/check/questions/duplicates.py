"""4: events that come more than once, and whether they say the same then.

Of an input with many ids a sample is kept: those whose hash lies in a part of all that is halved whenever too
many are in it. So what is sampled is seen from its first event to its last.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

import msgspec
from xxhash import xxh3_64_intdigest

from streams.check.answer import Answer, Detail, Verdict, counted, percent, share
from streams.check.seen import Seen
from streams.core.customer.event_ids import EventIds
from streams.core.watermark import TOO_LATE_MS, Input

MOST_IDS: Final = 200_000
_MANY: Final = 0.05
_BAD: Final = 0.01
_LINES: Final = (
    "But if these are lines of one order with one id and one amount, all but the first are lost: give each "
    "line an id of its own."
)


@dataclass(slots=True)
class _Ids:
    """The ids of one input in the sample, each with the hash and the time of its first content."""

    mask: int = 0
    first: dict[int, tuple[int, int]] = field(default_factory=dict)
    events: int = 0
    """Those in the sample, as all below."""
    equal: int = 0
    other: int = 0
    far: int = 0
    """More than 8 days after the first: taken for a new event."""
    parts: int = 1
    """The sample is one in so many of all."""


class Duplicates:
    """Finds ids that come again, by what tells them apart in the core: source, kind and event id."""

    question = "Does an event come twice, and say the same then?"

    def __init__(self) -> None:
        self._hash = EventIds()
        self._encode = msgspec.json.Encoder().encode
        self._inputs: defaultdict[Input, _Ids] = defaultdict(_Ids)

    def take(self, seen: Seen) -> None:
        """Note an event, if its id is in the sample."""
        ids = self._inputs[seen.source]
        key = self._hash.key_of(seen.event)
        if key & ids.mask:
            return
        ids.events += 1
        content, before = xxh3_64_intdigest(self._encode(seen.event)), ids.first.get(key)
        if before is None:
            ids.first[key] = content, seen.event.time
            if len(ids.first) > MOST_IDS:
                self._halve(ids)
            return
        ids.equal += content == before[0]
        ids.other += content != before[0]
        ids.far += abs(seen.event.time - before[1]) > TOO_LATE_MS

    def _halve(self, ids: _Ids) -> None:
        """Keep every other id; what was counted of the rest is taken to be as frequent as of these."""
        ids.mask = 2 * ids.mask + 1
        ids.parts *= 2
        ids.first = {key: first for key, first in ids.first.items() if not key & ids.mask}
        ids.events, ids.equal, ids.other, ids.far = (
            round(one / 2) for one in (ids.events, ids.equal, ids.other, ids.far)
        )

    def answer(self) -> Answer:
        """Return how many come again with the same content, and with another."""
        inputs = self._inputs.values()
        events = sum(one.events * one.parts for one in inputs)
        equal = sum(one.equal * one.parts for one in inputs)
        other = sum(one.other * one.parts for one in inputs)
        far = sum(one.far * one.parts for one in inputs)
        about = "about " if any(one.parts > 1 for one in inputs) else ""
        figure = (
            f"{about if equal else ''}{percent(equal, events)} again with the same content, "
            f"{about if other else ''}{percent(other, events)} with another"
        )
        if other:
            verdict = Verdict.BAD if share(other, events) > _BAD else Verdict.LOOK
            advice = (
                f"Give an event that changed an id of its own ({about}{counted(other, 'case')}): the first "
                "counts, so send a correction, or a later version of the contact."
            )
        elif far:
            verdict = Verdict.LOOK
            advice = f"Do not send events again after 8 days ({about}{far:,}): they count twice then."
        else:
            verdict = Verdict.LOOK if share(equal, events) > _MANY else Verdict.GOOD
            todo = "Ask why so much comes twice" if verdict is Verdict.LOOK else "Nothing"
            advice = f"{todo}: what comes again is dropped."
            if any(one.equal for source, one in self._inputs.items() if source is Input.TRANSACTIONS):
                advice = f"{todo}, if it was sent again: it is dropped. {_LINES}"
        details = tuple(_detail(source, ids) for source, ids in self._inputs.items())
        return Answer(self.question, verdict, figure, advice, details)


def _detail(source: Input, ids: _Ids) -> Detail:
    return {
        "input": source.value,
        "events": ids.events * ids.parts,
        "equal": ids.equal * ids.parts,
        "other content": ids.other * ids.parts,
        "after 8 days": ids.far * ids.parts,
        "one id in": ids.parts,
    }
