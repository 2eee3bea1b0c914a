"""5: which currencies there are, and whether each event says its rate."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from schemas.events import Transaction
from streams.check.answer import Answer, Detail, Verdict, counted, percent, share
from streams.check.seen import Seen
from streams.core.watermark import Input

_CODE: Final = re.compile(r"[A-Z]{3}")
_MOST: Final = 200
_BAD: Final = 0.01
SETTING: Final = "the reporting currency (RETENTION_REPORTING_CURRENCY)"


class Currencies:
    """Counts currencies, and those that come without a rate."""

    question = "Which currencies are there, and does each have its rate?"

    def __init__(self, reporting: str) -> None:
        self._reporting = reporting
        self._counts: Counter[str] = Counter()
        self._without: Counter[str] = Counter()

    def take(self, seen: Seen) -> None:
        """Count the currency of a transaction."""
        if isinstance(seen.event, Transaction):
            self._count(seen.fields)

    def take_refused(self, source: Input, fields: Mapping[str, Any]) -> None:
        """Count the currency of a line that was refused for it."""
        if source is Input.TRANSACTIONS:
            self._without[self._count(fields)] += 1

    def _count(self, fields: Mapping[str, Any]) -> str:
        code = fields.get("currency")
        if code is None:
            return ""
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            code = "?"
        if code not in self._counts and len(self._counts) >= _MOST:
            code = "others"
        self._counts[code] += 1
        return code

    def answer(self) -> Answer:
        """Return the currencies, the commonest first."""
        total, without = self._counts.total(), self._without.total()
        common = ", ".join(f"{code} {percent(count, total)}" for code, count in self._counts.most_common(3))
        more = f" and {len(self._counts) - 3} more" if len(self._counts) > 3 else ""
        figure = f"{common or 'no amount'}{more}; {without:,} without a rate"
        if without:
            verdict = Verdict.BAD if share(without, total) > _BAD else Verdict.LOOK
            advice = (
                f"Add exchange_rate ({self._reporting} for one unit) to {counted(without, 'event')}, or set "
                f"{SETTING}: they are refused."
            )
        else:
            verdict, advice = Verdict.GOOD, "Nothing: every amount can be counted."
        details: tuple[Detail, ...] = tuple(
            {"currency": code, "events": count, "without a rate": self._without[code]}
            for code, count in self._counts.most_common()
        )
        return Answer(self.question, verdict, figure, advice, details)
