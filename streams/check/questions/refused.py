"""10: what is refused, and why."""

from collections import Counter
from typing import Final

from schemas.dead_letter import Reason
from schemas.events import Refusal
from streams.check.answer import Answer, Verdict, counted, percent, share
from streams.check.questions.currencies import SETTING
from streams.core.watermark import Input

_BAD: Final = 0.01
_MOST: Final = 500
_DETAILS: Final = 20
_ADVICE: Final = {
    Reason.NOT_JSON: "Send one JSON object a record, in UTF-8",
    Reason.TOO_LARGE: "Send smaller records",
    Reason.SCHEMA: "Mend the fields that the table names (docs/forms.md has what is accepted)",
    Reason.UNKNOWN_TYPE: "Send only what belongs on the input",
    Reason.KEY_MISMATCH: "Key each record by its customer_id",
    Reason.WRONG_PARTITION: "Use Kafka's default partitioner (murmur2) in every producer",
    Reason.CURRENCY: f"Add the exchange_rate, or set {SETTING}",
    Reason.FUTURE: "Mend the clock or the zone of the sender",
    Reason.TOO_LATE: "Send events in the order of their time",
    Reason.INTERNAL: "Report it: this should not happen",
}


class Refused:
    """Counts refusals by reason and rule, never a value."""

    question = "What is refused?"

    def __init__(self) -> None:
        self._counts: Counter[tuple[Input, Reason, str]] = Counter()

    def take(self, source: Input, refusal: Refusal) -> None:
        """Count a refusal."""
        key = source, refusal.reason, refusal.detail
        if key not in self._counts and len(self._counts) >= _MOST:
            key = source, refusal.reason, "(other rules)"
        self._counts[key] += 1

    def answer(self, lines: Counter[Input]) -> Answer:
        """Return how many of the lines of each input are refused."""
        refused, by_reason = Counter[Input](), Counter[Reason]()
        for (source, reason, _), count in self._counts.items():
            refused[source] += count
            by_reason[reason] += count
        total = lines.total()
        reasons = ", ".join(f"{count:,} {reason.value}" for reason, count in by_reason.most_common(3))
        figure = f"{refused.total():,} of {total:,}: {percent(refused.total(), total)}"
        figure += f" ({reasons})" if reasons else ""
        if not total:
            return Answer(
                self.question, Verdict.BAD, "nothing was read", "Send something: no input has a line."
            )
        if not by_reason:
            return Answer(self.question, Verdict.GOOD, figure, "Nothing: all can be read.")
        worst = max(share(refused[one], lines[one]) for one in lines)
        verdict = Verdict.BAD if worst > _BAD else Verdict.LOOK
        advice = f"{_ADVICE[by_reason.most_common(1)[0][0]]}: {counted(refused.total(), 'record')} are lost."
        details = tuple(
            {"input": source.value, "reason": reason.value, "rule": rule, "count": count}
            for (source, reason, rule), count in self._counts.most_common(_DETAILS)
        )
        return Answer(self.question, verdict, figure, advice, details)
