"""Rulesets by name: a built-in version, or a TOML file."""

from pathlib import Path

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
