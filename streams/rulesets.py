"""Rulesets by name: a built-in version, or a TOML file."""

from pathlib import Path
from typing import Final

from streams.core.ruleset import DEFAULT, VERSIONS, Ruleset, RulesetError


def load(name: Path | None) -> Ruleset:
    """Return the default without a name, a built-in version by its name, else the ruleset of a TOML file.

    Raises RulesetError for a file that does not parse, OSError for one that can't be read.
    """
    if name is None:
        return DEFAULT
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
    return calibration_note_of(rules.hash)


def calibration_note_of(name: str) -> str:
    """Return the note of the rules that an alert names, as version and hash or by the hash alone."""
    measured = _MEASURED.get(name.rpartition("+")[2])
    if measured is None:
        return (
            "How often a stated probability comes true was not measured for these rules: it ranks customers. "
            "`retention-signals calibrate` fits the false alarms to your own history."
        )
    real, milder = measured
    return (
        f"Of synthetic alerts that stated about 80 %, {real} were real where customers leave after bad "
        f"contacts as often as the surveys behind the weights suggest, and {milder} in a milder world, where "
        "they leave less often. Your own customers may differ."
    )


_MEASURED: Final = {
    VERSIONS["1"].hash: ("78 %", "56 %"),
    VERSIONS["2"].hash: ("84 % (82 to 87)", "64 % (60 to 68)"),
    VERSIONS["3"].hash: ("84 % (82 to 87)", "64 % (60 to 68)"),  # as 2, where hardly anything comes late
    VERSIONS["4"].hash: ("84 % (82 to 87)", "64 % (60 to 68)"),  # as 3, where no event is an odd one
}
"""Of alerts that state 0.78 to 0.85 the share that is real, where the weights hold and in a milder world.

With the 95 % interval where docs/detection.md has it.
"""
