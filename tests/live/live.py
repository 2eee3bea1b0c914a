"""Live through what was written, on the live clock, and hold the alerts against those of the whole truth."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import pytest

from schemas.alert import Alert
from schemas.events import Erasure, Refusal
from schemas.times import parse_ms
from streams.core.partition.partition import Partition
from streams.core.ruleset import VERSIONS, Ruleset
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS
from streams.runtime.partition.decode import RecordDecoder
from streams.runtime.ports import Clock, RawRecord
from tests.live.dataset import DAYS, Happening, contacts, purchases
from tests.runtime.history import NOW
from tests.runtime.inputs import Arrivals, RightClock, Scene, scene
from tests.runtime.lines import key_of
from tests.runtime.virtual_time import run

RULES: Final = replace(VERSIONS["3"], population_minimum=5, high_value_quantile=0.1)
FINE_TURN_SECONDS: Final = 600.0
TURN_SECONDS: Final = 900.0
"""Supervisors and the consumer look as seldom, so that 400 days are over in ten seconds."""
MOST_RECORDS: Final = 5_000
"""Of a fetch: so that the history is read within hours all the same."""
END_MS: Final = NOW + DAYS * DAY_MS
TX, CT = FACTS


class Told(NamedTuple):
    """What an alert record says, but for its time."""

    alert_id: str
    customer_id: str
    state: str
    level: str


@dataclass
class Lived:
    """What was seen of a live run."""

    alerts: dict[Told, int]
    """Each alert record, by what it says, and its time (ms)."""
    late: int = 0
    """Purchases that came late."""
    refused: int = 0
    stopped: int = 0
    """Looks at which no two clocks agreed."""
    stalled: int = 0
    """Days that ended with purchases stalled."""
    broken_days: int = 0
    """Days that ended with a broken feed."""
    behind_ms: list[int] = field(default_factory=list)
    """How far the watermark was behind the time, at the end of each day."""
    held_back_ms: int = 0
    """The most that purchases were held back for their upstream delay."""
    sources: dict[str, set[int]] = field(default_factory=dict)
    """The delays of each source that were seen, in whole seconds."""


def told(alerts: Iterable[Alert]) -> dict[Told, int]:
    """Return what alerts say, each with its time; none may be said twice."""
    found: dict[Told, int] = {}
    for one in alerts:
        what = Told(one.alert_id, one.customer_id, one.state, one.level)
        assert what not in found, f"twice: {what}"
        found[what] = _ms(one)
    return found


def _ms(alert: Alert) -> int:
    return parse_ms(alert.time)


def whole_truth(all_: Sequence[Happening], rules: Ruleset = RULES, until: int = END_MS) -> dict[Told, int]:
    """Return the alerts of the fold over all of it in order of time."""
    partition, decode = Partition(rules), RecordDecoder("USD", 0, 1)
    for source, part in ((TX, purchases(all_)), (CT, contacts(all_))):
        found = [
            decode(source, RawRecord(0, one.time, key_of(one.line), one.line), partition.knows)
            for one in sorted(part, key=lambda one: one.time)
        ]
        partition.apply(source, [one for one in found if not isinstance(one, Refusal | Erasure)])
    return told(partition.advance(dict.fromkeys(FACTS, until)))


def live_through(
    all_: Sequence[Happening],
    rules: Ruleset = RULES,
    *,
    clock: Callable[[], Clock] = RightClock,
    days: int = DAYS,
    turn_seconds: float = TURN_SECONDS,
) -> Lived:
    """Live through some days of what is appended."""

    async def live() -> Lived:
        written = {TX: _arrivals(purchases(all_)), CT: _arrivals(contacts(all_))}
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("streams.runtime.partition.work_loop._TIME_STEP_SECONDS", turn_seconds)
            patched.setattr("streams.runtime.partition.work_loop._REPORT_SECONDS", 3_000)
            async with scene(
                written, rules=rules, clock=clock(), live=True, turn_seconds=turn_seconds, most=MOST_RECORDS
            ) as here:
                return await _watch(here, days)

    return run(live())


async def _watch(here: Scene, days: int) -> Lived:
    lived, alerts = Lived({}), list[Alert]()
    for day in range(1, days + 1):
        await asyncio.sleep(day * 86_400 - asyncio.get_running_loop().time())
        here.worker.fail_if_failed()
        alerts += _handed_over(here)
        now = NOW + day * DAY_MS
        lived.behind_ms.append(now - here.partition.watermark)
        lived.broken_days += here.partition.feed_broken
        lived.stalled += here.worker.metrics.shown[0].stalled[TX]
        _look_at_sources(here, lived)
    lived.alerts = told(alerts)
    counts = here.worker.metrics.counts
    lived.late, lived.refused, lived.stopped = counts[f"late {TX}"], counts["refused"], counts["time stopped"]
    return lived


def _look_at_sources(here: Scene, lived: Lived) -> None:
    processor = here.supervisor.processor
    assert processor is not None
    lived.held_back_ms = max(lived.held_back_ms, processor.delay.ms)
    for source, seen in processor.sources[TX].times.items():
        lived.sources.setdefault(source, set()).add(seen.delay // 1000)


def _handed_over(here: Scene) -> list[Alert]:
    """Return the alerts that were written, and forget the transactions but the last: nobody restores."""
    alerts = here.broker.alerts
    del here.broker.committed[:-1]
    if here.broker.committed:
        here.broker.committed[0] = replace(here.broker.committed[0], alerts=[])
    return alerts


def _arrivals(part: Sequence[Happening]) -> Arrivals:
    ordered = sorted(part, key=lambda one: (one.appended, one.time))
    return [((one.appended - NOW) / 1000, one.line) for one in ordered]


class Difference(NamedTuple):
    """How the alerts of a live run differ from the truth."""

    missing: list[Told]
    invented: list[Told]
    later_ms: list[int]
    """Of all that are in both, by how much."""


def difference(found: dict[Told, int], truth: dict[Told, int], until: int = END_MS) -> Difference:
    """Compare what was told before some time; what the truth tells in the last two days may still come."""
    settled = until - 2 * DAY_MS
    return Difference(
        [one for one, time in truth.items() if one not in found and time < settled],
        [one for one in found if one not in truth],
        [found[one] - time for one, time in truth.items() if one in found],
    )


def hours(ms: float) -> str:
    """Return a duration in words."""
    return f"{ms / HOUR_MS:.1f} h"
