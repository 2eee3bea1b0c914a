"""The same work on many seeds, in several processes; the results do not depend on how many."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

Progress = Callable[[str, int, int], None]
"""Told the step's name, how much of it is done, and of how much."""


def in_parallel(
    work: Callable[[Task], Result], tasks: Sequence[Task], *, jobs: int, step: str, progress: Progress
) -> list[Result]:
    """Return the result of each task, in their order. `work` is a function of a module; tasks are pickled."""
    if jobs == 1:
        return _watched(map(work, tasks), len(tasks), step, progress)
    # Spawned, as a fork would copy threads of the caller in the middle of something.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return _watched(pool.map(work, tasks), len(tasks), step, progress)


def _watched(results: Iterable[Result], total: int, step: str, progress: Progress) -> list[Result]:
    def each() -> Iterator[Result]:
        progress(step, 0, total)
        for done, result in enumerate(results, 1):
            progress(step, done, total)
            yield result

    return list(each())
