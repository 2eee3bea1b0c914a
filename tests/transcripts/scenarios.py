"""Transcripts: reading the YAML files, and comparing what they expect with what was raised.

A file has a `section`, a `base` that every scenario starts from, and `scenarios`. `based_on` names the
ruleset version whose numbers are worked out, `ruleset` what it changes of it. A scenario replaces words of
the base by its own. Its `rows`, a shorter form, are pairs of fields of contact `k1` and the frustration that
must follow from them (null: no episode opens).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.transcripts.vocabulary import moment, silent_alert_id, stamp

_TOLERANCE = 5.1e-5  # published floats are rounded to four places
_PLACES = {"customer": "customer_id", "anchor": "anchor.contact_id"}


@dataclass(frozen=True)
class Scenario:
    """One transcript: what arrives, and the alerts that must come of it."""

    name: str
    words: dict[str, Any]
    expected: list[dict[str, Any]]
    must_fail: bool


def load(directory: Path) -> Iterator[Scenario]:
    """Yield every scenario of every file of a directory."""
    for path in sorted(directory.glob("*.yaml")):
        text = yaml.safe_load(path.read_text(encoding="utf-8"))
        for written in text["scenarios"]:
            for number, words in enumerate(_expanded(text["base"] | written)):
                name = f"{path.stem}: {words['name']}" + (f" [{number}]" if "rows" in words else "")
                expected = [_expectation(item) for item in words["expect"]]
                yield Scenario(name, words, expected, words.get("must_fail", False))


def _expanded(words: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "rows" not in words:
        yield words
        return
    for fields, frustration in words["rows"]:
        contact = {"id": "k1", "time": words["contact_time"], **fields}
        alert = {"alert": words["alert"], "log_odds.frustration": frustration}
        yield words | {
            "contacts": [*words.get("contacts", []), contact],
            "expect": [] if frustration is None else [alert],
        }


def _expectation(written: str | dict[str, Any]) -> dict[str, Any]:
    """Read `TIME STATE LEVEL [RESOLUTION]`, alone or as `alert` among further fields.

    `z`, a day, makes it an alert of the silent rule for a customer under watch since that day.
    """
    fields = {"alert": written} if isinstance(written, str) else dict(written)
    day, clock, state, level, *resolution = fields.pop("alert").split()
    common = {
        "time": stamp(moment(f"{day} {clock}")),
        "state": state,
        "level": level,
        "resolution": resolution[0] if resolution else None,
    }
    z = fields.pop("z", None)
    named = {"customer": "a"} | ({"anchor": "k1"} if z is None else _silent(fields, z)) | fields
    return common | {_PLACES.get(key, key): value for key, value in named.items()}


def _silent(fields: dict[str, Any], z: str) -> dict[str, Any]:
    return {"rule": "silent", "anchor": None, "alert_id": silent_alert_id(fields.get("customer", "a"), z)}


def differences(expected: list[dict[str, Any]], alerts: list[dict[str, Any]]) -> list[str]:
    """Say in what the alerts differ from the expected ones; empty if in nothing that was asked for."""
    found = [
        f"alert {number}: {place} is {_at(alert, place)!r}, not {value!r}"
        for number, (fields, alert) in enumerate(zip(expected, alerts, strict=False))
        for place, value in fields.items()
        if not _same(value, _at(alert, place))
    ]
    found += [f"missing: {fields}" for fields in expected[len(alerts) :]]
    shown = ("time", "customer_id", "state", "level", "resolution", "log_odds")
    found += [f"too many: { {key: alert[key] for key in shown} }" for alert in alerts[len(expected) :]]
    return found


def _at(alert: dict[str, Any], place: str) -> Any:
    value: Any = alert
    for key in place.split("."):
        value = None if value is None else value[key]
    return value


def _same(expected: Any, actual: Any) -> bool:
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        return actual is not None and abs(float(actual) - expected) <= _TOLERANCE
    return bool(expected == actual)
