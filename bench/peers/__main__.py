"""Our worker and its peers, on the same topics, with the same two jobs: README.md beside this tells all.

Starts a broker of its own, publishes synthetic purchases and contacts once, and lets the programs read them
one at a time, in interleaved rounds, each with a fresh name. The counts of each are compared with a naive
recomputation. What is printed: records per wall second and per CPU second of the program alone (children
included, the broker not), the peak of its memory, and the ratio of ours to it, round by round: medians, with
their ranges.

  python -m bench.peers --quick             the job fold, 1,000,000 purchases, rounds for 10 min
  python -m bench.peers                     both jobs, 10,000,000 purchases, 5 rounds: hours
  python -m bench.peers --only ours flink   only these, as large as asked for

Needs Kafka as `make bench-worker` does; Maven and Java for Kafka Streams and Flink; `make .venv-peers` for
Quix Streams and Bytewax. What is missing is said and left out. Exit code 1: one failed, or counted wrongly.
"""

import signal
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf
from types import FrameType
from typing import Final, NoReturn

from bench.peers.harness.peers import PEERS, Peer, build_java
from bench.peers.harness.runs import JOBS, Job, Outcome, Topics, run
from bench.peers.harness.table import line, table
from bench.shared.machine import machine
from bench.shared.topics import broker

_FULL_PURCHASES: Final = 10_000_000
_ROUNDS: Final = 5
_QUICK_PURCHASES: Final = 1_000_000
_QUICK_MINUTES: Final = 9.5
_JAVA: Final = ("kafka-streams", "flink")


def main(arguments: list[str] | None = None) -> int:
    """Measure what is asked for, print the tables; return 1 if a program failed or counted wrongly."""
    asked = _parser().parse_args(arguments)
    purchases = asked.records or (_QUICK_PURCHASES if asked.quick else _FULL_PURCHASES)
    rounds = Rounds(asked.rounds, asked.minutes or (_QUICK_MINUTES if asked.quick else inf))
    jobs: Sequence[Job] = asked.jobs or (("fold",) if asked.quick else JOBS)
    peers = present([one for one in PEERS if not asked.only or one.name in asked.only])
    if not peers:
        return 1
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    print(machine(), flush=True)
    outcomes: list[Outcome] = []
    with broker() as bootstrap:
        for job in jobs:
            topics = Topics(bootstrap, job, purchases, asked.customers)
            found = measure(peers, topics, rounds, asked.patience)
            print(f"\nJob {job}: {purchases:,} purchases, {asked.customers:,} customers\n")
            print(f"{table(found)}\n", flush=True)
            outcomes += found
    for version in dict.fromkeys(
        f"{one.peer.name}: {one.measured.result.version}" for one in outcomes if one.measured
    ):
        print(version)
    return 0 if all(one.ok for one in outcomes) else 1


def present(peers: Sequence[Peer]) -> list[Peer]:
    """Return those that can run here; say loudly what is missing of the others."""
    reasons = {one.name: one.missing() for one in peers}
    if any(name in _JAVA and reason is None for name, reason in reasons.items()):
        failed = build_java()
        if failed:
            reasons |= {name: failed for name in _JAVA if name in reasons}
    for name, reason in reasons.items():
        if reason:
            print(f"*** {name} is LEFT OUT: {reason}", file=sys.stderr, flush=True)
    return [one for one in peers if not reasons[one.name]]


class Rounds:
    """Counts rounds up to a number, and begins none that would likely end after so many minutes from now."""

    def __init__(self, most: int, minutes: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._end = clock() + 60 * minutes

    def __iter__(self) -> Iterator[int]:
        """Yield the numbers of rounds; the first is always begun."""
        longest = 0.0
        for number in range(1, self._most + 1):
            started = self._clock()
            if number > 1 and started + longest > self._end:
                print(f"  no time for round {number} of {self._most}", flush=True)
                return
            yield number
            longest = max(longest, self._clock() - started)


def measure(peers: Sequence[Peer], topics: Topics, rounds: Iterable[int], patience: float) -> list[Outcome]:
    """Run each program once a round; a program that fails does not keep the others from running."""
    found = []
    for number in rounds:
        for peer in peers:
            outcome = run(peer, topics, number, patience)
            print(line(outcome), flush=True)
            found.append(outcome)
    return found


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m bench.peers", description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    names = [one.name for one in PEERS]
    parser.add_argument("--quick", action="store_true", help="the short table")
    parser.add_argument(
        "--records", type=int, metavar="N", help="purchases; slow programs get a part of them"
    )
    parser.add_argument("--rounds", type=int, default=_ROUNDS, metavar="R", help="of each job; default: 5")
    parser.add_argument(
        "--minutes", type=float, metavar="M", help="begin no round that would end later; with --quick 9.5"
    )
    parser.add_argument("--jobs", nargs="+", choices=JOBS, help="default: both, with --quick only fold")
    parser.add_argument(
        "--only", nargs="+", choices=names, metavar="NAME", help=f"some of {', '.join(names)}"
    )
    parser.add_argument("--customers", type=int, default=100_000, help="default: 100,000")
    parser.add_argument(
        "--patience",
        type=float,
        default=1_800.0,
        metavar="S",
        help="seconds that a run may take; default: 1,800",
    )
    return parser


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    """Leave as on Ctrl-C, so that programs and broker are ended."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
