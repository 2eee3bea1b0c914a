"""Replays of made-up towns, and what a user reads of them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.cases.world import Event, World
from tests.lab.others import words
from tests.lab.towns import lines_of, run

RULESETS: Final = (None, "1", "2")
"""For faults that are no rule of detection: what decides where nobody says so, and the two older ones."""

Levels = dict[str, str]
"""The hour at which each level was first reached."""

CONTROL: Final[dict[str | None, Levels]] = {
    None: {"watch": "2026-09-06T04", "alert": "2026-09-14T16"},
    "1": {"watch": "2026-09-03T22", "alert": "2026-09-07T17"},
    "2": {"watch": "2026-09-06T04", "alert": "2026-09-14T16"},
}
"""What becomes of who stops after the bad contact, by ruleset."""


@dataclass(frozen=True)
class Run:
    """What a replay left to read."""

    code: int
    said: str
    """All that was printed, in lower case, one blank between words, numbers without commas."""
    alerts: list[dict[str, Any]]
    letters: list[Event]

    def of(self, who: str) -> list[dict[str, Any]]:
        """Return a customer's records, in order."""
        return [alert for alert in self.alerts if alert["customer_id"] == who]

    def levels(self, who: str) -> Levels:
        """Return when a customer reached which level."""
        levels: Levels = {}
        for alert in self.of(who):
            if alert["state"] != "resolved":
                levels.setdefault(alert["level"], alert["time"][:13])
        return levels

    def refused(self) -> list[str]:
        """Return reason and detail of what was refused, in the order of the lines."""
        return [f"{letter['reason']}: {letter['detail']}" for letter in self.letters]


def replayed(directory: Path, *options: object, ruleset: str | None = None) -> Run:
    """Replay a directory as a user does; what is written goes beside it."""
    beside = directory.parent / f"{directory.name}-{ruleset or 'default'}"
    beside.mkdir()
    alerts, dead = beside / "alerts.jsonl", beside / "dead.jsonl"
    rules = () if ruleset is None else ("--ruleset", ruleset)
    done = run("replay", directory, "--alerts", alerts, "--dead-letters", dead, *rules, *options)
    assert "Traceback" not in done.out + done.err
    return Run(done.code, words(done), _read(alerts), _read(dead))


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines_of(path)] if path.exists() else []


def town(customers: dict[str, list[Event]], crowd: int = 200) -> World:
    """Return a world of the crowd and these customers."""
    world = World(crowd)
    for who, events in customers.items():
        world.add(who, events)
    return world


def explained(directory: Path, who: str) -> str:
    """Return what `explain` tells of a customer, as `Run.said`."""
    return words(run("explain", directory, "--customer", who))


def later(levels: Levels, than: Levels) -> bool:
    """Tell whether an alert came, and later than another."""
    return than["alert"] < levels.get("alert", "")


def names(cases: Iterable[str]) -> list[str]:
    """Return the names of cases in order, for `parametrize`."""
    return sorted(cases)
