"""The calibrated ruleset as a TOML document: what differs from the built-in version, and why."""

import json
from dataclasses import fields

from schemas.times import format_ms
from streams.core.ruleset import DEFAULT, VERSIONS, Ruleset
from streams.lab.calibrate.calibrate import CALIBRATED
from streams.lab.calibrate.result import Calibration, Change


def document(calibration: Calibration) -> str:
    """Return the TOML document of a calibration; `Ruleset.from_toml` gives its ruleset back."""
    rules, base = calibration.rules, calibration.base
    name = base.version.split(CALIBRATED)[0]
    based_on = name if name in VERSIONS else DEFAULT.version
    changed = {change.key: change for change in calibration.changes}
    lines = [*_head(calibration), "", f"based_on = {_value(based_on)}", f"version = {_value(rules.version)}"]
    for one in fields(Ruleset):
        value = getattr(rules, one.name)
        if one.name != "version" and value != getattr(VERSIONS[based_on], one.name):
            lines += _comment(changed.get(one.name))
            lines.append(f"{one.name} = {_value(value)}")
    return "\n".join(lines) + "\n"


def _head(calibration: Calibration) -> list[str]:
    first, last = format_ms(calibration.first_ms)[:10], format_ms(calibration.last_ms)[:10]
    share, days = calibration.predicted, calibration.rules.raise_days
    return [
        f"# Calibrated on {first} to {last}, from version {_value(calibration.base.version)}.",
        f"# Predicted false alarms in {days} days, once an episode is open: {share.share:.3f};",
        f"# on {calibration.sample.customers:,} customers {share.low:.3f} to {share.high:.3f} (95 %).",
    ]


def _comment(change: Change | None) -> list[str]:
    if change is None:
        return ["", "# as it was"]
    return ["", f"# was {_value(change.old)}", f"# {change.why}"]


def _value(value: object) -> str:
    """Return a value as TOML has it: as JSON has it, but that TOML escapes one character more."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
