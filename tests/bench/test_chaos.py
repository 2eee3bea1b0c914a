"""The frame of `make chaos`: what is run, what is kept, what fails, what the table says."""

from pathlib import Path

import pytest

from bench.chaos import __main__ as chaos
from bench.chaos.outcome import Outcome, newest, read
from bench.chaos.place import Place, Say, Scale
from bench.chaos.rows import Row, rows
from bench.chaos.table import MEASURED, PAGE, table, written

TOP = Path(__file__).parents[2]


def outcome(**changes: object) -> Outcome:
    usual = {"row": "", "what": "", "trials": 30, "events": 1000, "faults": {"SIGKILL": 30}}
    return Outcome(**usual | changes)  # type: ignore[arg-type]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have three rows instead of the real ones, and tell which were run."""
    ran: list[str] = []

    def row(name: str, **changes: object) -> Row:
        def at(place: Place, scale: Scale, say: Say) -> Outcome:
            ran.append(name)
            say(f"{scale} in a folder of its own: {place.folder.is_dir()}")
            if name == "R3":
                raise AssertionError("it can't be judged")
            return outcome(**changes)

        return Row(name, f"faults of {name}", at)

    made = [row("R2"), row("R10", lost=1), row("R3"), Row("R9", "tested", tests=("tests/x.py",))]
    monkeypatch.setattr(chaos, "rows", lambda: {one.name: one for one in made})
    return ran


def test_what_is_finished_is_not_run_again_and_what_failed_is(
    run: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "results")]
    assert chaos.main(["--only", "R2", *out]) == 0
    assert chaos.main(out) == 1
    assert run == ["R2", "R10", "R3"]
    assert chaos.main(out) == 1
    assert run == ["R2", "R10", "R3", "R10", "R3"]
    assert chaos.main(["--only", "R2", "--scale", "small", *out]) == 0
    assert chaos.main(["--only", "R2", "--again", *out]) == 0
    assert run[-2:] == ["R2", "R2"]
    told = capsys.readouterr().out
    assert "R10 (0 s): WRONG: 1 lost" in told
    assert "R2: the results have it" in told
    assert "R3     0 s: NOT JUDGED" in told
    found = read([tmp_path / "results"])
    assert [one.outcome.row for one in found] == ["R2", "R10", "R10", "R2", "R2"]
    assert found[0].outcome.what == "faults of R2"


def test_a_fault_that_never_happened_and_a_limit_that_was_missed_are_wrong() -> None:
    assert outcome().wrong == []
    assert outcome(faults={"SIGKILL": 3, "abort": 0}).wrong == ["never happened: abort"]
    assert outcome(missed=("back after 31 s",), phantom=2).wrong == ["2 phantom", "back after 31 s"]


@pytest.mark.usefixtures("run")
def test_a_row_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        chaos.main(["--only", "R99", "--out", str(tmp_path / "results")])
    assert "no such row: R99; there are R2, R10, R3, R9" in capsys.readouterr().err


@pytest.mark.usefixtures("run")
def test_the_table_tells_what_happened_and_what_zeros_are_worth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "results"
    chaos.main(["--out", str(made)])
    monkeypatch.setattr("bench.chaos.table.rows", vars(chaos)["rows"])
    told = table(newest(read([made]), Scale.LONG))
    assert "| R2 | faults of R2 | 30 × SIGKILL | 1,000 | 0 / 0 / 0 |" in told
    assert "| **1 / 0 / 0** |" in told
    assert "with the trials in brackets: R2 10 % (30)." in told
    assert "Not measured: R3." in told
    assert "- R9, tested: `tests/x.py`" in told


def test_the_page_is_drawn_up_from_the_results() -> None:
    assert PAGE.read_text(encoding="utf-8") == written(read([MEASURED])), "make reliability-page"


def test_each_row_is_run_or_names_tests_that_are_there() -> None:
    for row in rows().values():
        assert row.run or row.tests, row.name
        for test in row.tests:
            path, _, name = test.partition("::")
            text = (TOP / path).read_text(encoding="utf-8")
            assert not name or f"def {name}(" in text, test
