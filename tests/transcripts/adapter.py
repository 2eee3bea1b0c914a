"""The one place where the transcripts meet the product."""

from pathlib import Path
from typing import Any

from streams.core.ruleset import Ruleset
from streams.lab.replay import replay_directory


def run(directory: Path, *, ruleset_toml: str | None, partitions: int) -> list[dict[str, Any]]:
    """Replay a directory and return its alerts, in output order, as the JSON objects that the CRM reads."""
    ruleset = Ruleset.from_toml(ruleset_toml or "")
    replayed = replay_directory(directory, ruleset=ruleset, partitions=partitions)
    return [alert.model_dump(mode="json") for alert in replayed.alerts]
