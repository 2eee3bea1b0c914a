"""Rulesets by name: a built-in version, or a TOML file."""

from pathlib import Path
from typing import Final

from streams.core.ruleset import VERSIONS, Ruleset, RulesetError


def load(name: Path | None) -> Ruleset:
    """Return version "1" without a name, a built-in version by its name, else the ruleset of a TOML file.

    Raises RulesetError for a file that does not parse, OSError for one that can't be read.
    """
    if name is None:
        return VERSIONS["1"]
    built_in = VERSIONS.get(str(name))
    if built_in is not None:
        return built_in
    try:
        return Ruleset.from_toml(name.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise RulesetError(str(error)) from error


def calibration_note(rules: Ruleset) -> str:
    """Return in which world the stated probabilities were measured, and what a milder one does to them.

    For rules that nobody measured it says so. The figures are those of docs/detection.md.
    """
    measured = _MEASURED.get(rules.hash)
    if measured is None:
        return (
            "How often a stated probability comes true was not measured for these rules. "
            "`retention-signals calibrate` measures it on your own history."
        )
    real, milder = measured
    return (
        "Measured where customers leave after bad contacts as often as the surveys behind the weights say: "
        f"{real} of the alerts that state about 0.80 are real. "
        f"In a milder world, where 5, 9 and 25 % leave, {milder} are."
    )


_MEASURED: Final = {VERSIONS["1"].hash: ("78 %", "56 %"), VERSIONS["2"].hash: ("84 %", "64 %")}
"""Of alerts that state 0.78 to 0.85 the share that is real, where the weights hold and in a milder world."""
