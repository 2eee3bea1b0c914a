"""How long no broker has answered, and when that is too long."""

import pytest

from streams.runtime.worker.broker_liveness import BrokerLiveness


class Hands:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> float:
        """Return the time."""
        return self.at


@pytest.mark.parametrize(
    ("seconds", "missed"),
    [
        (19.5, None),
        (20.0, None),
        (20.5, "Kafka has not answered for 20 s"),
        (61, "Kafka has not answered for 61 s"),
    ],
)
def test_what_is_longer_than_the_limit_is_told(seconds: float, missed: str | None) -> None:
    hands = Hands()
    answers = BrokerLiveness(20.0, hands.now)
    hands.at += 50
    answers.note_answer()
    hands.at += seconds
    assert (answers.silent_seconds, answers.problem) == (seconds, missed)


def test_an_answer_puts_it_right() -> None:
    hands = Hands()
    answers = BrokerLiveness(20.0, hands.now)
    told = []
    for _ in range(2):
        hands.at += 21
        told.append(answers.problem)
        answers.note_answer()
        told.append(answers.problem)
    assert told == ["Kafka has not answered for 21 s", None] * 2


def test_without_any_answer_it_counts_from_the_start() -> None:
    hands = Hands()
    answers = BrokerLiveness(20.0, hands.now)
    hands.at += 21
    assert answers.problem == "Kafka has not answered for 21 s"
