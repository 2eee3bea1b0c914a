"""The desk of the demo: what it is told, what is said of it at the end, and that it ends."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from streams.crm_settings import crm_variable
from streams.demo import desk as module
from streams.demo.desk import Desk, desk
from streams.demo.processes import DemoError
from streams.demo.workers import WorkerProcess
from streams.desk_settings import desk_variable
from streams.settings import Settings, variable
from tests.demo.test_demo_crm import _Process

FIGURES = {"retention_desk_lag_records": 0.0, "retention_desk_records_total": 221.0, "open": 11.0}


@pytest.fixture(autouse=True)
def not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Process", _Process)


@pytest.fixture
def workers(tmp_path: Path) -> list[WorkerProcess]:
    return [WorkerProcess(number, Settings(), tmp_path) for number in (1, 2)]


def process_of(one: Desk) -> _Process:
    assert isinstance(one.process, _Process)
    return one.process


@pytest.mark.parametrize("synthetic", [True, False])
def test_it_is_told_of_the_workers_and_nothing_that_a_user_has_set(
    workers: list[WorkerProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synthetic: bool
) -> None:
    monkeypatch.setenv(variable("worker_addresses"), "of-the-user:1")
    for name in (crm_variable("canary_prefix"), desk_variable("undo_seconds")):
        monkeypatch.setenv(name, "of-the-user")
    process = process_of(Desk(Settings(), workers, tmp_path, synthetic=synthetic))
    assert not [value for value in process.environment.values() if "of-the-user" in value]
    assert process.environment[variable("worker_addresses")] == ",".join(one.host for one in workers)
    assert process.arguments == (["desk", "--synthetic"] if synthetic else ["desk"])


def test_at_the_end_it_says_where_it_is_and_what_it_has_read(
    workers: list[WorkerProcess],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told: Iterator[Mapping[str, float]] = iter([{}, FIGURES | {"retention_desk_lag_records": 1.0}, FIGURES])
    monkeypatch.setattr(Desk, "_figures", lambda _self: next(told))
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.0)
    with desk(Settings(), workers, tmp_path, synthetic=True) as one:
        assert one is not None
        one.show()
        process = process_of(one)
        assert process.began
    assert process.asked
    assert f"has read 221 alert records, 11 alerts are open: {one.address}" in capsys.readouterr().out


def test_one_that_ended_or_says_nothing_ends_the_demo(
    workers: list[WorkerProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Desk, "_figures", lambda _self: {})
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.0)
    with desk(Settings(), workers, tmp_path, synthetic=True) as one:
        assert one is not None
        with pytest.raises(DemoError, match="takes too long"):
            one.show()
        process_of(one).ended = "the desk ended with 70"
        with pytest.raises(DemoError, match="ended with 70"):
            one.show()
        process_of(one).ended = None


def test_without_the_extra_there_is_none(
    workers: list[WorkerProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "is_here", lambda _extra: False)
    with desk(Settings(), workers, tmp_path, synthetic=True) as one:
        assert one is None
