"""What the tests of several commands share."""

from pathlib import Path

import pytest

from tests.lab.towns import write_rules, write_town


@pytest.fixture(name="town", scope="module")
def town_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a small town's events."""
    directory = tmp_path_factory.mktemp("town") / "here"
    write_town(directory)
    return directory


@pytest.fixture(name="rules", scope="module")
def rules_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the ruleset under which the town has alerts."""
    return write_rules(tmp_path_factory.mktemp("rules"))
