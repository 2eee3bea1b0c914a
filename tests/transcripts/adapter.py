"""The one place where the transcripts meet the product."""

from pathlib import Path
from typing import Any

from streams.core.ruleset import Ruleset
from streams.lab.replay import replay_directory


def run(directory: Path, *, ruleset_toml: str, partitions: int) -> list[dict[str, Any]]:
    """Replay a directory and return its alerts as the JSON objects that the CRM reads, with their `topic`.

    They are in output order, those of the hold-out arm after all others.
    """
    ruleset = Ruleset.from_toml(ruleset_toml)
    replayed = replay_directory(directory, ruleset=ruleset, partitions=partitions)
    topics = {"alerts": replayed.alerts, "holdout": replayed.holdout}
    return [
        alert.model_dump(mode="json") | {"topic": topic}
        for topic, alerts in topics.items()
        for alert in alerts
    ]
