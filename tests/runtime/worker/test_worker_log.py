"""What a worker says: libraries don't drown it."""

import logging

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
