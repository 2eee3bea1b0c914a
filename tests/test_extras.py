"""What runs with nothing installed but the worker's packages, and what is said where the lab is missing.

The packages are those of the project without extras, linked into a folder of their own: nothing else is seen.
"""

import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from typing import Final, cast

import pytest
from packaging.requirements import Requirement

from streams import extras
from streams.lazy_commands import COMMANDS, imported

TOP: Final = Path(__file__).parents[1]
PROJECT: Final = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
AROUND_KAFKA: Final = (
    *(
        "worker",
        "check",
        "publish",
        "tick",
        "alerts",
        "lookup",
        "redrive",
        "settings",
        "topics create",
        "topics check",
    ),
    *("state export", "state import", "kafka up", "kafka down", "schema export"),
)


def with_their_own(names: list[str]) -> set[str]:
    """Return the packages, and all that they need here."""
    found: set[str] = set()
    todo = [Requirement(name) for name in names]
    while todo:
        one = todo.pop()
        if one.name in found:
            continue
        found.add(one.name)
        needed = map(Requirement, distribution(one.name).requires or [])
        asked = ["", *one.extras]
        todo += [
            each
            for each in needed
            if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in asked)
        ]
    return found


@pytest.fixture(name="lean", scope="module")
def _lean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Link the packages of a worker's installation into a folder, and our own code beside them."""
    folder = tmp_path_factory.mktemp("lean")
    for name in with_their_own(PROJECT["dependencies"]) | {PROJECT["name"]}:
        one = distribution(name)
        tops = {file.parts[0] for file in one.files or [] if file.parts[0] not in {"..", "__pycache__"}}
        for top in tops - {path.name for path in folder.iterdir()}:
            (folder / top).symlink_to(str(one.locate_file(top)))
    for ours in ("schemas", "streams"):
        (folder / ours).symlink_to(TOP / ours)
    return folder


def python(lean: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python without the packages of its environment."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(lean), "COLUMNS": "200"}
    return subprocess.run(  # noqa: S603 - no shell, and nothing in it from outside
        [sys.executable, "-S", *arguments],
        cwd=lean,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def run(lean: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return python(lean, "-m", "streams", *arguments)


def test_without_extras_the_lab_is_not_there(lean: Path) -> None:
    names = {path.name for path in lean.iterdir()}
    assert {"faust", "numpy", "aiokafka"} <= names
    assert not names & {
        *(name for names in extras.PACKAGES.values() for name in names),
        "pandas",
        "pyarrow",
        "lifetimes",
        "autograd",
        "standardwebhooks",
        "pytest",
    }


@pytest.fixture(name="helped", scope="module")
def _helped(lean: Path) -> dict[str, tuple[int, str, str]]:
    """Return how every command answers to --help: exit code, output, errors. In one process, to be quick."""
    code = """
import json, sys
from typer.testing import CliRunner
from streams.cli import app
done = {one: CliRunner().invoke(app, [*one.split(), "--help"], prog_name="it") for one in sys.argv[1:]}
print(json.dumps({one: (it.exit_code, it.stdout, it.stderr) for one, it in done.items()}))
"""
    done = python(lean, "-c", code, *AROUND_KAFKA, *COMMANDS)
    assert (done.returncode, done.stderr) == (0, "")
    return cast(dict[str, tuple[int, str, str]], json.loads(done.stdout))


@pytest.mark.parametrize("command", AROUND_KAFKA)
def test_the_commands_around_kafka_need_no_extra(
    helped: dict[str, tuple[int, str, str]], command: str
) -> None:
    code, out, err = helped[command]
    assert (code, err) == (0, "")
    assert f"Usage: it {command}" in out


def test_every_command_is_listed_without_an_extra(lean: Path) -> None:
    done = run(lean, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(
        f" {command} " in done.stdout and told in done.stdout for command, (_, told, _) in COMMANDS.items()
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_the_list_says_of_a_command_what_its_help_says(command: str) -> None:
    told = imported(command).help or ""
    assert " ".join(told.split("\n\n", maxsplit=1)[0].split()) == COMMANDS[command][1]


@pytest.mark.parametrize("extra", extras.PACKAGES)
def test_an_extra_is_what_it_installs(extra: str) -> None:
    named = {Requirement(one).name.replace("-", "_") for one in PROJECT["optional-dependencies"][extra]}
    brought = {"fastavro"}  # by an extra of a package
    assert named == set(extras.PACKAGES[extra]) - brought


@pytest.mark.parametrize("extra", PROJECT["optional-dependencies"])
def test_a_sentence_about_an_extra_names_one_that_there_is(extra: str) -> None:
    assert f"[{extra}]" in extras.needs("this", extra)
