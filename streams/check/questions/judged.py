"""7: how many customers can be judged at all, by the rules of the core, and what keeps the others from it."""

from collections import Counter
from typing import Final

from streams.check.answer import Answer, Detail, Verdict, counted, percent
from streams.check.seen import End, Person
from streams.core.ruleset import Ruleset
from streams.core.spend.baseline import BLOCK_DAYS

JUDGED: Final = "can be judged"
_SHARED: Final = "shared by many"
_NEVER: Final = "never bought"
_SHORT: Final = "history too short"
_NOTHING: Final = "bought nothing after the first weeks"
_SMALL: Final = "too few buyers in the partition"
_LOW: Final = "not of high value"


class CanBeJudged:
    """Asks the core how each customer stands at the end."""

    question = "How many customers can be judged?"

    def __init__(self, rules: Ruleset) -> None:
        self._rules = rules

    def answer(self, end: End) -> Answer:
        """Return how many can be, and why others can't."""
        small = sum(cutoff is None for cutoff in end.cutoffs)
        reasons = Counter(self._reason(one, end.cutoffs[one.partition]) for one in end.persons)
        judged, asked = reasons[JUDGED], len(end.persons)
        buyers = asked - reasons[_NEVER]
        about = f" (of a sample of {asked:,})" if asked < end.of else ""
        figure = f"{judged:,} of {buyers:,} who bought: {percent(judged, buyers)}{about}"
        verdict, advice = self._verdict(judged, small, end, reasons)
        if verdict is Verdict.BAD and end.sampled:
            verdict, advice = Verdict.LOOK, "Ask again with --all: a sample holds too little history to tell."
        details: tuple[Detail, ...] = tuple(
            {"customers": reason, "count": count} for reason, count in reasons.most_common()
        )
        return Answer(self.question, verdict, figure, advice, details)

    def _reason(self, person: Person, cutoff: int | None) -> str:
        standing = person.standing
        if standing is None or person.purchases == 0:
            return _NEVER
        if standing.shared:
            return _SHARED
        if not standing.judged:
            return _SHORT if standing.blocks < self._rules.minimum_blocks else _NOTHING
        if not standing.valuable:
            return _SMALL if cutoff is None else _LOW
        return JUDGED

    def _verdict(self, judged: int, small: int, end: End, reasons: Counter[str]) -> tuple[Verdict, str]:
        least, weeks = self._rules.population_minimum, self._rules.minimum_blocks * BLOCK_DAYS // 7
        if small:
            verdict = Verdict.LOOK if judged else Verdict.BAD
            if sum(end.spenders) >= least and len(end.cutoffs) > 1:
                what = (
                    "Use fewer partitions (`--partitions 1`; of new topics RETENTION_PARTITIONS): "
                    f"{small} of {len(end.cutoffs)} have fewer than {least} buyers"
                )
            else:
                what = f"Send more customers: it takes {least} who bought to tell who is of high value"
            return verdict, f"{what}."
        if not judged:
            return Verdict.BAD, f"Send a longer history: a customer needs {weeks} weeks before the contact."
        if reasons[_SHORT] > sum(reasons.values()) // 2:
            short = counted(reasons[_SHORT], "customer")
            return (
                Verdict.LOOK,
                f"Send a longer history if you have it: {short} have less than {weeks} weeks.",
            )
        return Verdict.GOOD, "Nothing: the others are of lower value, or too new."
