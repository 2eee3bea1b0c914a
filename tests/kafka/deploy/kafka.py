"""The Kafka of Compose as a process of this machine: with its own settings, on loopback."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from streams.runtime.local_kafka.engine import free_port

INSIDE: Final = 19092
"""The port that the other services know."""
_NO_SETTINGS: Final = frozenset({"KAFKA_HEAP_OPTS"})
"""What is not for the broker, but for the script that starts it."""


def properties(environment: Mapping[str, str], port: int, data: Path) -> str:
    """Return the settings of a broker as its image makes them of variables; all that differs is where it is.

    It is not in Compose that the first worker of a group waits 3 s for others: this is in a hurry.
    """
    ports = {str(INSIDE): port, "9092": free_port(), "9093": free_port()}
    found = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): re.sub(
            r"(?:127\.0\.0\.1|localhost|kafka)?:([0-9]+)", lambda one: f"127.0.0.1:{ports[one[1]]}", value
        )
        for name, value in environment.items()
        if name not in _NO_SETTINGS
    }
    found |= {"log.dirs": str(data), "group.initial.rebalance.delay.ms": "0"}
    return "".join(f"{name}={value}\n" for name, value in found.items())
