"""The CRM of the demo: what its processes are told, and what is said without the extra."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from streams.crm_settings import CRM_PREFIX, CrmSettings, crm_variable
from streams.demo import crm as module
from streams.demo.crm import Crm, crm
from streams.demo.processes import DemoError
from streams.demo.workers import WorkerProcess
from streams.settings import Settings, variable

MADE = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


class _Process:
    """A process that is not started, only asked about."""

    def __init__(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str], _log: Path
    ) -> None:
        self.name, self.arguments, self.environment = name, list(arguments), dict(environment)
        self.began = self.asked = False
        self.ended: str | None = None

    @property
    def running(self) -> bool:
        if self.ended is not None:
            raise DemoError(self.ended)
        return self.began

    def start(self) -> None:
        self.began = True

    def ask_to_stop(self) -> None:
        self.asked = True

    def wait(self) -> None:
        assert self.asked


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give what commands answer, by their first words; none is run."""
    answers = {"crm-sandbox secret": MADE, "crm-sandbox cases": ""}

    def answer(_self: Crm, *arguments: str) -> str:
        return answers[" ".join(arguments[:2])]

    monkeypatch.setattr(Crm, "_told", answer)
    monkeypatch.setattr(module, "Process", _Process)
    return answers


@pytest.fixture
def workers(tmp_path: Path) -> list[WorkerProcess]:
    """Give workers that do not run."""
    return [WorkerProcess(number, Settings(), tmp_path) for number in (1, 2)]


def processes(one: Crm) -> tuple[Any, Any]:
    sandbox, bridge = one.processes
    return sandbox, bridge


@pytest.mark.usefixtures("told")
def test_what_a_user_has_set_for_a_crm_of_their_own_never_reaches_it(
    workers: list[WorkerProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else synthetic cases would go to a real CRM, signed with its secret."""
    for name in CrmSettings.model_fields:
        monkeypatch.setenv(crm_variable(name), "https://crm.example.com/of-the-user")
    monkeypatch.setenv(crm_variable("auth_secret_file").lower(), "of-the-user")
    monkeypatch.setenv(variable("worker_addresses"), "of-the-user:1")
    sandbox, bridge = processes(Crm(Settings(), workers, tmp_path, synthetic=True))
    for environment in (sandbox.environment, bridge.environment):
        assert not [name for name, value in environment.items() if "of-the-user" in value]
    told = {name for name in bridge.environment if name.upper().startswith(CRM_PREFIX)}
    assert told == {
        crm_variable(name)
        for name in (
            *("url", "secret_file", "bridge_url", "ledger"),
            *("backfill", "requests_per_second", "refresh_hours"),
        )
    }
    assert bridge.environment[crm_variable("url")].startswith("http://127.0.0.1:")
    assert bridge.environment[variable("worker_addresses")] == ",".join(one.host for one in workers)


@pytest.mark.usefixtures("told")
def test_it_begins_anew_each_time_and_its_secret_is_its_own(
    workers: list[WorkerProcess], tmp_path: Path
) -> None:
    old = [
        tmp_path / name for name in ("crm.sqlite3", "crm.sqlite3-wal", "bridge.ledger", "bridge.ledger.lock")
    ]
    for path in old:
        path.write_text("old")
    sandbox, _ = processes(Crm(Settings(), workers, tmp_path, synthetic=False))
    assert not any(path.exists() for path in old)
    secret = tmp_path / "crm.secret"
    assert secret.read_text() == MADE
    assert secret.stat().st_mode & 0o077 == 0
    assert "--synthetic" not in sandbox.arguments
    assert "--time-of-case" in sandbox.arguments  # cases are of a history
    sandbox, _ = processes(Crm(Settings(), workers, tmp_path, synthetic=True))
    assert "--synthetic" in sandbox.arguments


@pytest.mark.usefixtures("told")
def test_without_the_extra_it_says_so_and_starts_nothing(
    workers: list[WorkerProcess],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(module, "is_here", lambda extra: extra != "crm")
    before = set(tmp_path.iterdir())
    with crm(Settings(), workers, tmp_path, synthetic=True) as one:
        assert one is None
    assert capsys.readouterr().out == (
        "no CRM in this demo: the bridge needs the extra [crm]: pip install 'retention-signals[crm]'\n"
    )
    assert set(tmp_path.iterdir()) == before


@pytest.mark.usefixtures("told")
def test_both_processes_have_ended_when_it_has_whatever_happens(
    workers: list[WorkerProcess], tmp_path: Path
) -> None:
    with pytest.raises(RuntimeError), crm(Settings(), workers, tmp_path, synthetic=True) as one:  # noqa: PT012
        assert one is not None
        started = processes(one)
        assert all(each.began for each in started)
        raise RuntimeError
    assert all(each.asked for each in started)


def test_a_bridge_that_ended_is_told_and_not_waited_for(
    told: dict[str, str], workers: list[WorkerProcess], tmp_path: Path
) -> None:
    one = Crm(Settings(), workers, tmp_path, synthetic=True)
    _, bridge = processes(one)
    bridge.ended = "the bridge ended with 78: error: no"
    with pytest.raises(DemoError, match="the bridge ended with 78"):
        one.show()
    assert told


def test_where_no_case_is_open_none_is_closed(
    told: dict[str, str],
    workers: list[WorkerProcess],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told["crm-sandbox cases"] = json.dumps({"alert_id": "a", "state": "resolved"})
    one = Crm(Settings(), workers, tmp_path, synthetic=True)
    monkeypatch.setattr(one, "_is_quiet", lambda: True)
    one.show()
    assert "In the CRM (a sandbox)" in capsys.readouterr().out
