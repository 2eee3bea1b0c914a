"""Rulesets by name: a built-in version or a file, for commands and for the worker's setting."""

from pathlib import Path

import pytest

from streams import rulesets
from streams.core.ruleset import VERSIONS, Ruleset, RulesetError
from streams.settings import Settings


def test_nothing_is_version_1() -> None:
    assert rulesets.load(None) == Ruleset() == VERSIONS["1"]


@pytest.mark.parametrize("name", list(VERSIONS))
def test_a_built_in_version_goes_by_its_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also as the setting of a worker, which else names a file that must be there."""
    assert rulesets.load(Path(name)) is VERSIONS[name]
    monkeypatch.setenv("RETENTION_RULESET_FILE", name)
    assert Settings().ruleset_file == Path(name)


def test_a_file_goes_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text('based_on = "2"\nrepeat_days = 8', encoding="utf-8")
    assert rulesets.load(path).repeat_days == 8
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
    }
