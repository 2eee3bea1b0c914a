"""The command line with a clock at the worker's phases; at the end, their seconds as JSON on standard error.

Only what the first thread does itself counts, not what it waits for, but for its turn while another has it.
"""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Generator
from functools import wraps
from types import coroutine
from typing import Any

from streams.cli import app
from streams.core.partition.partition import Partition
from streams.runtime.kafka.transactional_log import TransactionalLog
from streams.runtime.partition.processor import PartitionProcessor

_spent: defaultdict[str, float] = defaultdict(float)


def timed(phase: str, processor: type, name: str) -> None:
    """Count the seconds of a method as those of a phase."""
    function: Callable[..., Any] = getattr(processor, name)

    @wraps(function)
    def wrapper(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            _spent[phase] += time.perf_counter() - started

    setattr(processor, name, wrapper)


def stepped(phase: str, processor: type, name: str) -> None:
    """Count the seconds in which an asynchronous method runs, not those in which it waits."""
    function: Callable[..., Coroutine[Any, Any, Any]] = getattr(processor, name)

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

    setattr(processor, name, wrapper)


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
    timed("take", PartitionProcessor, "take")
    timed("decide", Partition, "decide")
    timed("drain", Partition, "drain_dirty")
    stepped("send", TransactionalLog, "commit")
    try:
        app()
    finally:
        print(json.dumps(phases()), file=sys.stderr)


if __name__ == "__main__":
    main()
