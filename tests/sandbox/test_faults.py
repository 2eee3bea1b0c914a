"""Faults to order: their shares, the limit of requests, the seed."""

from collections import Counter

import pytest
from pydantic import ValidationError

from streams.sandbox.faults import Fault, Faults, FaultSettings


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def test_without_settings_nothing_is_done() -> None:
    faults = Faults(FaultSettings(), Clock())
    assert {faults.draw() for _ in range(1000)} == {None}


def test_shares_come_as_they_are_set_and_the_same_for_a_seed() -> None:
    settings = FaultSettings(fail=0.2, slow=0.1, hang=0.05, seed=7)
    first, second = Faults(settings, Clock()), Faults(settings, Clock())
    drawn = [first.draw() for _ in range(10_000)]
    assert drawn == [second.draw() for _ in range(10_000)]
    counts = Counter(drawn)
    assert counts[Fault.FAIL] == pytest.approx(2000, rel=0.1)
    assert counts[Fault.SLOW] == pytest.approx(1000, rel=0.1)
    assert counts[Fault.HANG] == pytest.approx(500, rel=0.15)
    first.change(settings)
    assert [first.draw() for _ in range(100)] == drawn[:100]


def test_the_limit_holds_over_any_time_and_says_when_to_come_back() -> None:
    clock = Clock()
    faults = Faults(FaultSettings(rate=2), clock)
    assert [faults.draw() for _ in range(3)] == [None, None, Fault.RATE]
    assert faults.retry_after == 1
    clock.now += 0.5
    assert [faults.draw() for _ in range(2)] == [None, Fault.RATE]
    clock.now += 3600
    assert [faults.draw() for _ in range(3)] == [None, None, Fault.RATE]


def test_a_slow_limit_admits_one_and_then_asks_for_patience() -> None:
    clock = Clock()
    faults = Faults(FaultSettings(rate=0.1), clock)
    assert [faults.draw() for _ in range(2)] == [None, Fault.RATE]
    assert faults.retry_after == 10
    clock.now += 10
    assert faults.draw() is None


@pytest.mark.parametrize(
    "given",
    [
        {"fail": 1.5},
        {"fail": -0.1},
        {"fail": float("nan")},
        {"fail": 0.6, "slow": 0.6},
        {"rate": 0},
        {"slow_seconds": -1},
        {"no_such": 1},
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        FaultSettings.model_validate(given)
