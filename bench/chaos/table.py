"""docs/reliability.md, its table drawn up from results of `python -m bench.chaos`.

The page is written by hand but for what stands between `<!-- table -->` and `<!-- end -->`. Of several
results of a row the last one counts; results given replace those of their rows, and leave the others.
"""

import re
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from bench.chaos.outcome import Outcome, Result, newest, read, told
from bench.chaos.place import Scale
from bench.chaos.rows import Row, rows
from bench.shared.command_line import parser

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = DOCS / "reliability.md"
MEASURED: Final = DOCS / "reliability" / "measured.jsonl"
_BEGIN: Final = "<!-- table -->"
_END: Final = "<!-- end -->"


def main(arguments: list[str] | None = None) -> None:
    """Take results in, if any are given, and write the page."""
    asked = _parser().parse_args(arguments)
    if asked.results:
        assert all(path.is_file() for path in asked.results), "there are no such results"
        kept = newest(read([MEASURED, *asked.results]), Scale.LONG)
        MEASURED.parent.mkdir(exist_ok=True)
        lines = [msgspec.json.encode(kept[name]) + b"\n" for name in rows() if name in kept]
        MEASURED.write_bytes(b"".join(lines))
    PAGE.write_text(written(read([MEASURED])), encoding="utf-8")


def _parser() -> ArgumentParser:
    found = parser(__doc__)
    found.add_argument("results", type=Path, nargs="*", help="what `python -m bench.chaos` wrote")
    return found


def written(results: Iterable[Result]) -> str:
    """Return the text of the page with the table of these results."""
    before, found, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    assert found, "the page has no place for the table"
    assert end, "the place for the table does not end"
    return f"{before}{_BEGIN}\n{table(newest(results, Scale.LONG))}\n{_END}{after}"


def table(results: dict[str, Result]) -> str:
    """Return the table, what it was measured on, and what its zeros are worth."""
    known = rows()
    lines = [
        "| # | faults | how often it really happened | events | lost / doubled / phantom | also | s |",
        "|---|---|---|--:|---|---|--:|",
        *(_measured(known[name], results[name].outcome) for name in known if name in results),
    ]
    tested = [_tested(row) for row in known.values() if row.run is None]
    missing = [name for name, row in known.items() if row.run and name not in results]
    outcomes = [one.outcome for one in results.values()]
    return "\n".join(
        [
            "",
            *lines,
            "",
            *_worth(outcomes),
            *([f"Not measured: {', '.join(missing)}.", ""] if missing else []),
            *_where(results.values()),
            *(["These rows are whole in tests that run at every change:", "", *tested, ""] if tested else []),
        ]
    )


def _measured(row: Row, one: Outcome) -> str:
    faults = "; ".join(f"{times:,} × {what}" for what, times in one.faults.items())
    figures = [f"{what} {told(value)}" for what, value in one.figures.items()]
    also = "; ".join([*figures, *one.notes, *(f"**{missed}**" for missed in one.missed)])
    zeros = f"{one.lost} / {one.doubled} / {one.phantom}"
    if one.lost or one.doubled or one.phantom:
        zeros = f"**{zeros}**"
    cells = [row.name, row.what, faults, f"{one.events:,}", zeros, also, f"{one.seconds:,.0f}"]
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _worth(outcomes: list[Outcome]) -> list[str]:
    """Say what follows from so many trials: with none of n failed, a rate above 3/n is unlikely (5 %).

    Row by row: a damaged record tells nothing of crashes, so there is no figure for all together.
    """
    clean = [one for one in outcomes if not (one.lost or one.doubled or one.phantom) and one.trials]
    if not clean:
        return []
    each = ", ".join(f"{one.row} {_rate(one.trials)} ({one.trials:,})" for one in clean)
    text = (
        "No failure in n independent trials bounds the rate of failures at 3/n (95 %). So for each fault "
        "that hit something (a kill of what was at work, an outage, a shuffle, a damaged record, ...) "
        f"it is less than, by row, with the trials in brackets: {each}."
    )
    return [text, ""]


def _rate(trials: int) -> str:
    return f"{100 * 3 / trials:.2g} %" if trials >= 3 else "no bound"


def _where(results: Iterable[Result]) -> list[str]:
    """Say on what machine, when, and of which versions, without what differs from row to row there."""
    places = dict.fromkeys(
        f"{one.at}, {re.sub(r' .load .*? before.', '', one.machine)}; {one.versions}" for one in results
    )
    return [*(f"- Measured {place}." for place in places), ""] if places else []


def _tested(row: Row) -> str:
    return f"- {row.name}, {row.what}: {', '.join(f'`{test}`' for test in row.tests)}"


if __name__ == "__main__":
    main()
