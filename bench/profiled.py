"""The command line with a clock at the worker's phases; at the end, their seconds as JSON on standard error.

Only what the first thread does itself counts, not what it waits for, but for its turn while another has it.
"""

import json
import sys
import time
from collections.abc import Callable, Coroutine, Generator
from functools import wraps
from types import coroutine
from typing import Any
from unittest.mock import patch

from bench.shared.phases import Spent, timed
from streams.cli import app
from streams.core.partition.partition import Partition
from streams.runtime.kafka.transactional_log import TransactionalLog
from streams.runtime.partition.processor import PartitionProcessor

_spent: Spent = Spent(float)


def stepped(function: Callable[..., Coroutine[Any, Any, Any]], phase: str) -> Callable[..., Any]:
    """Return a method with the seconds in which it runs, not those in which it waits, counted for a phase."""

    @coroutine
    def steps(running: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
        answer = None
        while True:
            started = time.perf_counter()
            try:
                waited_for = running.send(answer)
            except StopIteration as end:
                return end.value
            finally:
                _spent[phase] += time.perf_counter() - started
            answer = yield waited_for

    @wraps(function)
    async def wrapper(*arguments: Any, **named: Any) -> Any:
        return await steps(function(*arguments, **named))

    return wrapper


def phases() -> dict[str, float]:
    """Return the seconds by phase, each without the others."""
    return {
        "decode and apply": _spent["take"] - _spent["decide"],
        "decide": _spent["decide"],
        "pack": _spent["drain"],
        "send": _spent["send"],
    }


def main() -> None:
    """Run a command, and say where its time went."""
    with (
        patch.object(PartitionProcessor, "take", timed(PartitionProcessor.take, _spent, "take")),
        patch.object(Partition, "decide", timed(Partition.decide, _spent, "decide")),
        patch.object(Partition, "drain_dirty", timed(Partition.drain_dirty, _spent, "drain")),
        patch.object(TransactionalLog, "commit", stepped(TransactionalLog.commit, "send")),
    ):
        try:
            app()
        finally:
            print(json.dumps(phases()), file=sys.stderr)


if __name__ == "__main__":
    main()
