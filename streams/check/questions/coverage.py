"""1: which of the fields that move the needle are there, by input and source."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final, TypeAlias

from schemas.events import Contact, Profile, Transaction
from schemas.transaction import OF_A_PURCHASE
from streams.check.answer import Answer, Detail, Verdict, percent, share
from streams.check.seen import Seen, Sources
from streams.core.watermark import Input

GROUPS: Final = {
    "resolution": ("resolution",),
    "escalation": ("escalation_requested", "escalation_granted"),
    "how it ended": ("ended_by", "ended_stage"),
    "surveys": ("csat", "ces", "effort"),
    "transfers": ("transfers_cold", "transfers_warm"),
    "queue and hold": ("queue_seconds", "hold_seconds", "hold_count"),
    "complaints": ("complaint",),
    "phrases and repetition": ("phrases", "repeated_information"),
    "self-service": ("ivr_zero_outs", "self_served", "self_service_minutes", "deflected_to"),
    "first reply": ("first_reply_seconds",),
}
"""Fields of a contact that make it bad; docs/feeding.md has what each is worth."""
BESIDES: Final = ("ended_at", "direction", "reason", "case_id", "recovery", "answered")
"""Fields that tell which contacts belong together, and which count at all."""
BOOLEANS: Final = frozenset(
    {
        "escalation_requested",
        "escalation_granted",
        "complaint",
        "repeated_information",
        "self_served",
        "recovery",
        "answered",
    }
)
_CONTACT: Final = (*(name for names in GROUPS.values() for name in names), *BESIDES)
_PROFILE: Final = ("tier", "preferred_owner", "do_not_contact")
_ORIGINAL: Final = "original_time of refunds and corrections"
_ALL: Final = ""
_ALWAYS: Final = 0.95
_BAD_SIGNS: Final = ("escalation_requested", "complaint", "repeated_information")
_LEAST: Final = 20
"""Fewer contacts say nothing of what is always true."""


_Counts: TypeAlias = defaultdict[tuple[Input, str], Counter[str]]
"""By input, source and field."""


class Coverage:
    """Counts which events have which fields."""

    question = "Are the fields there that move the needle?"

    def __init__(self) -> None:
        self._sources = Sources()
        self._of: _Counts = defaultdict(Counter)
        """Events that may have a field, and all of them."""
        self._has: _Counts = defaultdict(Counter)
        self._true: _Counts = defaultdict(Counter)

    def take(self, seen: Seen) -> None:
        """Count the fields of an event."""
        event, fields = seen.event, seen.fields
        key = self._sources.name(seen.source, event.source)
        of, has = self._of[key], self._has[key]
        of[_ALL] += 1
        if isinstance(event, Transaction):
            has[f"kind {event.kind}"] += 1
            if event.kind in OF_A_PURCHASE:
                of[_ORIGINAL] += 1
                has[_ORIGINAL] += event.original_time is not None
            return
        has[f"type {fields.get('type')}"] += 1
        if isinstance(event, Contact):
            names = _CONTACT
        elif isinstance(event, Profile):
            names = _PROFILE
        else:
            return
        of.update(names)
        for name in names:
            value = fields.get(name)
            if value is not None:
                has[name] += 1
                if value is True:
                    self._true[key][name] += 1

    def answer(self) -> Answer:
        """Return which groups of fields no contact has."""
        contacts = self._of_contacts(self._has)
        events = self._of_contacts(self._of)["resolution"]
        there = [group for group, names in GROUPS.items() if any(contacts[name] for name in names)]
        missing = [group for group in GROUPS if group not in there]
        always = self._always_true(events)
        filled = percent(contacts["resolution"], events)
        figure = f"{len(there)} of {len(GROUPS)} groups of contact fields; {filled} say the resolution"
        if not events:
            verdict, figure, advice = (
                Verdict.BAD,
                "no contact",
                "Send contacts: without one nothing opens an episode.",
            )
        elif not there:
            verdict = Verdict.BAD
            advice = (
                "Send at least the resolution, or how the contact ended: nothing here tells a bad contact."
            )
        elif missing:
            verdict = Verdict.LOOK
            advice = f"Ask whether these can be had: {', '.join(missing)}."
        elif always:
            verdict = Verdict.LOOK
            advice = f"Look at {', '.join(always)}: true of nearly every contact, so it tells nothing."
        else:
            verdict, advice = Verdict.GOOD, "Nothing: every group of fields occurs."
        return Answer(self.question, verdict, figure, advice, tuple(self._details()))

    @staticmethod
    def _of_contacts(counts: _Counts) -> Counter[str]:
        total = Counter[str]()
        for (source, _), mine in counts.items():
            if source is Input.CONTACTS:
                total.update(mine)
        return total

    def _always_true(self, contacts: int) -> list[str]:
        true = self._of_contacts(self._true)
        return [one for one in _BAD_SIGNS if contacts >= _LEAST and true[one] >= _ALWAYS * contacts]

    def _details(self) -> Iterator[Detail]:
        for key in sorted(self._of):
            of, has, true = self._of[key], self._has[key], self._true[key]
            kinds = [name for name in has if name not in of]
            for name in [*kinds, *(one for one in of if one != _ALL)]:
                events = of[name] if name in of else of[_ALL]
                yield {
                    "input": key[0].value,
                    "source": key[1],
                    "field": name,
                    "events": events,
                    "share": share(has[name], events),
                    "true share": share(true[name], has[name]) if name in BOOLEANS and has[name] else None,
                }
