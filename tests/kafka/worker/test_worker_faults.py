"""Workers that are killed, stopped, frozen and cut off: what they come to is what one undisturbed gives."""

import json
import os
import random
import re
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from streams.lab.generate import GenerateOptions, generate
from streams.lab.replay import ReplayResult, replay_directory
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import create, plan
from streams.runtime.local_kafka.broker import FragileBroker
from streams.runtime.worker.wall_clock import WallClock
from streams.settings import Settings
from tests.kafka.conftest import settings_for
from tests.kafka.deployment import Deployment, WorkerProcess, publish, publishing, publishing_slowly
from tests.kafka.feeds import send, ticks
from tests.kafka.held import lag, progress
from tests.kafka.truth import assert_alerts, assert_state, expected_facts, facts_of

# The slowest of all tests wait for one session after another to run out: a busy machine has time for that.
pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

KILLS = 6
PATIENCE = 12
"""Seconds; more than a start takes on a machine that has much else to do."""


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a year of real baskets, with synthetic contacts and boycotts."""
    directory = tmp_path_factory.mktemp("year")
    generate(directory, GenerateOptions())
    return directory


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a year of the baskets of some households."""
    directory = tmp_path_factory.mktemp("part")
    generate(directory, GenerateOptions(customers=1000))
    return directory


@pytest.fixture(scope="module")
def part_truth(part: Path) -> ReplayResult:
    """Give what an undisturbed replay makes of the part."""
    return replay_directory(part)


@pytest.fixture(scope="module")
def truth(year: Path) -> ReplayResult:
    """Give what an undisturbed replay makes of the year."""
    return replay_directory(year)


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
        with publishing_slowly(event_clock, year, 1500) as busy:
            while kills < KILLS:
                deployment.when_it_comes_on()
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


def test_a_stopped_worker_leaves_at_once_and_nothing_is_read_again(
    event_clock: Settings, part: Path, part_truth: ReplayResult, tmp_path: Path
) -> None:
    with Deployment(event_clock, tmp_path) as deployment:
        first = deployment.start()
        deployment.when_ready()
        with publishing(event_clock, part, "--rate", 20_000):
            deployment.when_it_comes_on(10_000)
            deployment.workers.remove(first)
            started = time.monotonic()
            first.signal(signal.SIGTERM)
            assert (first.wait(10), time.monotonic() - started < 10) == (0, True)
        left = lag(event_clock)
        second = deployment.start()
        ready = deployment.when_ready()
        deployment.when_drained()
        assert ready < 9, "the group waited for a member that was gone"
        assert second.metric("retention_events_total") == left > 10_000
    assert_alerts(event_clock, part_truth.alerts)


def one_has_partitions(one: WorkerProcess) -> bool:
    return bool(one.partitions())


def test_a_rolling_restart_under_load_loses_and_doubles_nothing_and_catches_up_within_half_a_minute(
    event_clock: Settings, part: Path, part_truth: ReplayResult, tmp_path: Path
) -> None:
    """As docs tell it: end one, start the new one, wait until it is ready, go on with the next."""
    rate = 1_000
    with Deployment(event_clock, tmp_path) as deployment:
        for _ in range(2):
            deployment.start()
        deployment.when_ready()
        with publishing_slowly(event_clock, part, rate) as busy:
            deployment.when_it_comes_on(2 * rate)
            stopped, ready = [], []
            for old in list(deployment.workers):
                stopped.append(deployment.stop(old))
                new = deployment.start()
                deployment.when(partial(one_has_partitions, new))
                ready.append(deployment.when_ready())
            behind, so_far = lag(event_clock), progress(event_clock)
            caught_up = deployment.when_it_comes_on(behind, since=so_far)
            assert busy(), "published before the last worker was ready"
        drained = deployment.when_drained()
    print(
        f"at {rate} records/s: ended after {stopped[0]:.1f}, {stopped[1]:.1f} s, ready again {ready[0]:.1f}, "
        f"{ready[1]:.1f} s after the start, then {behind:,} records behind, worked off in {caught_up:.1f} s; "
        f"drained {drained:.1f} s after the last record; {len(part_truth.alerts)} alerts, each once"
    )
    assert caught_up < 30
    assert_alerts(event_clock, part_truth.alerts)
    assert_state(event_clock, part_truth)


