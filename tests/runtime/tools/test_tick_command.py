"""`tick` without Kafka: which times it takes, and what its help teaches."""

import pytest

from schemas.times import format_ms
from streams.runtime.commands import tick as commands_tick
from streams.runtime.local_kafka.engine import free_port
from tests.lab.datasets import Done, run

NOW = 1_800_000_000_500


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be `NOW`, and Kafka be away: what isn't refused for its time ends with 69."""
    monkeypatch.setenv("RETENTION_BOOTSTRAP_SERVERS", f"127.0.0.1:{free_port()}")
    monkeypatch.setattr(commands_tick, "_now_ms", lambda: NOW)


def tick(until: str, *arguments: str) -> Done:
    return run("tick", "--until", until, *arguments)


@pytest.mark.parametrize(("ahead_ms", "code"), [(-1, 69), (0, 69), (1, 2)])
def test_a_time_in_the_future_is_refused(ahead_ms: int, code: int) -> None:
    done = tick(format_ms(NOW + ahead_ms))
    assert done.code == code
    assert ("is in the future" in done.err) is (code == 2)


@pytest.mark.parametrize(
    "until",
    ["now", "2026-03-01T12:00Z", "2026-03-01 12:00:00+01:00", "20260301T120000Z", "2000-01-01T00:00:00Z"],
)
def test_a_time_with_an_offset_is_taken(until: str) -> None:
    assert tick(until).code == 69


@pytest.mark.parametrize(
    ("until", "why"),
    [
        ("2026-03-01T12:00:00", "has no offset"),
        ("2026-03-01", "has no offset"),
        ("yesterday", "is no time"),
        ("", "is no time"),
        ("2026-02-30T12:00:00Z", "is no time"),
        ("1999-12-31T23:59:59.999Z", "is before the year 2000"),
        ("0001-01-01T00:00:00+23:59", "is before the year 2000"),
        ("9999-12-31T23:59:59-23:59", "is in the future"),
    ],
)
def test_any_other_time_is_refused_with_words(until: str, why: str) -> None:
    done = tick(until)
    assert (done.code, done.out) == (2, "")
    assert f"{until} {why}" in done.err


def test_what_is_refused_is_shown_harmless() -> None:
    done = tick("[red]\x1b[31m" + "x" * 1_000)
    assert done.code == 2
    assert r"[red]\u001b[31mxxx" in done.err
    assert "x" * 60 not in done.err


@pytest.mark.parametrize("arguments", [(), ("--input", "customers"), ("--input", "contacts,transactions")])
def test_inputs_other_than_facts_are_refused(arguments: tuple[str, ...]) -> None:
    assert run("tick", *arguments, *(("--until", "now") if arguments else ())).code == 2


def test_its_help_teaches_when_one_needs_it() -> None:
    done = run("tick", "--help")
    assert done.code == 0
    for words in ("to go live where", "36 hours", "stopped for good", "is late", "8 days"):
        assert words in done.out
