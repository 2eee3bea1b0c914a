"""3: how far events come out of order, and so which allowed lateness to set."""

import math
from collections import Counter, defaultdict
from typing import Final

from streams.check.answer import Answer, Detail, Verdict, percent, share, span
from streams.check.seen import Seen
from streams.core.time import HOUR_MS, MINUTE_MS, SECOND_MS
from streams.core.watermark import FACTS, NEVER, Input

_STEPS: Final = 64
"""Buckets for each doubling: a quantile is told to within 1.1 %."""
_QUANTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}
_SETTINGS: Final = (5_000, 10_000, 30_000, MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS)
"""What to allow, in ms; what comes later is a delivery of its own, by the day."""
_FEW: Final = 0.01
_TOO_LATE: Final = 0.01


class Lateness:
    """Keeps the distribution of how far each event is behind the newest before it, in buckets."""

    question = "How late do events come?"

    def __init__(self, lateness_ms: int) -> None:
        self._lateness_ms = lateness_ms
        self._buckets: defaultdict[Input, Counter[int]] = defaultdict(Counter)
        self._late: Counter[Input] = Counter()
        self._most: Counter[Input] = Counter()
        self._too_late: Counter[Input] = Counter()

    def take(self, seen: Seen) -> None:
        """Note an event."""
        behind = 0 if seen.newest == NEVER else max(0, seen.newest - seen.event.time)
        self._note(seen.source, behind)
        self._late[seen.source] += seen.late

    def take_too_late(self, source: Input, behind: int) -> None:
        """Note an event that is refused because it comes more than 8 days late (ms)."""
        self._note(source, behind)
        self._late[source] += 1
        self._too_late[source] += 1

    def _note(self, source: Input, behind: int) -> None:
        self._buckets[source][round(_STEPS * math.log2(behind)) if behind else -1] += 1
        self._most[source] = max(self._most[source], behind)

    def answer(self) -> Answer:
        """Return the share that is late, and the lateness to allow."""
        facts = [one for one in FACTS if self._buckets[one]]
        if not facts:
            return Answer(self.question, Verdict.BAD, "nothing to tell", "Send purchases and contacts.")
        events = sum(self._buckets[one].total() for one in facts)
        late, too_late = sum(self._late[one] for one in facts), sum(self._too_late[one] for one in facts)
        worst = max(self._quantile(one, _QUANTILES["p99"]) for one in facts)
        figure = f"{percent(late, events)} late at {span(self._lateness_ms)}; 99 % within {span(worst)}"
        verdict, advice = self._verdict(share(late, events), share(too_late, events), worst)
        return Answer(self.question, verdict, figure, advice, tuple(map(self._detail, facts)))

    def _verdict(self, late: float, too_late: float, worst: float) -> tuple[Verdict, str]:
        if too_late > _TOO_LATE:
            return Verdict.BAD, (
                "Send events in the order of their time: more than 8 days behind they are refused."
            )
        if late <= _FEW:
            return Verdict.GOOD, f"Leave the allowed lateness at {span(self._lateness_ms)}."
        fit = next((one for one in _SETTINGS if one >= worst), None)
        if fit is None:
            return Verdict.LOOK, (
                f"Leave the allowed lateness at {span(self._lateness_ms)}, and set settle_hours = 24 in the "
                "ruleset: some events come by the day."
            )
        return Verdict.LOOK, (
            f"Set allowed_lateness_seconds = {fit // SECOND_MS} in the ruleset: decisions wait that long, "
            "and 99 % come in time."
        )

    def _quantile(self, source: Input, share_of: float) -> float:
        """Return the behind (ms) that so large a share does not exceed."""
        buckets = self._buckets[source]
        least = math.ceil(share_of * buckets.total())
        passed = 0
        for bucket in sorted(buckets):
            passed += buckets[bucket]
            if passed >= least:
                return 0.0 if bucket < 0 else min(2 ** (bucket / _STEPS), self._most[source])
        return 0.0

    def _detail(self, source: Input) -> Detail:
        events = self._buckets[source].total()
        quantiles = {
            f"{name} seconds": round(self._quantile(source, one) / SECOND_MS, 3)
            for name, one in _QUANTILES.items()
        }
        return {
            "input": source.value,
            "events": events,
            **quantiles,
            "max seconds": self._most[source] / SECOND_MS,
            "late share": share(self._late[source], events),
            "too late share": share(self._too_late[source], events),
        }
