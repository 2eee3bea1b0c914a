"""Kafka Streams and Flink, as peers, find what a naive recomputation finds."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bench.peers.harness.peers import PEERS, Peer
from bench.peers.harness.runs import Job, Topics, run
from streams.runtime.local_kafka.broker import FragileBroker

pytestmark = [pytest.mark.slow, pytest.mark.kafka]

JAVA = Path(__file__).parents[2] / "bench" / "peers" / "java"
PROGRAMS = [peer for peer in PEERS if peer.name in {"kafka-streams", "flink"}]
PURCHASES, CUSTOMERS = 5_000, 200
"""So few customers have contacts enough for episodes of all kinds."""
SECONDS = 240.0


@pytest.fixture(scope="module")
def built() -> None:
    """Build what has changed; skip where nothing was built: CI does not fetch 170 MB for a benchmark."""
    if shutil.which("mvn") is None:
        pytest.skip("NOT TESTED, the peers in Java: Maven (mvn) is missing")
    if not all((JAVA / peer.name / "target" / "lib").is_dir() for peer in PROGRAMS):
        pytest.skip(f"NOT TESTED, the peers in Java: not built: see {JAVA}/README.md")
    command = ["mvn", "-q", "-B", "-o", "-f", str(JAVA / "pom.xml"), "package"]
    done = subprocess.run(  # noqa: S603 - our own
        command, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == 0, done.stdout[-2_000:]


@pytest.fixture(scope="module", params=["fold", "full"])
def topics(request: pytest.FixtureRequest, built: None, broker: FragileBroker) -> Topics:  # noqa: ARG001
    """Give the topics of a job; they are filled once for all programs."""
    job: Job = request.param
    return Topics(broker.bootstrap, job, PURCHASES, CUSTOMERS)


@pytest.mark.parametrize("peer", PROGRAMS, ids=lambda peer: peer.name)
def test_a_program_in_java_finds_what_the_recomputation_finds(peer: Peer, topics: Topics) -> None:
    outcome = run(peer, topics, 1, SECONDS)
    assert outcome.measured is not None, outcome.wrong
    assert not outcome.wrong
    found = outcome.measured.result
    assert found.purchases == PURCHASES
    assert (found.alerts or 0) >= (5 if topics.job == "full" else 0)
