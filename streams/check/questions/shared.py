"""8: ids that many people share: a guest, a till, a shop. The core sets them apart; their events are lost."""

from typing import Final

from streams.check.answer import Answer, Verdict, percent, share
from streams.check.seen import End

_BAD: Final = 0.1
_HEAVY: Final = 0.05
_LEAST: Final = 100


class Shared:
    """Asks the core which ids it sets apart, and looks for one that has very much."""

    question = "Do many people share an id?"

    def answer(self, end: End) -> Answer:
        """Return how many ids are shared, and what share of purchases and contacts they carry."""
        purchases, contacts = end.people.purchases.total(), end.people.contacts.total()
        shared = [one for one in end.busiest if one.standing is not None and one.standing.shared]
        theirs = sum(one.purchases for one in shared)
        talks = sum(one.contacts for one in shared)
        heaviest = max((one.purchases for one in end.busiest), default=0)
        many = "1 id" if len(shared) == 1 else f"{len(shared):,} ids"
        figure = (
            f"{many} set apart, with {percent(theirs, purchases)} of purchases and "
            f"{percent(talks, contacts)} of contacts; the busiest has {percent(heaviest, purchases)}"
        )
        worst = max(share(theirs, purchases), share(talks, contacts))
        if shared:
            verdict = Verdict.BAD if worst > _BAD else Verdict.LOOK
            advice = "Send the customer's own id where it is known, and nothing where it is not."
        elif end.of >= _LEAST and share(heaviest, purchases) > _HEAVY:
            verdict = Verdict.LOOK
            advice = "Look at the busiest id: it may be a guest or a shop; if so, name it in shared_ids."
        else:
            verdict, advice = Verdict.GOOD, "Nothing: no id is busier than one person may be."
        return Answer(self.question, verdict, figure, advice)
