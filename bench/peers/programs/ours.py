"""Our worker as it is deployed, on the event clock, with all its rules and both topics, whatever the job.

It is watched from here, and measured alone. It keeps what its rules need, not sums of all that ever was, and
forgets who has not bought for long; so it tells only what it counted: purchases that it applied, none of them
late, refused or twice. Its alerts are those of its own rules.
"""

from collections.abc import Sequence
from importlib.metadata import version

from bench.peers.data.topics import settings_for
from bench.peers.programs.shared.contract import Answer, Asked, asked
from bench.shared.running import Running, running
from bench.shared.topics import emptied


def main(asked: Asked) -> None:
    """Let a worker read all there is, on outputs that are empty."""
    answer = Answer(asked)
    settings = emptied(settings_for(asked.bootstrap, asked.prefix, asked.name))
    with running(settings) as worker:
        worker.opened()
        answer.first_record(worker.pid)
        worker.until_committed(settings)
        answer.committed()
        read, purchases = _counted(
            worker, ("transactions", "contacts") if asked.is_full else ("transactions",)
        )
    version_text = f"retention-signals {version('retention-signals')}, exactly once, as deployed"
    answer.result(version_text, read, purchases=purchases)


def _counted(worker: Running, topics: Sequence[str]) -> tuple[int, int]:
    """Return how many records of some topics the worker read, and how many purchases it applied.

    Raises AssertionError if anything was not simply applied.
    """
    counts = worker.metrics("retention_events_total")
    odd = {kind: count for kind, count in counts.items() if kind[1] not in {"applied", "tick"} and count}
    assert not odd, f"not simply applied: {odd}"
    assert not sum(worker.metrics("retention_late_events_total").values()), "some were late"
    read = sum(count for (topic, _outcome), count in counts.items() if topic in topics)
    return round(read), round(counts["transactions", "applied"])


if __name__ == "__main__":
    main(asked(__doc__))
