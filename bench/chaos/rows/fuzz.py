"""R19: any records at all, generated, damaged, or bytes without sense, through the decoder and the core."""

import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from bench.chaos.outcome import Outcome
from bench.chaos.place import Place, Say, Scale
from bench.chaos.rows import Row
from schemas.events import Refusal
from schemas.times import format_ms
from streams.core.partition.partition import Partition
from streams.core.ruleset import DEFAULT
from streams.core.time import DAY_MS
from streams.core.watermark import Input
from streams.runtime.partition.decode import RecordDecoder
from streams.runtime.ports import RawRecord
from tests.runtime.history import NOW
from tests.schemas.damage import damaged, with_unknown
from tests.schemas.lines import FULL, SOUND, TOPIC, spell
from tests.schemas.messages import messages

_ROUND: Final = 1_000
"""Examples that go to one partition; then it decides, is packed, and the next begins."""
_MOST_SECONDS: Final = 0.005
"""Of CPU time for a record."""
_SLOW: Final = 3
"""A record is slow that is so in each of as many tries: a collection of garbage is no record's fault."""
_PLAIN = ("message as it was generated", "damaged", "with an unknown field", "bytes without sense")


@dataclass
class _Fuzzed:
    """What became of the examples."""

    number: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    raised: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    longest: float = 0.0
    alerts: int = 0
    partition: Partition = field(default_factory=lambda: Partition(DEFAULT))


def fuzzed(place: Place, scale: Scale, say: Say) -> Outcome:
    """Give one example after the other to decoder and core, each with the time that it takes."""
    examples = scale.of(small=1_000, long=50_000)
    run, decode = _Fuzzed(), RecordDecoder("USD", 0, 1)
    kinds = st.one_of(*(st.tuples(st.just(one), messages(one)) for one in FULL))
    for number in range(examples // _ROUND):

        @seed(place.seed + number)
        @settings(
            max_examples=_ROUND,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(kinds, st.integers(0, 1 << 32), st.binary(max_size=300))
        def one_round(drawn: tuple[str, Any], dice: int, rubbish: bytes) -> None:
            kind, message = drawn
            rng = Random(dice)
            message = rng.choice((message, _sound(rng, kind)))
            raw = spell(message)
            what = rng.choice(_PLAIN)
            if what == "damaged":
                raw = damaged(rng, message)
            elif what == "with an unknown field":
                raw = with_unknown(rng, raw)
            elif what == "bytes without sense":
                raw = rubbish
            run.faults[what] += 1
            key = str(message.get("customer_id")).encode(errors="replace") if kind != "tick" else None
            _take(run, decode, Input(TOPIC[kind].name), RawRecord(run.number, NOW, key, raw))

        one_round()
        _decide(run)
        if number % 5 == 4:
            say(f"{run.number:,} examples, {len(run.raised)} raised, longest {run.longest * 1000:.2f} ms")
    return Outcome(
        row="R19",
        what="",
        trials=run.number,
        events=run.number,
        faults=dict(run.faults),
        figures={
            "accepted": run.verdicts["accepted"],
            "refused": run.verdicts.total() - run.verdicts["accepted"],
            "reasons of refusals": len(run.verdicts) - 1,
            "longest record, CPU ms": run.longest * 1000,
            "alert records": run.alerts,
        },
        missed=(*run.raised[:5], *run.slow[:5]),
        notes=("atheris has a wheel for this Python, but is not among the pinned packages: not run",),
    )


def _sound(rng: Random, kind: str) -> dict[str, Any]:
    """Return a sound message, of one of a few customers in one of the last days."""
    usual = {"customer_id": f"c-{rng.randrange(20)}", "event_id": f"e-{rng.randrange(1 << 40)}"}
    time_text = format_ms(NOW - rng.randrange(7 * DAY_MS))
    found = dict(rng.choice(SOUND[kind]))
    return found | {name: value for name, value in usual.items() if name in found} | {"time": time_text}


def _take(run: _Fuzzed, decode: RecordDecoder, source: Input, record: RawRecord) -> None:
    """Decode and apply a record; whatever it is, it is accepted or refused."""
    run.number += 1
    least = float("inf")
    for _ in range(_SLOW):
        began = time.thread_time()
        try:
            found = decode(source, record, run.partition.knows)
            verdict = found.reason if isinstance(found, Refusal) else "accepted"
            if not isinstance(found, Refusal):
                applied = run.partition.apply(source, [found], [NOW])
                run.alerts += len(applied.alerts)
                verdict = applied.refused[0][1].reason if applied.refused else verdict
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            run.raised.append(
                f"{type(error).__name__} of {source.value} record {(record.value or b'')[:300]!r}"
            )
            return
        least = min(least, time.thread_time() - began)
        if least < _MOST_SECONDS:
            break
    run.verdicts[str(verdict)] += 1
    run.longest = max(run.longest, least)
    if least >= _MOST_SECONDS:
        run.slow.append(f"{least * 1000:.1f} ms for {source.value} record {(record.value or b'')[:300]!r}")


def _decide(run: _Fuzzed) -> None:
    """Let a partition decide and be packed and restored, and begin the next."""
    try:
        run.alerts += len(run.partition.decide())
        kept = {key: value for key, value in run.partition.drain_dirty() if value is not None}
        again = Partition(DEFAULT)
        again.restore(kept)
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        run.raised.append(f"{type(error).__name__} after {run.number} examples: {error}")
    run.partition = Partition(DEFAULT)


ROWS: Final = (
    Row(
        "R19",
        "any records: generated, damaged, with fields that nobody knows, bytes without sense",
        fuzzed,
        (
            "tests/schemas/test_differential.py::test_generated_messages_are_read_alike",
            "tests/schemas/test_differential.py::test_damaged_messages_are_read_alike",
        ),
    ),
)
