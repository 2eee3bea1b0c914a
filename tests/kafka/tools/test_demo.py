"""The demo on a real Kafka: the alerts of replay, one worker killed on the way, and nothing left behind."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from threading import Timer

import pytest
from typer.testing import Result

from streams.demo import command
from streams.demo.broker import KAFKA_FOLDER, DemoKafka, some_kafka, topics_of
from streams.demo.command import demo_command
from streams.demo.play import Demo
from streams.demo.processes import DemoError
from streams.demo.workers import workers
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import plan, read
from streams.runtime.local_kafka.broker import LocalKafka, answers
from streams.runtime.local_kafka.distribution import LocalKafkaError, jar_folder
from streams.runtime.local_kafka.engine import free_port, is_free
from streams.settings import Settings
from tests.kafka.commands import run_command, until
from tests.lab.datasets import write_dataset, write_rules

JAVA_IS_MISSING = "no Docker daemon answers; Java 17 or newer is missing"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what `kafka up` may have started in this tree."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Give a small history that has alerts under `rules.toml`."""
    write_dataset(tmp_path / "dataset")
    return tmp_path / "dataset"


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a machine on which no Kafka can be started."""

    def choose(_jars: Path) -> str:
        raise LocalKafkaError(JAVA_IS_MISSING)

    monkeypatch.setattr("streams.runtime.local_kafka.broker.choose_engine", choose)


def demo(settings: Settings, dataset: Path, *arguments: object, **changes: object) -> Result:
    """Run the demo in `out`, beside the dataset."""
    changes = {"ruleset_file": write_rules(dataset.parent)} | changes
    out = dataset.parent / "out"
    return run_command(demo_command, settings, "--data", dataset, "--out", out, *arguments, **changes)


def lend(jars: Path, home: Path) -> None:
    """Give a folder the program of Kafka, if it runs on Java here."""
    if jar_folder(jars).is_dir():
        lent = jar_folder(home / KAFKA_FOLDER)
        lent.parent.mkdir()
        lent.symlink_to(jar_folder(jars))


def ports(out: Path) -> list[int]:
    """Return the ports that workers told of in their logs."""
    logs = "".join(path.read_text(encoding="utf-8") for path in out.glob("worker-*.log"))
    return [int(port) for port in re.findall(r"lookup at http://127\.0\.0\.1:(\d+)", logs)]


def names(settings: Settings) -> set[str]:
    """Return all topics and groups of demos."""
    with admin_client(settings) as admin:
        found = [one["name"] for one in admin.describe_topics()]
        found += [one["group_id"] for one in admin.list_groups()]
    return {one for one in found if one.startswith("demo-")}


@pytest.mark.kafka
def test_the_topic_holds_what_replay_gives_and_nothing_is_left(
    settings: Settings, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end the cases are in a CRM, ranked, and what is decided there resolves an alert."""
    monkeypatch.setenv("RETENTION_CRM_URL", "https://crm.example.com/of-the-user")
    monkeypatch.setenv("RETENTION_CRM_BUDGET_ALERTS", "of-the-user")  # a bridge that read it would end
    told = demo(settings, dataset, "--seconds", 3)
    assert (told.exit_code, told.stderr) == (0, "")
    shown = told.stdout
    assert shown.startswith(f"Kafka at {settings.bootstrap_servers[0]} (yours)\n")
    said = ("two workers are ready", "worker 2 was killed", "worker 1 has taken over", "worker 2 is back")
    places = [shown.index(one) for one in said]
    assert places == sorted(places)
    found = re.search(r"\n(\d+) alert records on the topic: exactly those of replay, none twice", shown)
    assert found is not None
    out = dataset.parent / "out"
    assert int(found[1]) == len((out / "alerts.jsonl").read_bytes().splitlines()) > 20
    assert (out / "report.html").stat().st_size > 10_000
    assert (out / "dead-letters.jsonl").read_bytes() == b""
    assert len(ports(out)) == 3
    assert all(map(is_free, ports(out)))
    until(lambda: not names(settings))
    check_the_crm(shown, out)


