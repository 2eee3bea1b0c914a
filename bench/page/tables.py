"""The tables of docs/performance.md, from the measured cells, by the names of their places in the page."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from bench.page.plots import rate
from bench.page.sizing import MANY, TAIL_BYTES, rule
from bench.scale.cells import CUSTOMERS, PARTITIONS, USUAL, WEIGHTS, WORKERS, Cell
from bench.scale.results import PHASE, Result, Spread, Table, table

LATENCY_CUSTOMERS = 5_000
GOALS = {"uniform-contacts": 0.6, "zipf-contacts": 0.8}
"""Of the worker's share of the limit."""
_DASH = "–"

Figures = dict[str, Spread]


def blocks(results: Sequence[Result]) -> dict[str, str]:
    """Return the text of each generated place."""
    measured = table(results)
    return {
        "machine": _machine(results),
        "limit": _limit(results),
        "phases": _phases(measured),
        "customers": _by_customers(measured),
        "partitions": _by_partitions(measured),
        "restore": _restore(measured),
        "memory": _memory(measured),
        "replay": _replay(measured),
        "latency": _latency(measured),
        "rule": _rule(measured),
    }


def _machine(results: Sequence[Result]) -> str:
    """Return on what all was measured, each different line once, in the order of the file."""
    notes = [one.note for one in results if one.note]
    days = sorted({one.at for one in results})
    between = " to ".join(dict.fromkeys([days[0], days[-1]]))
    hours = sum(one.took_seconds for one in results) / 3600
    lines = [
        *(f"- **{note[0].upper()}{note[1:]}.**" for note in dict.fromkeys(notes)),
        *(f"- {machine}" for machine in dict.fromkeys(_without_load(one.machine) for one in results)),
        *(f"- {versions}" for versions in dict.fromkeys(one.versions for one in results)),
        f"- {len(results)} measurements, {between}, {hours:.1f} hours",
    ]
    return "\n".join(lines)


def _without_load(machine: str) -> str:
    head, _, rest = machine.partition(" (load")
    return head + rest.partition(")")[2]


def _limit(results: Sequence[Result]) -> str:
    rows = []
    for weights, goal in GOALS.items():
        rounds = [one.figures for one in results if one.cell == Cell("limit", USUAL, 4, 1, weights)]
        if not rounds:
            continue
        shares = [one["rate"] / one["limit_rate"] for one in rounds]
        thrift = [one["limit_cpu_seconds"] / one["cpu_seconds"] for one in rounds]
        speeds = [median(one[name] for one in rounds) for name in ("limit_rate", "rate")]
        rows.append(
            [
                weights.replace("-", " keys, with "),
                *(f"{speed:,.0f}" for speed in speeds),
                _two(_spread(shares)),
                _two(_spread(thrift)),
                f"{goal}",
            ]
        )
    head = ["", "limit, records/s", "worker, records/s", "worker / limit", "by CPU seconds", "goal"]
    return _rows(head, rows)


def _phases(measured: Table) -> str:
    """Return the microseconds of an event by phase."""
    found = {weights: measured.get(Cell("limit", USUAL, 4, 1, weights), {}) for weights in GOALS}
    names = [name for name in next(iter(found.values())) if name.startswith(PHASE)]
    rows = [
        [name.removeprefix(PHASE), *(f"{_per_event(one, name) * 1e6:.1f}" for one in found.values())]
        for name in names
        if all(name in one for one in found.values())
    ]
    return _rows(["µs an event", *(weights.replace("-", " keys, with ") for weights in GOALS)], rows)


def _by_customers(measured: Table) -> str:
    rows = []
    for size in CUSTOMERS:
        found = [measured.get(Cell("work", size, 4, 1, weights)) for weights in WEIGHTS]
        cells = [shown for one in found for shown in _work(one)]
        even = found[0]
        written = [
            _of(even, lambda one: f"{_per_event(one, 'changelog_records'):.2f}"),
            _of(even, lambda one: f"{_per_event(one, 'changelog_bytes'):,.0f}"),
        ]
        rows.append([f"{size:,}", *cells, *written])
    head = [
        "customers",
        *(f"{weights}, {what}" for weights in WEIGHTS for what in ("events/s", "CPU µs an event")),
        "changelog records an event",
        "bytes an event",
    ]
    return _rows(head, rows)


def _by_partitions(measured: Table) -> str:
    rows = []
    for number in PARTITIONS:
        for weights in WEIGHTS:
            found = [measured.get(Cell("work", USUAL, number, workers, weights)) for workers in WORKERS]
            one, two = found
            ratio = f"{rate(two).median / rate(one).median:.2f}" if one and two else _DASH
            rows.append([f"{number}", weights, *_work(one), *_work(two), ratio])
    head = ["partitions", "keys", "1 worker, events/s", "CPU µs an event", "2 workers, events/s"]
    return _rows([*head, "CPU µs an event", "2 / 1"], rows)


