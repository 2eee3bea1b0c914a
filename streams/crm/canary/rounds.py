"""How far each round of the canary is: contact, case, disposition, close. Pure: times are given, in ms."""

from dataclasses import dataclass

from streams.crm.canary.customers import Canary


@dataclass(slots=True)
class Round:
    """The rounds of one synthetic customer, one after the other."""

    canary: Canary
    began_ms: int
    every_ms: int
    offset_ms: int
    """How much earlier than the first one's its turns begin."""
    turn: int | None = None
    """The turn of its last bad contact, counted since 1970."""
    contacted_ms: int | None = None
    answered_ms: int | None = None
    closed_ms: int | None = None
    bought_day: int | None = None

    def turn_of(self, now_ms: int) -> int | None:
        """Return the turn that it is time for; None if that one had its contact."""
        turn = (now_ms + self.offset_ms) // self.every_ms
        return None if turn == self.turn else turn

    def age_seconds(self, now_ms: int) -> float:
        """Return how long ago it last went the whole way, or began if it never did."""
        return (now_ms - (self.closed_ms or self.began_ms)) / 1000

    def delivered(self, now_ms: int) -> float | None:
        """Take the first message about the contact; return the seconds since it, None if there was none."""
        began, self.contacted_ms = self.contacted_ms, None
        return None if began is None else (now_ms - began) / 1000

    def answered(self, now_ms: int) -> None:
        """Note that the bridge took the disposition."""
        self.answered_ms = self.answered_ms or now_ms

    def closed(self, now_ms: int) -> float | None:
        """Take the close: the round is done; return the seconds since the disposition, if there was one."""
        began, self.answered_ms, self.closed_ms = self.answered_ms, None, now_ms
        return None if began is None else (now_ms - began) / 1000


def rounds(customers: list[Canary], now_ms: int, every_ms: int) -> dict[str, Round]:
    """Return a round for each, by customer_id; they take turns evenly."""
    step = every_ms // len(customers)
    return {one.customer_id: Round(one, now_ms, every_ms, step * turn) for turn, one in enumerate(customers)}