def test_a_zombie_writes_nothing(
    event_clock: Settings, part: Path, part_truth: ReplayResult, tmp_path: Path
) -> None:
    """A worker that stands still for longer than its session; another has its partitions when it wakes."""
    with Deployment(event_clock, tmp_path) as deployment:
        deployment.start()
        deployment.when_ready()
        zombie = deployment.start()
        deployment.when(lambda: bool(zombie.partitions()))
        deployment.when_ready()
        with publishing(event_clock, part, "--rate", 4000):
            deployment.when_it_comes_on(5000)
            zombie.signal(signal.SIGSTOP)
            deployment.workers.remove(zombie)
            waited = deployment.when_ready()
            assert waited > 5
            deployment.when_it_comes_on()
            zombie.signal(signal.SIGCONT)
            deployment.workers.append(zombie)
        deployment.when(lambda: [len(one.partitions()) for one in deployment.workers] == [2, 2])
        deployment.when_ready()
        deployment.when_drained()
        print(f"taken over after {waited:.1f} s; the zombie: {zombie.log[-600:]}")
    assert_alerts(event_clock, part_truth.alerts)
    assert_state(event_clock, part_truth)


def test_a_broker_that_crashes_is_waited_for(
    own_broker: FragileBroker, part: Path, part_truth: ReplayResult, tmp_path: Path
) -> None:
    settings = _made(settings_for(own_broker))
    with Deployment(settings, tmp_path) as deployment:
        deployment.start()
        deployment.when_ready()
        with publishing_slowly(settings, part, 2000) as busy:
            deployment.when_it_comes_on(10_000)
            own_broker.kill()
            time.sleep(3)
            own_broker.restart()
            waited = deployment.when_it_comes_on()
            assert busy(), "published before the broker was back"
        deployment.when_drained()
        print(f"works again {waited:.1f} s after the broker")
    assert_alerts(settings, part_truth.alerts)
    assert_state(settings, part_truth)


def test_a_broker_that_hangs_ends_the_worker(own_broker: FragileBroker, year: Path, tmp_path: Path) -> None:
    """The one with a short patience ends itself; the one that is asked to end does so."""
    settings = _made(settings_for(own_broker))
    broker = _halting(tmp_path)
    with Deployment(settings, tmp_path) as deployment:
        publish(settings, year)
        impatient, patient = deployment.start(watchdog_seconds=PATIENCE), deployment.start()
        deployment.when(lambda: all(one.partitions() for one in deployment.workers))
        deployment.when_ready()
        deployment.when_it_comes_on()
        assert lag(settings) > 20_000, "there is nothing left to commit"
        os.kill(broker, signal.SIGSTOP)
        started = time.monotonic()
        deployment.workers.clear()
        code = impatient.wait(30)
        ended = time.monotonic() - started
        patient.signal(signal.SIGTERM)
        asked = time.monotonic()
        patient.wait(30)
        stopped = time.monotonic() - asked
        os.kill(broker, signal.SIGCONT)
        print(f"ended itself after {ended:.1f} s, when asked after {stopped:.1f} s")
        assert (code, ended < PATIENCE + 5, stopped < 10) == (70, True, True), impatient.log[-2000:]


def test_a_broker_that_hangs_is_told_by_a_worker_that_has_nothing_to_do(
    own_broker: FragileBroker, tmp_path: Path
) -> None:
    """Not ready, with the reason, within 30 s; ready again by itself, and it works."""
    settings = _made(settings_for(own_broker)).model_copy(update={"clock": "live"})
    broker = _halting(tmp_path)
    with Deployment(settings, tmp_path) as deployment:
        one = deployment.start_ready()
        time.sleep(10)
        assert (one.get("/ready")[0], one.metric("retention_broker_last_answer_seconds") < 3) == (200, True)
        os.kill(broker, signal.SIGSTOP)
        waited = deployment.when(lambda: one.get("/ready")[0] == 503)
        told = json.loads(one.get("/ready")[1])["why"]
        time.sleep(30)
        age = one.metric("retention_broker_last_answer_seconds")
        os.kill(broker, signal.SIGCONT)
        back = deployment.when(lambda: one.get("/ready")[0] == 200)
        deployment.when_ready()
        send(settings, ticks(settings, WallClock().now_ms()))
        deployment.when_drained()
        print(f"not ready after {waited:.1f} s: {told}; after {age:.0f} s back within {back:.1f} s")
        assert 18 < waited < 30
        assert re.fullmatch(r"Kafka has not answered for 2\d s", told)
        assert age > 45
        assert back < 30


def _halting(folder: Path) -> int:
    """Return the process of a test's own broker; skip where it is a container."""
    broker = json.loads((folder / "kafka" / "broker.json").read_text())
    if broker["engine"] != "Java":
        pytest.skip("a container is not ours to halt")
    return int(broker["identity"])


def _made(settings: Settings) -> Settings:
    with admin_client(settings) as admin:
        create(admin, plan(settings))
    return settings.model_copy(update={"clock": "event"})