def _work(found: Figures | None) -> list[str]:
    """Return events a second and CPU microseconds an event of a cell."""
    return [
        _of(found, lambda one: _thousands(rate(one))),
        _of(found, lambda one: f"{_per_event(one, 'cpu_seconds') * 1e6:.1f}"),
    ]


def _restore(measured: Table) -> str:
    rows = []
    for size in CUSTOMERS:
        found = measured.get(Cell("work", size, 4, 1, "uniform"))
        rows.append(
            [
                f"{size:,}",
                _of(found, lambda one: _one(one["restore_seconds"])),
                _of(found, lambda one: _one(one["restore_from_start_seconds"])),
                _of(found, lambda one: _one(one["restore_after_seconds"])),
                _of(found, lambda one: f"{one['restore_after_records'].median:,.0f}"),
            ]
        )
    head = ["customers", "compacted, s", "from the start of the process, s", "after the load, s"]
    return _rows([*head, "records read then"], rows)


def _memory(measured: Table) -> str:
    rows = [_memory_row(measured, size) for size in CUSTOMERS]
    head = ["customers", "sum of the parts", "growth, state alone", "growth of a worker", "at its highest"]
    return _rows([*head, "the worker after the load, MB"], rows)


def _memory_row(measured: Table, size: int) -> list[str]:
    rest = measured.get(Cell("memory", size))
    work = measured.get(Cell("work", size, 4, 1, "uniform"))
    return [
        f"{size:,}",
        _of(rest, lambda one: f"{one['parts_bytes'].median / size:,.0f}"),
        _of(rest, lambda one: f"{one['growth_bytes'].median / size:,.0f}"),
        _of(work, lambda one: f"{_grown(one, 'resident_bytes') / size:,.0f}"),
        _of(work, lambda one: f"{_grown(one, 'most_resident_bytes') / size:,.0f}"),
        _of(work, lambda one: f"{one['resident_after_bytes'].median / 1e6:,.0f}"),
    ]


def _replay(measured: Table) -> str:
    rows = []
    for size in CUSTOMERS:
        row = [f"{size:,}"]
        for weights in WEIGHTS:
            found = measured.get(Cell("replay", size, weights=weights))
            row += [
                _of(found, lambda one: _thousands(one["rate"])),
                _of(found, lambda one: f"{one['rate'].median / one['limit_rate'].median:.2f}"),
            ]
        rows.append(row)
    head = [f"{weights}, {what}" for weights in WEIGHTS for what in ("events/s", "of the limit")]
    return _rows(["customers", *head], rows)


def _latency(measured: Table) -> str:
    rows = []
    for number in PARTITIONS:
        found = measured.get(Cell("latency", LATENCY_CUSTOMERS, number, 1))
        shown = [
            _of(found, lambda one: f"{one['p50_ms'].median:,.0f}"),
            _of(found, lambda one: f"{one['p99_ms'].median:,.0f}"),
            _of(found, lambda one: f"{one['alerts'].median:,.0f}"),
        ]
        rows.append([f"{number}", *shown])
    return _rows(["partitions", "p50, ms", "p99, ms", "alerts"], rows)


def _rule(measured: Table) -> str:
    found = rule(measured)
    rows = [
        ["R", "events a second that one worker takes in while it catches up", f"{found.events:,}"],
        ["", f"the same with more than {MANY:,} customers on a worker", f"{found.events_of_many:,}"],
        ["M", "MB of memory of a worker without customers", f"{found.base_megabytes}"],
        ["B", "bytes of memory for a customer, at the end of a restore", f"{found.customer_bytes:,}"],
        ["I", "bytes of memory for each purchase of the last 8 days", f"{TAIL_BYTES}"],
        ["C", "customers restored a second", f"{found.restored:,}"],
        ["S", "bytes of the changelog for a customer, compacted", f"{found.state_bytes:,}"],
        ["W", "bytes written to the changelog for an event", f"{found.changelog_bytes:,}"],
    ]
    return _rows(["", "", "value"], rows)


def _grown(found: Figures, name: str) -> float:
    return found[name].median - found["base_bytes"].median


def _per_event(found: Figures, name: str) -> float:
    return found[name].median / found["events"].median


def _of(found: Figures | None, shown: Callable[[Figures], str]) -> str:
    return _DASH if found is None else shown(found)


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


def _thousands(found: Spread) -> str:
    """Return a speed, with its range if there is one; those of events come in thousands."""
    scale = 1 if found.median > 1_000 else 1_000
    middle, *ends = (f"{value * scale:,.0f}" for value in (found.median, found.least, found.greatest))
    return _ranged(middle, ends)


def _one(found: Spread) -> str:
    middle, *ends = (f"{value:.1f}" for value in (found.median, found.least, found.greatest))
    return _ranged(middle, ends)


def _two(found: Spread) -> str:
    middle, *ends = (f"{value:.2f}" for value in (found.median, found.least, found.greatest))
    return _ranged(middle, ends)


def _ranged(middle: str, ends: Sequence[str]) -> str:
    return middle if len({middle, *ends}) == 1 else f"{middle} ({ends[0]} to {ends[1]})"


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
