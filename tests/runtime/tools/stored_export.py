"""A file of `state export` that a release has written: what `state import` of this one has to take.

`python -m tests.runtime.tools.stored_export VERSION` stores one with the code that runs it. Those that are
there stay as they are; a new version of the file gets a new one.
"""

import sys
from pathlib import Path
from typing import Final

from msgspec import msgpack

from streams.core.customer.journal.expansion import without_journal
from streams.runtime.partition.processor import PROCESSOR_KEY, ProcessorState
from streams.runtime.tools.state_file import Entry, Header, writing
from tests.core.partition.stored import RULES, STORED, read

EXPORTS: Final = Path(__file__).parent / "exports"
APPLICATION: Final = "retention"
TOPICS: Final = {"transactions": "tx-id", "contacts": "ct-id"}
POSITIONS: Final = {"transactions": 712, "contacts": 20}


def path_of(version: str) -> Path:
    """Return where the file of a release is."""
    return EXPORTS / f"{version}.state"


def main(version: str) -> None:
    """Store a file of one partition, with the state that this release writes."""
    state = without_journal(read(STORED[-1]))
    processor = ProcessorState(APPLICATION, RULES.hash, POSITIONS, 1, TOPICS, "USD")
    with writing(
        path_of(version), Header(APPLICATION, "retention.state", 1, "2026-11-30T00:00:00.000Z")
    ) as file:
        file.write(Entry(0, PROCESSOR_KEY, msgpack.encode(processor)))
        for key, value in state.items():
            file.write(Entry(0, key, value))


if __name__ == "__main__":
    main(sys.argv[1])
