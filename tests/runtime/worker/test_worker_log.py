"""What a worker says: libraries don't drown it."""

import logging
import subprocess
import sys

import pytest

from streams.runtime.commands.worker import OncePerMinute


def said(log_filter: OncePerMinute, name: str, message: str, at: float) -> bool:
    record = logging.LogRecord(name, logging.ERROR, "", 0, message, (at,), None)
    record.created = at
    return bool(log_filter.filter(record))


def test_a_library_repeats_itself_once_a_minute() -> None:
    log_filter = OncePerMinute()
    times = [at / 100 for at in range(15_000)]
    shown = [at for at in times if said(log_filter, "aiokafka", "node %s is away", 1e9 + at)]
    assert shown == [0, 60, 120]
    assert said(log_filter, "aiokafka", "something else", 1e9 + 1)


def test_the_worker_is_never_cut_short() -> None:
    log_filter = OncePerMinute()
    assert all(
        said(log_filter, "streams.runtime.partition.supervisor", "partition %s is opened again", 1e9)
        for _ in range(10)
    )


@pytest.mark.parametrize(("server", "lines"), [("kafka:9092", 1), ("127.0.0.1:9092", 0)])
def test_the_first_line_says_that_kafka_is_talked_to_unencrypted(server: str, lines: int) -> None:
    code = (
        "from streams.runtime.commands.worker import set_up_logging\n"
        "from streams.settings import Settings\n"
        f"set_up_logging(Settings(bootstrap_servers={server!r}))\n"
    )
    done = subprocess.run(  # noqa: S603 - ourselves: pytest has a log of its own
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    said = done.stderr.splitlines()
    assert len(said) == lines
    assert all("WARNING KAFKA IS NOT ON THIS MACHINE" in line for line in said)
