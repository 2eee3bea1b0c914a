"""What the tests of several commands share."""

from pathlib import Path

import pytest

from tests.lab.datasets import write_dataset, write_rules


@pytest.fixture(name="dataset", scope="module")
def dataset_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a small dataset's events."""
    directory = tmp_path_factory.mktemp("dataset") / "here"
    write_dataset(directory)
    return directory


@pytest.fixture(name="rules", scope="module")
def rules_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the ruleset under which the dataset has alerts."""
    return write_rules(tmp_path_factory.mktemp("rules"))
