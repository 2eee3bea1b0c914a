"""Workers that are killed, stopped, frozen and cut off: what they come to is what one undisturbed gives."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from streams.lab.generate import GenerateOptions, generate
from streams.lab.replay import ReplayResult, replay_directory
from streams.runtime.admin import admin_client
from streams.runtime.local_kafka import FragileBroker
from streams.runtime.topics import create, plan
from streams.settings import Settings
from tests.kafka.conftest import settings_for
from tests.kafka.deployment import Deployment, publish, publishing
from tests.kafka.held import lag, progress
from tests.kafka.truth import assert_alerts, assert_state, expected_facts, facts_of

pytestmark = pytest.mark.kafka

KILLS = 10


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a year of real baskets, with synthetic contacts and boycotts."""
    directory = tmp_path_factory.mktemp("year")
    generate(directory, GenerateOptions())
    return directory


@pytest.fixture(scope="module")
def truth(year: Path) -> ReplayResult:
    """Give what an undisturbed replay makes of the year."""
    return replay_directory(year)


@pytest.fixture
def event_clock(topics: Settings) -> Settings:
    """Give settings for a worker whose time is moved by records and ticks alone."""
    return topics.model_copy(update={"clock": "event"})


def test_killed_workers_lose_and_double_nothing(
    event_clock: Settings, year: Path, truth: ReplayResult, tmp_path: Path
) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    kills = 0
    with Deployment(event_clock, tmp_path) as deployment:
        for _ in range(2):
            deployment.start()
        deployment.when_ready()
        with publishing(event_clock, year, "--rate", 2000) as busy:
            while kills < KILLS:
                before = progress(event_clock)
                deployment.when(lambda before=before: progress(event_clock) > before)
                time.sleep(rng.random())
                assert busy(), f"published before the {kills + 1}th kill"
                for victim in rng.sample(deployment.workers, rng.choice((1, 2, 2))):
                    deployment.kill(victim)
                    deployment.start()
                    kills += 1
        waited = deployment.when_drained()
    print(f"{kills} kills, drained {waited:.1f} s after the last record")
    found = assert_alerts(event_clock, truth.alerts)
    assert facts_of(found) == expected_facts(year, event_clock)
    assert_state(event_clock, truth)
