"""Replays of made-up datasets, what a user reads of them, and whether its words agree with its figures."""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.cases.world import MINUTE, Event, World, at
from tests.lab.datasets import lines_of, run
from tests.lab.others import words

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


MANY: Final = ("--partitions", 8)
"""For datasets of many who stop at once: else they would be a broken feed. They take a crowd of 300."""
ONE: Final = ("--partitions", 1)
"""For one customer or a few, with a crowd of 60."""


def dataset(customers: dict[str, list[Event]], crowd: int = 200) -> World:
    """Return a world of the crowd and these customers."""
    world = World(crowd)
    for who, events in customers.items():
        world.add(who, events)
    return world


def explained(directory: Path, who: str) -> str:
    """Return what `explain` tells of a customer, as `Run.said`."""
    return words(run("explain", directory, "--customer", who, *MANY))


def later(levels: Levels, than: Levels) -> bool:
    """Return whether an alert came, and later than another."""
    return than["alert"] < levels.get("alert", "")


def names(cases: Iterable[str]) -> list[str]:
    """Return the names of cases in order, for `parametrize`."""
    return sorted(cases)


def alert_of(seen: Run, who: str) -> dict[str, Any]:
    """Return the first record of a customer at the level of an alert."""
    return next(one for one in seen.of(who) if one["level"] == "alert")


def soon_after(text: str, moment: int, minutes: int = 10) -> bool:
    """Return whether a time lies within so many minutes of a moment, not before it."""
    return 0 <= at(f"{text[5:10]} {text[11:16]}") - moment // MINUTE * MINUTE <= minutes * MINUTE


Alert = dict[str, Any]

_SINCE: Final = re.compile(
    r"(?P<spend>\d+\.\d\d) USD"
    r"(?:(?:, | and )(?P<visits>\d+) orders? of 0\.00)?"
    r"(?:(?:, | and )(?P<unread>\d+) purchases? that could not be read)?"
    r" in (?P<days>\d+) days?, usually (?P<usual>\d+\.\d\d) USD a day"
    r"(?:, and (?P<recurring>\d+\.\d\d) USD a day by subscription)?\."
)
ROUNDED: Final = 1e-4


def disagreements(alert: Alert) -> list[str]:
    """Return where an alert contradicts itself; empty if it does nowhere."""
    return [*_of_words(alert), *_of_figures(alert)]


def _of_words(alert: Alert) -> list[str]:
    said = _SINCE.search(alert["summary"])
    if said is None:
        return [f"no figures: {alert['summary']}"]
    told = {
        "spend": float(said["spend"]) == float(alert["spend_since"]),
        "days": abs(float(said["days"]) - alert["days_since"]) <= 0.5 + ROUNDED,
        "usual": said["usual"] == alert["usual_spend_per_day"],
        "recurring": (said["recurring"] or "0.00") == alert.get("recurring_per_day", "0.00"),
    }
    seen = _counted(said)
    if any(seen):
        told["orders"] = seen == (alert.get("visits_since", 0), alert.get("unread_since", 0))
    return [f"{what}: {alert['summary']}" for what, agrees in told.items() if not agrees]


def _counted(said: re.Match[str]) -> tuple[int, int]:
    return int(said["visits"] or 0), int(said["unread"] or 0)


def _of_figures(alert: Alert) -> list[str]:
    spend, usual = float(alert["spend_since"]), float(alert["usual_spend_per_day"])
    recurring, chance = float(alert.get("recurring_per_day", 0)), alert["probability"]
    days = spend / usual if usual else 0.0
    told = {
        "log-odds": abs(chance - 1 / (1 + math.exp(-sum(alert["log_odds"].values())))) <= 2 * ROUNDED,
        "usual days": abs(alert["days_usual_spend_since"] - days) <= 0.01 * max(1.0, days),
        "at risk": float(alert["value_at_risk"]) <= (chance + ROUNDED) * 90 * (usual + recurring) + 1,
        "level": alert["state"] == "resolved" or _cancelled(alert) or chance >= _least(alert) - ROUNDED,
        "return": alert["resolution"] != "returned" or _came_back(alert),
    }
    return [f"{what}: {alert}" for what, agrees in told.items() if not agrees]


def _least(alert: Alert) -> float:
    return 0.8 if alert["level"] == "alert" else 0.5


def _cancelled(alert: Alert) -> bool:
    return any(reason["signal"] == "subscription_cancelled" for reason in alert["reasons"])


def _came_back(alert: Alert) -> bool:
    """Return whether somebody who is said to be back is likely to be, and what of them was seen."""
    seen = float(alert["spend_since"]) > 0 or "orders of 0.00" in alert["summary"]
    seen = seen or "could not be read" in alert["summary"]
    return bool(seen and alert["probability"] < 0.6)
