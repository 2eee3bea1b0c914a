"""docs/performance.md is what was measured, and its sizing rule tells what was measured."""

import pytest

from bench.page import sizing
from bench.page.__main__ import MEASURED, written
from bench.scale.cells import CUSTOMERS, PARTITIONS, WEIGHTS, WORKERS, plan
from bench.scale.results import Table, read, table
from bench.shared.load import Load, lines
from schemas.events import Contact, Transaction
from schemas.hot import Decoder
from streams.lab.generate import Weights


@pytest.fixture(scope="module")
def measured() -> Table:
    return table(read(MEASURED))


def test_the_page_and_its_pictures_are_drawn_up_from_the_results() -> None:
    stale = [
        path.name
        for path, text in written(read(MEASURED)).items()
        if path.read_text(encoding="utf-8") != text
    ]
    assert stale == [], "make performance-page"


def test_the_sizing_rule_tells_each_cell_that_it_is_made_for(measured: Table) -> None:
    """Speeds count only where nothing is noted about the machine, such as that it was busy."""
    rule, quiet = sizing.rule(measured), not any(result.note for result in read(MEASURED))
    cells = [cell for cell in measured if sizing.is_usual(cell)]
    assert cells
    ratios = {}
    for cell in cells:
        found = {name: spread.median for name, spread in measured[cell].items()}
        if quiet:
            ratios[cell.name, "events"] = rule.events_a_second(cell.customers) / (
                found["events"] / found["seconds"]
            )
        if sizing.is_large(cell):
            ratios[cell.name, "memory"] = rule.megabytes(cell.customers) * 1e6 / found["most_resident_bytes"]
            ratios[cell.name, "state"] = rule.state_bytes * cell.customers / found["state_bytes"]
        if sizing.is_large(cell) and quiet:
            ratios[cell.name, "restore"] = rule.restore_seconds(cell.customers) / found["restore_seconds"]
    wrong = {what: one for what, one in ratios.items() if not 1 / sizing.FACTOR <= one <= sizing.FACTOR}
    assert wrong == {}


def test_the_plan_goes_along_each_axis_and_the_whole_one_has_every_combination() -> None:
    cells = [cell for cell in plan() if cell.kind == "work"]
    assert {cell.customers for cell in cells} == set(CUSTOMERS)
    assert {(cell.partitions, cell.workers) for cell in cells} >= {
        (p, w) for p in PARTITIONS for w in WORKERS
    }
    whole = [cell for cell in plan(everything=True) if cell.kind == "work"]
    assert len(set(whole)) == len(CUSTOMERS) * len(PARTITIONS) * len(WORKERS) * len(WEIGHTS)
    names = [cell.name for cell in plan(everything=True)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("weights", [Weights.UNIFORM, Weights.ZIPF])
def test_a_load_is_in_order_of_time_and_is_the_same_each_time(weights: Weights) -> None:
    load = Load(customers=50, events=500, weights=weights)
    decoder = Decoder()
    events = [decoder.of(source.value)(line) for source, _, line in lines(load)]
    times = [event.time for event in events if isinstance(event, Contact | Transaction)]
    assert len(times) == 500
    assert times == sorted(times)
    assert sum(isinstance(event, Contact) for event in events) == 5
    assert list(lines(load)) == list(lines(load))
