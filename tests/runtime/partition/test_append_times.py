"""Which record decided an alert, and when it was appended: what the latency counts from."""

from collections.abc import Iterable

import pytest

from schemas.alert import Alert
from schemas.times import format_ms
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input
from streams.runtime.partition.append_times import MOST_KEPT, AppendTimes
from streams.runtime.partition.processor import Identity, PartitionProcessor
from streams.runtime.ports import Bounds, Fetched, LogRecord, RawRecord
from tests.runtime.dataset import RULES, TROUBLE, dataset, wait
from tests.runtime.history import NOW
from tests.runtime.lines import contact, disposition, key_of, purchase
from tests.runtime.partition.test_processor import Memory, now

TX, CT = FACTS
APPENDED = NOW - 3_000
SEVERE = {"complaint": True, "ended_by": "system", "repeated_information": True, "hold_seconds": 900}
"""With what a contact brings anyway, even odds at once."""
BEGAN = NOW - 150 * DAY_MS
[RAISED] = wait(dataset(), TROUBLE + 30 * DAY_MS)[:1]


def raised(customer_id: str, time: int) -> Alert:
    return RAISED.model_copy(update={"customer_id": customer_id, "time": format_ms(time)})


def records(*lines: bytes | None, key: bytes | None = None, appended: int = APPENDED) -> list[LogRecord]:
    return [
        RawRecord(at, appended + at, key_of(line) if line else key, line) for at, line in enumerate(lines)
    ]


def processor() -> PartitionProcessor:
    """Return a processor whose customer bought daily for 150 days; up to NOW nothing is decided."""
    log = Memory(dict.fromkeys(Input, Bounds(0, 0)) | dict.fromkeys(FACTS, Bounds(0, 1_000)))
    made = PartitionProcessor(Identity("test", RULES, "USD", 0, 1), log, lambda: NOW)
    now(made.open())
    bought = records(*(purchase("a", BEGAN + day * DAY_MS) for day in range(150)))
    assert made.take(Fetched(TX, 0, bought, 150))
    return made


def appended(made: PartitionProcessor) -> list[tuple[str, int | None]]:
    return [(one.state, at) for one, at in zip(made._alerts, made._appended, strict=True)]


def taken(made: PartitionProcessor, lines: Iterable[LogRecord], source: Input = CT) -> None:
    lines, before = list(lines), made.positions[source]
    assert made.take(Fetched(source, before, lines, before + len(lines)))


def test_it_is_the_contact_that_decides_and_neither_the_batch_nor_the_clock() -> None:
    made = processor()
    severe = contact("a", NOW - 4_000, **SEVERE)
    taken(made, records(b"poison", contact("b", NOW - 5_000), severe, contact("b", NOW - 1_000)))
    made.advance(dict.fromkeys(FACTS, NOW))
    assert appended(made) == [("raised", APPENDED + 2)]


def test_of_what_time_alone_decides_there_is_no_record() -> None:
    made = processor()
    taken(made, records(contact("a", NOW - 4_000)))
    made.advance(dict.fromkeys(FACTS, NOW))
    made.advance(dict.fromkeys(FACTS, NOW + 20 * DAY_MS))
    assert appended(made) == [("raised", None), ("updated", None)]
    assert all(one.time.endswith(":00:00.000Z") for one in made._alerts)


def test_it_is_the_disposition_that_closes_and_the_erasure_that_erases() -> None:
    made = processor()
    taken(made, records(contact("a", NOW - 4_000, **SEVERE)))
    made.advance(dict.fromkeys(FACTS, NOW))
    [alert] = made._alerts
    late = disposition("a", NOW - HOUR_MS, alert.alert_id)
    taken(made, records(late, appended=NOW + 1), Input.DISPOSITIONS)
    made.advance(dict.fromkeys(FACTS, NOW + 1))
    assert appended(made)[1:] == [("resolved", NOW + 1)]
    again = contact("a", NOW + 2_000, **SEVERE)
    taken(made, records(again, appended=NOW + 3_000))
    made.advance(dict.fromkeys(FACTS, NOW + 10_000))
    taken(made, records(None, key=b"a", appended=NOW + 20_000), Input.CUSTOMERS)
    assert appended(made)[2:] == [("raised", NOW + 3_000), ("resolved", NOW + 20_000)]


@pytest.mark.parametrize(("until", "found"), [(999, None), (1_000, None), (1_001, 7)])
def test_a_fact_is_decided_when_the_watermark_exceeds_its_effective_time(
    until: int, found: int | None
) -> None:
    times = AppendTimes()
    times.note("a", 1_000, 7)
    assert times.take([raised("a", 1_000)], 0, until) == [found]
    later = times.take([raised("a", 1_000), raised("b", 1_000)], 0, 2_000)
    assert later == [None if found else 7, None]


@pytest.mark.parametrize(("before", "counts_from"), [(999, 1_000), (1_000, 1_000), (1_001, 1_001)])
def test_a_fact_behind_what_was_decided_counts_from_there(before: int, counts_from: int) -> None:
    times = AppendTimes()
    times.note("a", 1_000, 7)
    alerts = [raised("a", at) for at in (999, 1_000, 1_001)]
    found = times.take(alerts, before, 2_000)
    assert found == [7 if at == counts_from else None for at in (999, 1_000, 1_001)]


def test_no_more_is_remembered_than_fits() -> None:
    times = AppendTimes()
    for at in range(MOST_KEPT + 1):
        times.note("a", at, at)
    alerts = [raised("a", at) for at in range(MOST_KEPT + 1)]
    assert times.take(alerts, 0, MOST_KEPT + 1) == [*range(MOST_KEPT), None]
