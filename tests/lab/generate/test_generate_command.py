"""The command `generate`: its options, what it prints, and how it refuses."""

import inspect
from dataclasses import fields
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from streams.lab.generate import GenerateOptions, OptionError, Shape, command, populations
from streams.lab.generate.command import generate_command, parse_shapes

SMALL = ["--population", "synthetic", "--customers", "30", "--days", "60"]


@pytest.fixture(name="run")
def run_fixture() -> "Run":
    return Run()


class Run:
    """Runs the command as a user would."""

    def __init__(self) -> None:
        self._app = typer.Typer()
        self._app.command()(generate_command)

    def __call__(self, *arguments: str | Path) -> tuple[int, str]:
        """Return the exit code and everything printed, on one line."""
        result = CliRunner().invoke(self._app, [str(each) for each in arguments], env={"COLUMNS": "200"})
        return result.exit_code, " ".join(result.output.split())


def test_files_and_a_table(run: Run, tmp_path: Path) -> None:
    code, output = run(tmp_path / "new", *SMALL, "--holidays", "2")
    assert code == 0
    assert {path.name for path in (tmp_path / "new").iterdir()} == {
        "transactions.jsonl", "contacts.jsonl", "customers.jsonl", "truth.jsonl"
    }  # fmt: skip
    for words in ("synthetic contacts and boycotts", "truth.jsonl", "severe journeys", "holidays"):
        assert words in output


def test_every_option_is_offered_with_its_default_and_meaning(run: Run, tmp_path: Path) -> None:
    offered = inspect.signature(generate_command).parameters
    names = {each.name for each in fields(GenerateOptions)}
    assert names == set(offered) - {"directory", "force"}
    code, output = run("--help")
    assert code == 0
    assert all(f"--{name.replace('_', '-')}" in output for name in names)
    assert run(tmp_path / "a", *SMALL)[0] == 0
    assert parse_shapes(str(offered["shapes"].default)) == GenerateOptions().shapes


def test_options_reach_the_generator(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[GenerateOptions] = []

    def fake(_directory: Path, options: GenerateOptions, _progress: object) -> None:
        seen.append(options)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(command, "generate", fake)
    arguments = [
        "--start",
        "2023-02-01",
        "--shapes",
        "full=1",
        "--gzip",
        "--late-days",
        "9",
        "--weights",
        "zipf",
    ]
    code, output = run(tmp_path, *arguments)
    assert (code, "No space left on device" in output) == (73, True)
    assert (seen[0].start.isoformat(), seen[0].shapes, seen[0].gzip) == ("2023-02-01", {Shape.FULL: 1}, True)
    assert (seen[0].late_days, seen[0].weights, seen[0].seed) == (9, "zipf", 1)


def test_defaults_are_those_of_the_options(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[GenerateOptions] = []

    def fake(_directory: Path, options: GenerateOptions, _progress: object) -> None:
        seen.append(options)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(command, "generate", fake)
    run(tmp_path)
    with pytest.raises(typer.Exit):
        generate_command(tmp_path)  # as the demo calls it
    assert seen == [GenerateOptions(), GenerateOptions()]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--late-share", "1.5"], "late_share"),
        (["--shapes", "full"], "shapes"),
        (["--shapes", "sudden=1"], "shapes"),
        (["--shapes", "full=0"], "shapes"),
        (["--customers", "0"], "customers"),
    ],
)
def test_a_bad_option_is_named(run: Run, tmp_path: Path, arguments: list[str], named: str) -> None:
    code, output = run(tmp_path, *arguments)
    assert (code, named in output) == (64, True)
    assert not list(tmp_path.iterdir())


def test_a_directory_that_is_not_empty_is_left_alone_unless_forced(run: Run, tmp_path: Path) -> None:
    (tmp_path / "dispositions.jsonl").write_text("old")
    code, output = run(tmp_path, *SMALL)
    assert (code, "--force" in output) == (73, True)
    assert [path.name for path in tmp_path.iterdir()] == ["dispositions.jsonl"]
    assert run(tmp_path, *SMALL, "--force")[0] == 0
    assert not (tmp_path / "dispositions.jsonl").exists()


def test_a_file_in_the_place_of_the_directory_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    code, output = run(tmp_path / "file", *SMALL)
    assert (code, "cannot be written" in output) == (73, True)
    assert (tmp_path / "file").read_text() == "kept"


def test_the_extra_of_a_missing_history_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(populations, "find_spec", lambda _name: None)
    code, output = run(tmp_path, "--population", "cdnow")
    assert (code, "lifetimes needs the extra [dev]" in " ".join(output.split())) == (78, True)


def test_shapes_not_named_have_no_weight() -> None:
    assert parse_shapes("full=2, gradual=0.5") == {Shape.FULL: 2, Shape.GRADUAL: 0.5}
    with pytest.raises(OptionError, match="fewer_trips"):
        parse_shapes("full=2,")
