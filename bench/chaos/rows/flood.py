"""R8: so much poison that it can't be single records: the partition stops, and nothing is lost."""

from typing import Final

from bench.chaos.history import send_all
from bench.chaos.outcome import Outcome
from bench.chaos.place import Place, Say, Scale
from bench.chaos.rows import Row
from bench.chaos.truth import compare
from bench.chaos.wire import Differs, records_of
from schemas.partitioner import partition_of
from streams.core.watermark import Input
from streams.runtime.commands.redrive import redrive_command
from streams.runtime.partition.poison import IN_A_ROW
from streams.settings import Settings
from tests.kafka.commands import run_command
from tests.kafka.deployment import Deployment
from tests.kafka.feeds import Raw, purchase, raw, ticks
from tests.worlds.worlds import FIRST

_EVENTS: Final = {"in a row": 4 * IN_A_ROW, "a share": 16 * IN_A_ROW}
_SHARE: Final = 8
"""One in so many is refused, where it is a share."""
_MINUTE: Final = 60_000
_DAY: Final = 86_400_000


def run(place: Place, scale: Scale, say: Say) -> Outcome:
    """Flood each partition in both ways: a field that a strict worker refuses, until it is told otherwise."""
    trials = [(kind, number) for kind in _EVENTS for number in range(4)]
    found = Differs()
    stops = dict.fromkeys(_EVENTS, 0)
    refused = events = 0
    slowest = 0.0
    missed: list[str] = []
    for kind, number in trials if scale is Scale.LONG else trials[:1]:
        settings = place.settings()
        records = [
            one for each in range(4) for one in _bought(settings, each, kind if each == number else "")
        ]
        put_aside, waited, wrong = _flooded(place, settings, records, number)
        compared = compare(settings, place.folder / f"truth-{kind}-{number}")
        found = found.plus(compared.differs)
        stops[kind] += 1
        refused, events = refused + put_aside, events + len(records)
        slowest = max(slowest, waited)
        missed += wrong
        say(f"partition {number}, {kind}: stopped after {put_aside:,}, all is read {waited:.1f} s later")
    return Outcome(
        row="R8",
        what="",
        trials=sum(stops.values()),
        events=events,
        faults={f"partition flooded, {kind}": times for kind, times in stops.items() if times},
        **found._asdict(),
        figures={
            "records put aside before the stops": refused,
            "all is read after a redrive, most s": slowest,
        },
        missed=tuple(missed),
    )


def _bought(settings: Settings, number: int, flood: str) -> list[Raw]:
    """Return purchases of many customers of a partition, of which all or a share have a field that is new."""
    names = [name for at in range(400) if partition_of(name := f"c-{at}", settings.partitions) == number][:50]
    many = _EVENTS[flood] if flood else IN_A_ROW
    found = []
    for at in range(many):
        name, time_ms = names[at % len(names)], FIRST + at // len(names) * _MINUTE
        new = flood == "in a row" or (flood == "a share" and at % _SHARE == 0)
        value = purchase(name, time_ms, **({"till": "7"} if new else {}))
        found.append(raw(settings, Input.TRANSACTIONS, value))
    return found


def _flooded(
    place: Place, settings: Settings, records: list[Raw], number: int
) -> tuple[int, float, list[str]]:
    """Return how many records were put aside, how long the rest took after that, and what went wrong."""
    with Deployment(settings, place.folder) as deployment:
        strict = deployment.start_ready(strict_fields=True)
        send_all(settings, records)
        deployment.when(lambda: f"partition {number} is stopped: " in strict.log)
        deployment.when(lambda: strict.metric("retention_events_total", input="transactions") >= 3 * IN_A_ROW)
        told = strict.partitions()
        why = told.pop(number)[1]
        wrong = {
            "it is ready though a partition is stopped": strict.get("/ready")[0] != 503,
            "another partition is not ready": any(one != ("ready", None) for one in told.values()),
            "it does not say why": "refused" not in (why or ""),
        }
        deployment.stop(strict)
        put_aside = _dead_letters(settings)
        mended = deployment.start()
        deployment.when(lambda: mended.partitions().get(number) == ("stopped", why))
        done = run_command(redrive_command, settings, "--reason", "schema", "--execute")
        assert done.exit_code == 0, done.output
        waited = deployment.when_ready()
        send_all(settings, ticks(settings, FIRST + 2 * _DAY))
        waited += deployment.when_drained()
        wrong["more was put aside after the redrive"] = _dead_letters(settings) != put_aside
        wrong["it is not ready after the redrive"] = mended.get("/ready")[0] != 200
    return put_aside, waited, [text for text, is_so in wrong.items() if is_so]


def _dead_letters(settings: Settings) -> int:
    return sum(len(records_of(settings, "dead-letters", number)) for number in range(settings.partitions))


ROWS: Final = (
    Row(
        "R8",
        "floods of poison: 1,000 refused in a row, or over 10 % of 10,000; mended, then a redrive",
        run,
        (
            "tests/kafka/worker/test_worker_poison.py::test_a_flood_stops_its_partition_alone_and_nothing_is_lost",
        ),
    ),
)
