"""2: whether the two streams name customers in the same way."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from streams.check.answer import Answer, Detail, Verdict, percent, share
from streams.check.seen import End

_PREFIX: Final = re.compile(r"^[^\W\d_]+[\W_]*(?=\d)")
FORMS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {
        "upper and lower case": str.casefold,
        "spaces": lambda one: "".join(one.split()),
        "leading zeros": lambda one: one.lstrip("0"),
        "a prefix": lambda one: _PREFIX.sub("", one),
        "all of these": lambda one: _PREFIX.sub("", "".join(one.split()).casefold()).lstrip("0"),
    }
)
"""What may be left out of an id: two that are equal without it may be of one customer."""
_BAD: Final = 0.5
_GOOD: Final = 0.9


class Ids:
    """Compares the ids of purchases and contacts; only counts are told."""

    question = "Do the ids of purchases and contacts match?"

    def answer(self, end: End) -> Answer:
        """Return the share of contacts whose customer has purchases, and what would make more match."""
        bought = end.people.purchases.keys() | end.people.ended
        contacts = end.people.contacts
        total = contacts.total()
        matched = sum(count for one, count in contacts.items() if one in bought)
        valuable = [one for one in end.persons if one.standing is not None and one.standing.valuable]
        reached = sum(one.contacts > 0 for one in valuable)
        figure = (
            f"{percent(matched, total)} of contacts are of customers with purchases; "
            f"{percent(reached, len(valuable))} of {len(valuable):,} high-value customers have a contact"
        )
        if not total or not bought:
            what = "contacts" if bought else "purchases"
            return Answer(self.question, Verdict.BAD, f"no {what}", f"Send {what}: it takes both streams.")
        strangers = [one for one in contacts if one not in bought]
        forms = {name: _would_match(strangers, bought, form) for name, form in FORMS.items()}
        best = max(forms, key=lambda name: forms[name])  # the first of those that do as well
        details: list[Detail] = [
            {"ids that differ by": name, "would match": count} for name, count in forms.items()
        ]
        verdict, advice = _verdict(share(matched, total), forms[best], best)
        if verdict is Verdict.BAD and end.sampled:
            verdict, advice = (
                Verdict.LOOK,
                "Ask again with --all: a sample may hold other days of each stream.",
            )
        return Answer(self.question, verdict, figure, advice, tuple(details))


def _verdict(matched: float, more: int, form: str) -> tuple[Verdict, str]:
    if more:
        verdict = Verdict.BAD if matched < _BAD else Verdict.LOOK
        many = "1 id of a contact" if more == 1 else f"{more:,} ids of contacts"
        return verdict, f"Write ids alike in both: {many} would match but for {form}."
    if matched < _BAD:
        return Verdict.BAD, "Map the ids of contacts to those of purchases: most contacts find no customer."
    if matched < _GOOD:
        return Verdict.LOOK, "Ask who the others are: customers who never bought, or ids of another system."
    return Verdict.GOOD, "Nothing: both streams name customers alike."


def _would_match(strangers: Iterable[str], bought: Iterable[str], form: Callable[[str], str]) -> int:
    """Return how many more ids would match without something; a form that two buyers share tells nothing."""
    known = Counter(map(form, bought))
    return sum(known[formed] == 1 for one in strangers if (formed := form(one)))
