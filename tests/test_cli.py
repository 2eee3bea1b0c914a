"""The command `retention-signals`: its commands, its help, and how it refuses."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams import lazy_commands
from streams.cli import rest_seconds
from tests.lab.datasets import run

COMMANDS = ("generate", "replay", "explain", "schema")


def test_without_a_command_it_helps() -> None:
    done = run()
    assert done.code == 2
    assert all(command in done.out + done.err for command in COMMANDS)


def every_command() -> Iterator[tuple[str, ...]]:
    yield ()
    for name in lazy_commands.COMMANDS:
        yield (name,)
        command = lazy_commands.imported(name)
        yield from ((name, inner) for inner in getattr(command, "commands", ()))


def test_every_command_has_help() -> None:
    for command in every_command():
        done = run(*command, "--help")
        assert done.code == 0, command
        assert "Usage: " in done.out, command
        assert done.err == "", command


@pytest.mark.parametrize(
    "arguments",
    [
        ("replya",),
        ("replay",),
        ("replay", ".", "--no-such-option"),
        ("replay", ".", "--partitions", "0"),
        ("replay", ".", "--partitions", "1025"),
        ("replay", ".", "--partitions", "four"),
        ("replay", ".", "--top", "-1"),
        ("replay", ".", "--currency", "usd"),
        ("replay", ".", "--currency", "dollars"),
        ("explain", "."),
        ("explain", ".", "--customer", "c", "--currency", "$"),
        ("generate",),
        ("schema",),
        ("schema", "export"),
    ],
)
def test_a_wrong_call_exits_2(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert "Usage: " in done.out + done.err


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    done = run("--version")
    assert (done.code, done.out, done.err) == (0, f"retention-signals {project['project']['version']}\n", "")


def test_the_documents_are_written_and_named(tmp_path: Path) -> None:
    done = run("schema", "export", tmp_path / "new")
    assert done.code == 0
    named = [Path(line) for line in done.out.splitlines()]
    assert set(named) == set((tmp_path / "new").iterdir())
    assert all(json.loads(path.read_text(encoding="utf-8")) for path in named)


def test_documents_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("schema", "export", tmp_path / "file")
    assert (done.code, done.out) == (73, "")
    assert done.err.startswith(f"error: {tmp_path / 'file'} cannot be written: ")


def test_the_installed_command_runs_and_fails_in_one_sentence(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("retention-signals")
    done = subprocess.run([command, "replay", tmp_path], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 66
    assert done.stdout == ""
    assert done.stderr.startswith("error: nothing to read in ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("code", "arguments", "seconds", "rests"),
    [
        (78, ["worker"], "60", 60.0),
        (78, ["crm-sandbox", "--host", "x"], "0.5", 0.5),
        (78, ["topics", "check"], "60", 0.0),
        (78, [], "60", 0.0),
        (69, ["worker"], "60", 0.0),
        (0, ["worker"], "60", 0.0),
        (78, ["worker"], "", 0.0),
        *((78, ["worker"], wrong, 0.0) for wrong in ("soon", "-1", "1e9", "nan", "inf")),
    ],
)
def test_only_a_server_that_cannot_be_mended_by_a_restart_waits_before_it_ends(
    code: int, arguments: list[str], seconds: str, rests: float
) -> None:
    assert rest_seconds(code, arguments, {"RETENTION_CONFIG_ERROR_SECONDS": seconds}) == rests


def test_a_server_that_cannot_start_waits_and_can_be_ended_meanwhile() -> None:
    started = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "streams", "worker"],
        env={**os.environ, "RETENTION_CLOCK": "sun", "RETENTION_CONFIG_ERROR_SECONDS": "300"},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "RETENTION_CLOCK" in process.stderr.readline()
        assert "it ends in 300 s" in process.stderr.readline()
        process.terminate()
        assert process.wait(10) == -signal.SIGTERM
    assert time.monotonic() - started < 60
