"""R9 and R10: an input that lies a month behind the other, and events in any order, many of them twice."""

import random
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Final

import msgspec

from bench.chaos.alike import differ, known
from bench.chaos.history import history, send_all
from bench.chaos.outcome import Outcome
from bench.chaos.place import Place, Say, Scale
from bench.chaos.rows import Row
from bench.chaos.truth import compare
from bench.chaos.wire import Differs
from schemas.times import format_ms, parse_ms
from streams.core.time import DAY_MS
from streams.core.watermark import FACTS, Input
from streams.runtime.partition.processor import MOST_UNDECIDED
from streams.settings import Settings
from tests.kafka.deployment import Deployment, WorkerProcess
from tests.kafka.feeds import Raw, contact, raw

_LATENESS_MS: Final = 5_000
_TWICE: Final = 0.3
_BEHIND_MS: Final = 30 * DAY_MS
_DRAIN_SECONDS: Final = 300.0
_TESTS: Final = "tests/kafka/worker/test_worker_order.py"


def shuffled(place: Place, scale: Scale, say: Say) -> Outcome:
    """Read a history in order, then again and again shuffled within the lateness, a third of it twice."""
    shuffles, events = scale.of(small=(1, 2_000), long=(20, 100_000))
    straight = place.settings()
    records = _on_time(history(place, straight, events))
    _run(place, straight, records)
    truth = compare(straight, place.folder / "truth")
    wanted, found = known(straight), truth.differs
    say(f"{len(records):,} records in order: {truth.alerts} alerts")
    moved = doubled = sent = 0
    for number in range(shuffles):
        shaken, out_of_order, again = _shaken(records, place.rng)
        moved, doubled, sent = moved + out_of_order, doubled + again, sent + len(shaken)
        settings = place.settings()
        _run(place, settings, shaken)
        found = found.plus(differ(known(settings), wanted))
        say(f"{number + 1} of {shuffles} shuffles, {found}")
    return Outcome(
        row="R10",
        what="",
        trials=shuffles,
        events=sent,
        faults={"event that came before an earlier one": moved, "event that came twice": doubled},
        **found._asdict(),
        figures={"shuffles": shuffles, "alert records in each": truth.alerts},
    )


def skewed(place: Place, scale: Scale, say: Say) -> Outcome:
    """Send one input to its end while the other lies 30 days behind, and then the rest; and the reverse."""
    events = scale.of(small=6_000, long=100_000)
    found = Differs()
    ahead = alerts = sent = held = 0
    for early in FACTS:
        settings = place.settings(partitions=1)
        records = _crowded(settings, history(place, settings, events, f"history-{early.value}"))
        end = max(map(_time, records))
        now = [
            one
            for one in records
            if one.source not in FACTS or one.source is early or _time(one) < end - _BEHIND_MS
        ]
        chosen = set(map(id, now))
        later = [one for one in records if id(one) not in chosen]
        ahead += sum(one.source is early and _time(one) >= end - _BEHIND_MS for one in now)
        with Deployment(settings, place.folder) as deployment:
            worker = deployment.start_ready()
            send_all(settings, now)
            if early is Input.CONTACTS:
                deployment.when(partial(_is_held, worker))
                held += 1
            else:
                deployment.when_drained(_DRAIN_SECONDS)
            send_all(settings, later)
            deployment.when_drained(_DRAIN_SECONDS)
        compared = compare(settings, place.folder / f"truth-{early.value}")
        found, alerts, sent = found.plus(compared.differs), alerts + compared.alerts, sent + len(records)
        say(f"{early.value} ahead: {compared}")
    return Outcome(
        row="R9",
        what="",
        trials=len(FACTS),
        events=sent,
        faults={
            "event 30 days ahead of the other input": ahead,
            "input that was held back for it": held,
        },
        **found._asdict(),
        figures={"alert records": alerts},
    )


def _on_time(records: Iterable[Raw]) -> list[Raw]:
    """Return records without those that stand behind later ones: what comes late counts when it comes."""
    latest, kept = 0, []
    for one in records:
        if one.source in FACTS and one.key is not None:
            if (time := _time(one)) < latest:
                continue
            latest = time
        kept.append(one)
    return kept


def _run(place: Place, settings: Settings, records: Sequence[Raw]) -> None:
    with Deployment(settings, place.folder) as deployment:
        deployment.start_ready()
        send_all(settings, records)
        deployment.when_drained(_DRAIN_SECONDS)


def _shaken(records: Iterable[Raw], rng: random.Random) -> tuple[list[Raw], int, int]:
    """Return records in another order; how many stand before an earlier one; how many are there twice.

    A tick stands behind all that may come before its time.
    """
    wild: list[tuple[int, int, Raw]] = []
    doubled = 0
    for one in records:
        time = _time(one)
        if one.key is None or one.source not in FACTS:
            wild.append((time + _LATENESS_MS, time, one))
            continue
        again = rng.random() < _TWICE
        doubled += again
        wild += [(time + rng.randrange(_LATENESS_MS), time, one) for _ in range(1 + again)]
    wild.sort(key=lambda each: each[:2])
    moved = sum(before > after for (_, before, _), (_, after, _) in pairwise(wild))
    return [one for _, _, one in wild], moved, doubled


def _is_held(worker: WorkerProcess) -> bool:
    return worker.metric("retention_input_held", input="contacts") == 1


def _crowded(settings: Settings, records: Sequence[Raw]) -> list[Raw]:
    """Add more contacts of guests to the last days than may wait for the other input."""
    end = max(map(_time, records))
    many = 8 * MOST_UNDECIDED  # more than is fetched ahead, too
    step = 25 * DAY_MS // many
    guests = [
        raw(
            settings,
            Input.CONTACTS,
            contact(f"guest-{at % 500}", end - DAY_MS - at * step, resolution="resolved"),
        )
        for at in range(many)
    ]
    return sorted([*records, *guests], key=_time)


def _time(record: Raw) -> int:
    text: str = msgspec.json.decode(record.value or b"{}").get("time", format_ms(0))
    return parse_ms(text)


ROWS: Final = (
    Row(
        "R9",
        "skewed catch-up: contacts now, transactions 30 days behind, and the reverse",
        skewed,
        (f"{_TESTS}::test_an_input_far_ahead_waits_for_the_other",),
    ),
    Row(
        "R10",
        "events in any order within the lateness, each twice with a probability of 0.3",
        shuffled,
        (f"{_TESTS}::test_order_within_the_lateness_and_duplicates_change_nothing",),
    ),
)
