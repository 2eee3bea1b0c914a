"""Our worker as it is deployed, on the event clock, with all its rules and both topics, whatever the job.

It is watched from here, and measured alone. It keeps what its rules need, not sums of all that ever was, and
forgets who has not bought for long; so it tells only what it counted: purchases that it applied, none of them
late, refused or twice. Its alerts are those of its own rules.
"""

from collections import Counter
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
        found = _counted(worker)
    answer.result(f"retention-signals {version('retention-signals')}, exactly once, as deployed", **found)


def _counted(worker: Running) -> dict[str, int | None]:
    """Return what the worker says that it did. Raises AssertionError if anything was not simply applied."""
    applied: Counter[str] = Counter()
    for (source, outcome), count in worker.metrics("retention_events_total").items():
        if outcome == "applied":
            applied[source] = round(count)
        elif outcome != "tick":
            assert not count, f"{count:.0f} {source} {outcome}"
    assert not sum(worker.metrics("retention_late_events_total").values()), "some were late"
    return {"purchases": applied["transactions"]}


if __name__ == "__main__":
    main(asked(__doc__))
