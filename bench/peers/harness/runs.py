"""A run: a program on the topics of its size, with a fresh name, and what it found held to the truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final, Literal
from uuid import uuid4

from bench.peers.data.history import Shape, draw
from bench.peers.data.topics import Published, make_alerts_topic, publish, remove_topics, written_alerts
from bench.peers.data.truth import Alert, Truth, checksum, truth
from bench.peers.harness.answers import Result
from bench.peers.harness.peers import Peer
from bench.peers.harness.processes import Measured, ProgramError, measure

Job = Literal["fold", "full"]
JOBS: Final[tuple[Job, ...]] = ("fold", "full")


@dataclass(frozen=True)
class Filled:
    """Topics that are filled, and what a program must find on them."""

    published: Published
    truth: Truth


@dataclass(frozen=True)
class Outcome:
    """What became of a run: it was measured, or it failed; and what was wrong with what it found."""

    peer: Peer
    round: int
    records: int
    measured: Measured | None
    wrong: Sequence[str] = ()

    @property
    def ok(self) -> bool:
        """Whether it ran to its end and found what it had to."""
        return self.measured is not None and not self.wrong


@dataclass
class Topics:
    """The topics of a job on a broker, filled once for each size."""

    bootstrap: str
    job: Job
    purchases: int
    customers: int
    _filled: dict[int, Filled] = field(default_factory=dict)

    def of(self, peer: Peer) -> Filled:
        """Return the topics that a program reads."""
        purchases = max(1, self.purchases // peer.share)
        if purchases not in self._filled:
            started = perf_counter()
            history = draw(Shape(purchases, self.customers, contacts=self.job == "full"))
            published = publish(self.bootstrap, f"{self.job}-{purchases}.", history)
            self._filled[purchases] = Filled(published, truth(history))
            print(f"  {purchases:,} purchases published in {perf_counter() - started:.0f} s", flush=True)
        return self._filled[purchases]


def run(peer: Peer, topics: Topics, number: int, patience: float) -> Outcome:
    """Run a program once, in a round of such a number; a failure is an outcome too."""
    filled = topics.of(peer)
    name = f"{peer.name}-{uuid4().hex[:8]}"
    contacts = filled.published.contacts if topics.job == "full" else 0
    records = filled.published.transactions + contacts
    options = {
        "bootstrap": topics.bootstrap,
        "prefix": filled.published.prefix,
        "name": name,
        "job": topics.job,
        "records": filled.published.transactions,
        "contacts": contacts,
    }
    if topics.job == "full":
        make_alerts_topic(topics.bootstrap, name)
    try:
        measured = _measured(peer, options, patience)
        has_alerts = topics.job == "full" and measured.result.alerts is not None
        written = written_alerts(topics.bootstrap, name) if has_alerts else None
        wrong = faults(measured.result, filled.truth, records, written)
        return Outcome(peer, number, records, measured, wrong)
    except ProgramError as error:
        return Outcome(peer, number, records, None, (str(error),))
    finally:
        remove_topics(topics.bootstrap, name)


def _measured(peer: Peer, options: Mapping[str, object], patience: float) -> Measured:
    """Run a program with options, in a folder of its own that is then gone. Raises ProgramError."""
    spelled = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    with TemporaryDirectory(prefix="peers-") as folder:
        out = Path(folder) / "result.json"
        return measure([*peer.command, *spelled, "--out", str(out)], Path(folder), patience)


def faults(found: Result, wanted: Truth, records: int, written: Sequence[Alert] | None) -> list[str]:
    """Return how a result differs from the truth, in what it tells; `written` are the alerts on the topic."""
    pairs = {
        "records": (found.records, records),
        "customers": (found.customers, wanted.customers),
        "cents": (found.cents, wanted.cents),
        "purchases": (found.purchases, wanted.purchases),
        "alerts": (found.alerts, wanted.alerts),
        "checksum of the alerts": (found.checksum, wanted.checksum),
    }
    if written is not None:
        pairs["alerts on the topic"] = (len(written), wanted.alerts)
        pairs["checksum of the topic"] = (checksum(written), wanted.checksum)
    return [
        f"{what}: {one}, should be {right}"
        for what, (one, right) in pairs.items()
        if one not in {None, right}
    ]
