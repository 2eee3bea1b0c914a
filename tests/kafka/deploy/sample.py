"""A synthetic history that ends now: who buys, and one who is treated badly and has bought nothing since."""

import json
from pathlib import Path
from typing import Final

from streams.core.time import DAY_MS
from tests.kafka.feeds import contact, purchase

UNHAPPY: Final = "sample-unhappy"
_DAYS: Final = 110
"""Nobody is judged before twelve weeks of purchases."""
_QUIET_DAYS: Final = 8
"""A watch opens with the contact and is an alert 7.6 days later; what is older than 8 days comes too late."""
_HAPPY: Final = 120
"""Enough for each of four partitions: nobody is judged among fewer than twenty who buy."""
_SEVERE: Final = {"complaint": True, "ended_by": "system", "repeated_information": True, "hold_seconds": 900}


def write_sample(folder: Path, now_ms: int) -> None:
    """Write `transactions.jsonl` and `contacts.jsonl`."""
    folder.mkdir(parents=True)
    happy = [f"sample-{number}" for number in range(_HAPPY)]
    bought = [
        (now_ms - day * DAY_MS - number * 500, one)
        for day in range(_DAYS)
        for number, one in enumerate(happy)
        if (day + number) % 2 == 0 or day == 0
    ]
    bought += [(now_ms - day * DAY_MS, UNHAPPY) for day in range(_QUIET_DAYS, _DAYS)]
    lines = [(at, purchase(one, at, amount="200.00" if one == UNHAPPY else "20.00")) for at, one in bought]
    wrong = now_ms - _QUIET_DAYS * DAY_MS + 3_600_000
    for name, found in (
        ("transactions", sorted(lines)),
        ("contacts", [(wrong, contact(UNHAPPY, wrong, **_SEVERE))]),
    ):
        (folder / f"{name}.jsonl").write_bytes(b"".join(line + b"\n" for _, line in found))
    assert all(json.loads(line) for _, line in lines)
