"""The cases as a table in the terminal."""

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from streams.console import visible
from streams.sandbox import words
from streams.sandbox.case import Case


def table_of(cases: Iterable[Case]) -> Table:
    """Return a line a case, in the order given; what a terminal might obey is made visible."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1), expand=True)
    table.add_column("customer", no_wrap=True, ratio=2, min_width=10)
    table.add_column("level", no_wrap=True, min_width=5)
    table.add_column("chance", justify="right", no_wrap=True, min_width=6)
    table.add_column("at risk", justify="right", no_wrap=True, min_width=8)
    table.add_column("what happened", ratio=5, min_width=16)
    table.add_column("who should call", ratio=2, min_width=8)
    table.add_column("until", no_wrap=True, min_width=11)
    table.add_column("stands", ratio=2, min_width=8)
    for case in cases:
        table.add_row(*(escape(visible(cell)) for cell in _cells(case)))
    return table


def _cells(case: Case) -> tuple[str, ...]:
    marks = (
        *(("internal only",) if case.internal_only else ()),
        *(("synthetic",) if case.synthetic else ()),
    )
    first = case.what_happened[0] if case.what_happened else words.NOTHING
    return (
        case.text("customer_id") or words.NOTHING,
        case.text("level") or words.NOTHING,
        words.chance(case.chance),
        words.money(case.at_risk, case.currency),
        f"({', '.join(marks)}) {first}" if marks else first,
        "nobody" if case.internal_only else words.who(case),
        words.until(case),
        words.stands(case),
    )
