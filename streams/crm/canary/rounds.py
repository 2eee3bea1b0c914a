"""How far each round of the canary is: contact, case, disposition, close. Pure: times are given, in ms."""

from dataclasses import dataclass

from streams.crm.canary.customers import HALF_DAY_MS, Canary


@dataclass(slots=True)
class Round:
    """The rounds of one synthetic customer, one after the other."""

    canary: Canary
    began_ms: int
    every_ms: int
    offset_ms: int
    """How much earlier than the first one's its turns begin."""
    turn_ms: int | None = None
    """When the turn of its last bad contact began."""
    bought_half: int = 0
    """The half day of its last purchase, counted since 1970; at first this one: an earlier canary may have
    bought in it."""
    feed_end: int | None = None
    """Where the purchases of its partition ended then, or when it first looked."""
    answered_ms: int | None = None
    """When the bridge took the disposition of the case that is open."""
    closed_ms: int | None = None
    closed_by: str | None = None
    """The message that said so."""

    def __post_init__(self) -> None:
        self.bought_half = self.began_ms // HALF_DAY_MS

    # Bought and treated badly

    def looks_at_feed(self, now_ms: int) -> bool:
        """Return whether it has to know where the purchases end: at first, and before each purchase."""
        return self.feed_end is None or now_ms // HALF_DAY_MS != self.bought_half

    def buys(self, now_ms: int, end: int) -> bool:
        """Return whether it buys now: twice a day, when others bought since; `end` is where purchases end.

        Where nobody else buys it doesn't either: a feed that is broken has to look like one.
        """
        if self.feed_end is None:
            self.feed_end = end
        return now_ms // HALF_DAY_MS != self.bought_half and end != self.feed_end

    def bought(self, now_ms: int, end: int) -> None:
        """Note a purchase, and where the purchases end after it."""
        self.bought_half, self.feed_end = now_ms // HALF_DAY_MS, end

    def turn_of(self, now_ms: int) -> int | None:
        """Return when the turn began that it is time for; None if that one had its contact.

        A change of `every_ms` leaves later turns later.
        """
        turn_ms = (now_ms + self.offset_ms) // self.every_ms * self.every_ms - self.offset_ms
        return None if turn_ms == self.turn_ms else turn_ms

    # Come back

    def answered(self, now_ms: int) -> None:
        """Note that the bridge took a disposition that closes the case."""
        if self.answered_ms is None:
            self.answered_ms = now_ms

    def ended(self) -> None:
        """Note that the case ended by itself."""
        self.answered_ms = None

    def closed(self, message_id: str, now_ms: int) -> bool:
        """Take that a disposition closed the case: a round is done, False if the message is known."""
        if message_id == self.closed_by:
            return False
        self.answered_ms, self.closed_by, self.closed_ms = None, message_id, now_ms
        return True

    def age_seconds(self, now_ms: int) -> float:
        """Return how long ago it last went the whole way, or began if it never did."""
        since = self.began_ms if self.closed_ms is None else self.closed_ms
        return max(0, now_ms - since) / 1000


def rounds(customers: list[Canary], now_ms: int, every_ms: int) -> dict[str, Round]:
    """Return a round for each, by customer_id; they take turns evenly."""
    step = every_ms // len(customers)
    return {one.customer_id: Round(one, now_ms, every_ms, step * turn) for turn, one in enumerate(customers)}
