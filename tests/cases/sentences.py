"""Holds the words of an alert against its figures."""

import math
import re
from typing import Any, Final

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
    """Tell whether somebody who is said to be back is likely to be, and what of them was seen."""
    seen = float(alert["spend_since"]) > 0 or "orders of 0.00" in alert["summary"]
    seen = seen or "could not be read" in alert["summary"]
    return bool(seen and alert["probability"] < 0.6)
