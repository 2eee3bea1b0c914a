"""The same work on many seeds, in several processes; the results do not depend on how many."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

from streams.lab.generate.world import Progress

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_parallel(
    work: Callable[[Task], Result], tasks: Sequence[Task], *, jobs: int, step: str, progress: Progress
) -> list[Result]:
    """Return the result of each task, in their order. `work` is a function of a module; tasks are pickled."""

    def watched(results: Iterable[Result]) -> list[Result]:
        progress(step, 0, len(tasks))
        done = []
        for result in results:
            done.append(result)
            progress(step, len(done), len(tasks))
        return done

    if jobs == 1:
        return watched(map(work, tasks))
    # Spawned, as a fork would copy threads of the caller in the middle of something.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return watched(pool.map(work, tasks))