def check_the_crm(shown: str, out: Path) -> None:
    """Look at the cases that were delivered, of which the first was closed at the end."""
    assert re.search(r"cases are delivered to a CRM sandbox: http://127\.0\.0\.1:\d+/", shown)
    listed = shown[shown.index("In the CRM (a sandbox), delivered by the bridge: open cases first") :]
    found = re.search(r"\n([\d,]+) open, ([\d,]+) resolved; [\d,]+ messages", listed)
    assert found is not None
    assert "one disposition was posted there: the first case is closed, benign" in listed
    with closing(sqlite3.connect(out / "crm.sqlite3")) as database:
        kinds = dict(database.execute("SELECT kind, count(*) FROM messages GROUP BY kind"))
    newest = {}
    for line in (out / "alerts.jsonl").read_bytes().splitlines():
        record = json.loads(line)
        newest[record["alert_id"]] = record["state"]
    still_open = sum(state != "resolved" for state in newest.values())
    assert int(found[1]) == still_open > 0
    assert kinds["create"] == int(found[1]) + int(found[2])
    assert kinds["close"] == int(found[2]) + 1
    assert "Traceback" not in (out / "bridge.log").read_text(encoding="utf-8")


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("sign", "when"), [(signal.SIGINT, "two workers are ready"), (signal.SIGTERM, "Kafka at")]
)
def test_an_ending_from_outside_leaves_nothing(
    jars: Path, dataset: Path, sign: signal.Signals, when: str
) -> None:
    """The shell ignores Ctrl-C, as it does for what runs in the background."""
    home = dataset.parent
    lend(jars, home)
    code = "import typer; from streams.demo.command import demo_command as c; typer.run(c)"
    ignoring = ("/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh")
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [*ignoring, sys.executable, "-u", "-c", code, "--data", str(dataset), "--out", "out"],
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    last_resort = Timer(120, process.kill)
    last_resort.start()
    assert process.stdout is not None
    shown = ""
    while when not in shown:
        line = process.stdout.readline()
        assert line, process.communicate()
        shown += line
    process.send_signal(sign)
    out, errors = process.communicate()
    last_resort.cancel()
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "stopped before the end, and all that was started with it"
    broker = re.search(r"Kafka at 127\.0\.0\.1:(\d+) \(its own", shown + out)
    assert broker is not None
    assert is_free(int(broker[1]))
    assert not (home / "out" / "kafka" / "broker.json").exists()
    assert all(map(is_free, ports(home / "out")))
    assert "Traceback" not in errors


@pytest.mark.kafka
def test_a_difference_from_replay_is_exit_code_1(
    settings: Settings, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def differs(_demo: Demo, _kafka: DemoKafka) -> bool:
        return False

    monkeypatch.setattr(command, "play", differs)
    assert demo(settings, dataset).exit_code == 1


@pytest.mark.kafka
def test_topics_are_deleted_unless_kept(settings: Settings, tmp_path: Path) -> None:
    with some_kafka(settings, tmp_path, keep=False) as place:
        assert (place.whose, place.own) == ("yours", False)
        for keep in (True, False):
            with topics_of(place, keep=keep):
                pass
            with admin_client(place.settings) as admin:
                if keep:
                    assert len(read(admin, plan(place.settings))) == 9
                else:  # Kafka deletes them a moment after it said so
                    until(lambda: not read(admin, plan(place.settings)))


@pytest.mark.kafka
def test_its_own_broker_ends_unless_kept_and_is_found_again(jars: Path, tmp_path: Path) -> None:
    lend(jars, tmp_path)
    folder = tmp_path / "kafka"
    with some_kafka(Settings(), folder, keep=True) as kept:
        assert kept.own
    with some_kafka(Settings(), folder, keep=False) as again:
        assert again.settings.bootstrap_servers == kept.settings.bootstrap_servers
        assert again.settings.topic_prefix != kept.settings.topic_prefix
        assert answers(again.settings.bootstrap_servers[0])
    assert not answers(kept.settings.bootstrap_servers[0])


@pytest.mark.kafka
def test_what_kafka_up_started_is_used_and_left_running(jars: Path, tmp_path: Path) -> None:
    lend(jars, tmp_path)
    local = LocalKafka(KAFKA_FOLDER)
    try:
        broker = local.up(0)
        with some_kafka(Settings(), tmp_path / "own", keep=False) as place:
            assert (place.settings.bootstrap_servers, place.own) == ((broker.bootstrap,), False)
        assert local.running() == broker
    finally:
        local.down(erase=True, kill=True)


@pytest.mark.usefixtures("no_engine")
def test_without_any_kafka_it_says_so_and_replays(dataset: Path) -> None:
    away = f"127.0.0.1:{free_port()}"
    told = demo(Settings(), dataset, bootstrap_servers=(away,))
    assert told.exit_code == 0
    assert told.stderr == f"Kafka at {away} does not answer: Connection refused; going on without it\n"
    assert told.stdout.startswith(f"no Kafka, so there is only replay: {JAVA_IS_MISSING}\n")
    assert "Customers to win back" in told.stdout
    assert (dataset.parent / "out" / "report.html").is_file()


def test_no_kafka_only_replays(dataset: Path) -> None:
    told = demo(Settings(), dataset, "--no-kafka")
    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout.startswith("Customers to win back")


def test_a_worker_that_ends_is_told(tmp_path: Path) -> None:
    away = Settings(bootstrap_servers=(f"127.0.0.1:{free_port()}",))
    with (
        workers(away, tmp_path) as started,
        pytest.raises(DemoError, match=r"worker 1 ended with 69: error: Kaf"),
    ):
        until(lambda: not started[0].running)


def test_one_demo_at_a_time(dataset: Path, tmp_path: Path) -> None:
    code = (
        "import fcntl, sys; f = open('out/lock', 'w'); fcntl.flock(f, 2); print(flush=True); sys.stdin.read()"
    )
    (tmp_path / "out").mkdir()
    with subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-c", code], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        told = demo(Settings(), dataset, "--no-kafka")
        other.communicate()
    assert (told.exit_code, told.stderr) == (69, f"error: another demo runs in {tmp_path / 'out'}\n")


def test_nothing_to_read_is_one_line(tmp_path: Path) -> None:
    told = demo(Settings(), tmp_path / "nowhere", "--no-kafka")
    assert (told.exit_code, told.stderr) == (66, f"error: no such directory: {tmp_path / 'nowhere'}\n")
