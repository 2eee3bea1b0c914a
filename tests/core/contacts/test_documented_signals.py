"""The table of docs/detection.md that says what single signals and pairs come to."""

from pathlib import Path
from typing import Any

import pytest

from streams.core.contacts.frustration import frustration, known
from streams.core.contacts.repeats import weigh
from streams.core.ruleset import DEFAULT
from streams.core.spend.evidence import Pace, Since, Yardstick, hours_until
from streams.core.time import DAY_HOURS
from tests.core.drive import HOME, contact

IRREGULARITIES = (3.0, 6.0, 12.0)
PAGE = Path(__file__).parents[3] / "docs" / "detection.md"
UNRESOLVED: dict[str, Any] = {"resolution": "unresolved"}
ROWS: list[tuple[str, list[dict[str, Any]]]] = [
    ("csat = 1, or ces <= 2, or effort <= -4", [{"csat": 1}]),
    ("unresolved, or escalation refused, or first reply after a day", [UNRESOLVED]),
    ("two cold transfers", [{"transfers_cold": 2}]),
    ("complaint", [{"complaint": True}]),
    ("cut off, or called back about the same", [{"ended_by": "agent"}]),
    ("two warm transfers", [{"transfers_warm": 2}]),
    ("sent to another channel, or given up in the menu", [{"deflected_to": "chat"}]),
    ("given up in the queue", [{"ended_stage": "queue", "ended_by": "customer", "queue_seconds": 121.0}]),
    ("complaint, and two warm transfers", [{"complaint": True, "transfers_warm": 2}]),
    ("cut off, and called back", [{"ended_by": "agent"}, {"resolution": "resolved"}]),
    ("unresolved, and sent to another channel", [UNRESOLVED | {"deflected_to": "chat"}]),
    ("unresolved, and cut off or called back", [UNRESOLVED | {"ended_by": "agent"}]),
    ("csat = 1, and cut off or called back", [{"csat": 1, "ended_by": "agent"}]),
]


def nats_of(contacts: list[dict[str, Any]]) -> float:
    """Return F after contacts of one minute."""
    made = [known(contact("a", HOME + at, f"k{at}", **one), DEFAULT) for at, one in enumerate(contacts)]
    weigh(made, DEFAULT)
    return frustration(made, DEFAULT)


def quiet_days(nats: float, target: float, irregularity_days: float) -> float:
    """Return after how many days without a trip or a cent the log-odds reach a target."""
    pace = Pace(1_000, 1.0, irregularity_days, irregularity_days)
    yardstick = Yardstick(1_000, irregularity_days, 0, pace)
    hours = hours_until(yardstick, target - nats - DEFAULT.prior, Since(0, 0, 0.0), DEFAULT)
    assert hours is not None
    return max(0, hours) / DAY_HOURS


def row(what: str, contacts: list[dict[str, Any]]) -> str:
    nats = nats_of(contacts)
    if nats < DEFAULT.opening_frustration:
        return f"| {what} | {nats:.2f} | no episode | | |"
    cells = [
        " / ".join(f"{quiet_days(nats, level, irregularity):.1f}" for level in DEFAULT.levels)
        for irregularity in IRREGULARITIES
    ]
    return f"| {what} | {nats:.2f} | {' | '.join(cells)} |"


@pytest.mark.parametrize(("what", "contacts"), ROWS, ids=[what for what, _ in ROWS])
def test_a_row_says_what_the_rules_do(what: str, contacts: list[dict[str, Any]]) -> None:
    assert row(what, contacts) in PAGE.read_text(encoding="utf-8").splitlines()
