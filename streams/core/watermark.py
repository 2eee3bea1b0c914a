"""Event time of one partition: a clock for each input, and the watermark of the two that carry facts."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

TOO_LATE_MS: Final = 8 * 24 * 3_600_000
"""A record is refused when it comes more than this behind its input's clock; ids are kept as long."""

FUTURE_MS: Final = 5 * 60_000
"""A record is refused when it is more than this ahead of its append; in a file, of the wall clock."""

NEVER: Final = -(1 << 62)
"""Before all time: the clock of an input that has said nothing yet."""


class Input(StrEnum):
    """The topics a partition reads, by name; those that others write are files in a directory as well."""

    TRANSACTIONS = "transactions"
    CONTACTS = "contacts"
    CUSTOMERS = "customers"
    DISPOSITIONS = "dispositions"
    MOVES = "moves"
    """Histories of merged customers, from one partition to another: the product's own."""


GIVEN: Final = (Input.TRANSACTIONS, Input.CONTACTS, Input.CUSTOMERS, Input.DISPOSITIONS)
"""What others write."""


FACTS: Final = (Input.TRANSACTIONS, Input.CONTACTS)


@dataclass(slots=True)
class Clock:
    """The event time of one input: `max(largest accepted time - allowed lateness, largest tick)`."""

    lateness_ms: int
    now: int = NEVER
    alive: int = NEVER
    """The largest accepted time of what shows that the feed lives, ticks included."""
    beside: int = NEVER
    """The largest accepted time of all else: refunds go on when purchases have died."""

    @property
    def newest(self) -> int:
        """Return the largest time accepted, ticks included."""
        return max(self.alive, self.beside)

    def accept(self, time: int, most: int = -NEVER, *, lives: bool = True) -> None:
        """Note an accepted record, which moves the clock as if its time were `most` at most.

        `lives` says whether it shows that the feed lives.
        """
        if lives:
            self.alive = max(self.alive, time)
        else:
            self.beside = max(self.beside, time)
        self.now = max(self.now, min(time, most) - self.lateness_ms)

    def tick(self, time: int) -> None:
        """Note a feed's tick."""
        self.alive = max(self.alive, time)
        self.move(time)

    def move(self, time: int) -> None:
        """Move to a time up to which the input is known to be complete."""
        self.now = max(self.now, time)

    def effective_time(self, time: int) -> int:
        """Return when a record with this time counts as having come; it is late if that is `now`."""
        return max(time, self.now)


def watermark(clocks: dict[Input, Clock]) -> int:
    """Return the event time up to which the facts of a partition are complete."""
    return min(clocks[one].now for one in FACTS)
