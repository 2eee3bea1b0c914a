"""When so much is refused that it can't be single records: a limit on dead letters."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from schemas.dead_letter import Reason

EXPECTED: Final = frozenset({Reason.CURRENCY, Reason.FUTURE, Reason.TOO_LATE})
"""Refusals that count as records that were read: the message is sound, and a rule of ours declines it.

They come in any share of a healthy feed, as orders in a currency without a rate do.
"""

IN_A_ROW: Final = 1_000
"""As many refused one after the other stop a partition; of these and those below, not the expected ones."""

WINDOW: Final = 10_000
SHARE: Final = 0.1
"""More than this share of the last WINDOW records stops a partition."""


class PoisonLimit:
    """Counts the refused among the records of one partition, but for those that are expected."""

    def __init__(self) -> None:
        self._seen = 0
        self._recent: deque[int] = deque()
        self._row = 0
        self.exceeded: str | None = None
        """Why the partition has to stop; None while it need not."""

    def note(self, records: int, refused: Iterable[int]) -> None:
        """Note a batch: how many records, and the indices of the refused ones, ascending."""
        follows = self._seen - 1
        for index in refused:
            at = self._seen + index
            self._row = self._row + 1 if self._recent and self._recent[-1] == at - 1 else 1
            self._recent.append(at)
            while self._recent[0] <= at - WINDOW:
                self._recent.popleft()
            self._judge()
            follows = at
        self._seen += records
        if follows != self._seen - 1:
            self._row = 0

    def _judge(self) -> None:
        if self.exceeded is not None:
            return
        if self._row >= IN_A_ROW:
            self.exceeded = f"{IN_A_ROW:,} records in a row were refused"
        elif len(self._recent) > SHARE * WINDOW:
            self.exceeded = f"more than {SHARE:.0%} of the last {WINDOW:,} records were refused"
