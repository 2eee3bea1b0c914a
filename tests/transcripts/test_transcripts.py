"""Every rule of detection as data: what arrives, and what must come of it, worked out by hand."""

from pathlib import Path
from typing import Any

import pytest

from tests.transcripts.adapter import run
from tests.transcripts.scenarios import Scenario, differences, load
from tests.transcripts.vocabulary import write

SCENARIOS = list(load(Path(__file__).parent))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_transcript(scenario: Scenario, tmp_path: Path) -> None:
    """The alerts are the expected ones; a transcript that must fail is one whose expectation is wrong."""
    write(scenario.words, tmp_path)
    alerts = run(
        tmp_path, ruleset_toml=ruleset_of(scenario.words), partitions=scenario.words.get("partitions", 1)
    )
    found = differences(scenario.expected, alerts)
    assert bool(found) is scenario.must_fail, "\n".join([scenario.words["why"], *found])


def ruleset_of(words: dict[str, Any]) -> str:
    """Return the version that a scenario's numbers are worked out for, and what it changes of it, as TOML."""
    return f'based_on = "{words["based_on"]}"\n{words.get("ruleset") or ""}'


def test_names_differ() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names)
