"""R7: records that nobody can use, one in eleven, of thirty kinds."""

from collections import Counter
from collections.abc import Sequence
from itertools import cycle
from typing import Final

from bench.chaos.alike import differ, known
from bench.chaos.history import history, send_all
from bench.chaos.outcome import Outcome
from bench.chaos.place import Place, Say, Scale
from bench.chaos.rows import Row
from bench.chaos.truth import compare
from bench.chaos.wire import differs
from streams.core.watermark import Input
from streams.settings import Settings
from tests.kafka.deployment import Deployment
from tests.kafka.feeds import Raw, purchase, raw
from tests.kafka.held import held
from tests.kafka.worker.test_worker_poison import TIME, kinds, living_at, seconds_of

_LARGE: Final = 60_000
"""Bytes: of such kinds come only as many as `_LARGE_ROUNDS`, or they would be all that a run is about."""
_LARGE_ROUNDS: Final = 10
_LEAST_RATIO: Final = 0.7
_DRAIN_SECONDS: Final = 300.0
_TESTS: Final = "tests/kafka/worker/test_worker_poison.py"
Refused = tuple[str, Raw]
"""The reason, and the record."""


def run(place: Place, scale: Scale, say: Say) -> Outcome:
    """Read a history, and then the same with poison evenly spread in it, each by a worker of its own."""
    events, many, rounds = scale.of(small=(3_000, 150, 1), long=(100_000, 10_000, 3))
    clean = place.settings()
    good = history(place, clean, events)
    bad = _poison(clean, many)
    dirty = _mixed(place, good, bad)
    rates: dict[str, list[float]] = {"clean": [], "poisoned": []}
    for number in range(rounds):
        clean, poisoned = clean if number == 0 else place.settings(), place.settings()
        for name, settings, records in (("clean", clean, good), ("poisoned", poisoned, dirty)):
            send_all(settings, records)
            with Deployment(settings, place.folder) as deployment:
                deployment.start_ready()
                deployment.when_drained(_DRAIN_SECONDS)
            rates[name].append(len(records) / seconds_of(settings))
            say(f"{name}: {len(records):,} records, {rates[name][-1]:,.0f} a second")
    ratio = max(rates["poisoned"]) / max(rates["clean"])
    truth = compare(clean, place.folder / "truth")
    found = truth.differs.plus(differ(known(poisoned), known(clean)))
    letters = [record for records in held(poisoned, "dead-letters") for record in records]
    told = [(dict(one.headers)["dl_reason"].decode(), one.key, one.value) for one in letters]
    found = found.plus(differs(told, [(reason, one.key, one.value) for reason, one in bad]))
    by_reason = Counter(reason for reason, _ in bad)
    return Outcome(
        row="R7",
        what="",
        trials=len(bad),
        events=len(dirty),
        faults={f"refused: {reason}": number for reason, number in by_reason.items()},
        **found._asdict(),
        figures={
            "kinds of poison": len(kinds(0, "")) + 1,
            "dead letters": len(letters),
            "throughput with poison / without, best of each": ratio,
            "alert records": truth.alerts,
        },
        missed=(f"throughput fell to {ratio:.2f}",) if ratio < _LEAST_RATIO and scale is Scale.LONG else (),
    )


def _poison(settings: Settings, many: int) -> list[Refused]:
    """Return so many bad records with their reasons, each kind and each partition in turn."""
    found: list[Refused] = []
    for at in cycle(range(many)):
        if len(found) >= many:
            return found[:many]
        home = at % settings.partitions
        for reason, key, value in kinds(at, living_at(home)).values():
            if at < _LARGE_ROUNDS or len(value or b"") < _LARGE:
                found.append((reason, Raw(Input.TRANSACTIONS, home, key, value)))
        stranger = raw(settings, Input.TRANSACTIONS, purchase(living_at(home), TIME))
        found.append(("wrong_partition", stranger._replace(partition=(home + 1) % settings.partitions)))
    return found


def _mixed(place: Place, good: Sequence[Raw], bad: Sequence[Refused]) -> list[Raw]:
    """Return all records, the bad ones evenly among the good: a tenth of a partition's would stop it.

    They begin after a tenth of the good ones: before, nothing is too late yet.
    """
    start, share = len(good) / 10, len(good) * 9 / 10 / len(bad)
    order = place.rng.sample(bad, len(bad))
    placed = [(start + (at + place.rng.random()) * share, one) for at, (_, one) in enumerate(order)]
    placed += [(float(at), one) for at, one in enumerate(good)]
    return [one for _, one in sorted(placed, key=lambda pair: pair[0])]


ROWS: Final = (
    Row(
        "R7",
        "poison of 30 kinds, one record in eleven",
        run,
        (
            f"{_TESTS}::test_poison_is_put_aside_and_the_rest_goes_on",
            f"{_TESTS}::test_a_bomb_goes_off_in_the_dead_letters",
        ),
    ),
)
