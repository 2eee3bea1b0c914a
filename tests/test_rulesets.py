"""Rulesets by name: a built-in version or a file, for commands and for the worker's setting."""

from pathlib import Path

import pytest

from streams import rulesets
from streams.core.ruleset import DEFAULT, VERSIONS, Ruleset, RulesetError
from streams.settings import Settings


def test_no_name_is_the_default() -> None:
    assert rulesets.load(None) is DEFAULT is VERSIONS["4"]


@pytest.mark.parametrize("name", list(VERSIONS))
def test_a_built_in_version_goes_by_its_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also as the setting of a worker, which else names a file that must be there."""
    assert rulesets.load(Path(name)) is VERSIONS[name]
    monkeypatch.setenv("RETENTION_RULESET_FILE", name)
    assert Settings().ruleset_file == Path(name)


def test_a_file_goes_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text('based_on = "1"\nrepeat_days = 8', encoding="utf-8")
    assert rulesets.load(path) == Ruleset(repeat_days=8)
    path.write_bytes(b"\xff")
    with pytest.raises(RulesetError, match="utf-8"):
        rulesets.load(path)
    with pytest.raises(FileNotFoundError):
        rulesets.load(tmp_path / "none.toml")


def test_no_built_in_version_ever_changes() -> None:
    """Alerts name version and hash; what is to be decided otherwise is a new version."""
    assert {name: (rules.version, rules.hash) for name, rules in VERSIONS.items()} == {
        "1": ("1", "ae6cb754f7c0"),
        "2": ("2", "7b6f4f24002d"),
        "3": ("3", "42029321f0b7"),
        "4": ("4", DEFAULT.hash),
    }


@pytest.mark.parametrize(
    ("version", "real", "milder"),
    [
        ("1", "78 %", "56 %"),
        ("2", "84 % (82 to 87)", "64 % (60 to 68)"),
        ("3", "84 % (82 to 87)", "64 % (60 to 68)"),
        ("4", "84 % (82 to 87)", "64 % (60 to 68)"),
    ],
)
def test_a_built_in_version_tells_what_its_probability_is_worth(version: str, real: str, milder: str) -> None:
    """The shares of docs/detection.md, of the world that the weights describe and of a milder one."""
    rules = VERSIONS[version]
    note = rulesets.calibration_note(rules)
    assert f"stated about 80 %, {real} were real where customers leave after bad contacts as often" in note
    assert f"and {milder} in a milder world, where they leave less often." in note
    assert rulesets.calibration_note_of(f"{version}+{rules.hash}") == note


@pytest.mark.parametrize("name", ["2", "2+ae6cb754f7c", "2+", "", "ae6cb754f7c0+ours"])
def test_of_other_rules_nothing_is_known(name: str) -> None:
    """It is the hash that counts: a version may be called as one likes."""
    assert "was not measured" in rulesets.calibration_note_of(name)
    assert rulesets.calibration_note(Ruleset(version="2")) == rulesets.calibration_note_of(name)
