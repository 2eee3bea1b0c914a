"""The answers as tables for a terminal, and as JSON."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from streams.check.answer import Answer, Detail, Verdict, percent, span
from streams.console import visible
from streams.core.time import SECOND_MS
from streams.core.watermark import Input

_COLOURS: Final = {Verdict.GOOD: "green", Verdict.LOOK: "yellow", Verdict.BAD: "red"}
_TITLES: Final = {
    2: "2: ids that would match",
    3: "3: behind the newest event before, of the same partition",
    5: "5: currencies",
    6: "6: empty though usually not",
    7: "7: customers at the end",
    9: "9: times of day",
    10: "10: refused",
}
"""Questions whose details are shown besides those of the first; JSON has those of all."""
_SHARE: Final = " share"
_SECONDS: Final = " seconds"
_MOST_COLUMNS: Final = 4


def as_json(answers: Sequence[Answer], lines: Counter[Input], *, sampled: bool) -> str:
    """Return all answers; shares are from 0 to 1."""
    found = {
        "records": {one.value: count for one, count in lines.items()},
        "sampled": sampled,
        "questions": [
            {
                "number": number,
                "question": one.question,
                "verdict": one.verdict.value,
                "figure": one.figure,
                "advice": one.advice,
                "details": [dict(detail) for detail in one.details],
            }
            for number, one in enumerate(answers, 1)
        ],
    }
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)


def show(console: Console, answers: Sequence[Answer], lines: Counter[Input], *, sampled: bool) -> None:
    """Print the details, and below them the answers."""
    for table in _by_field(answers[0].details):
        console.print(table)
    for number, answer in enumerate(answers, 1):
        rows = _of_interest(number, answer)
        if rows:
            console.print(_details(_TITLES[number], rows))
    table = _table(_title(lines, sampled=sampled))
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("question, and what to do", ratio=1)
    table.add_column("figure", ratio=1)
    for number, answer in enumerate(answers, 1):
        colour = _COLOURS[answer.verdict]
        table.add_row(
            str(number),
            f"[{colour}]{answer.verdict.value}[/{colour}]",
            f"{answer.question}\n[bold]{_shown(answer.advice)}[/bold]",
            _shown(answer.figure),
        )
    console.print(table)


def _title(lines: Counter[Input], *, sampled: bool) -> str:
    read = ", ".join(f"{count:,} {one.value}" for one, count in lines.items())
    return f"Ten questions to the owner of the feed: {read or 'nothing'}{', the newest' if sampled else ''}"


def _of_interest(number: int, answer: Answer) -> Sequence[Detail]:
    """Return the details to show: of some questions only where there is something to see."""
    if number == 2:
        return [one for one in answer.details if one["would match"]]
    if number in {5, 9} and answer.verdict is Verdict.GOOD:
        return []
    return answer.details if number in _TITLES else []


def _by_field(rows: Sequence[Detail]) -> Iterator[Table]:
    """Yield a table for each input: a line for each field, a column for each source."""
    for name in dict.fromkeys(str(one["input"]) for one in rows):
        mine = [one for one in rows if one["input"] == name]
        sources = list(dict.fromkeys(str(one["source"]) for one in mine))[:_MOST_COLUMNS]
        cells = {(one["source"], one["field"]): one for one in mine}
        table = _table(f"1: {name}, share of events that have it")
        table.add_column("field", no_wrap=True)
        for source in sources:
            table.add_column(_shown(source), justify="right")
        for field in dict.fromkeys(str(one["field"]) for one in mine):
            table.add_row(_shown(field), *(_coverage(cells.get((source, field))) for source in sources))
        yield table


def _coverage(cell: Detail | None) -> str:
    if cell is None or not cell["share"]:
        return "–"
    true = cell["true share"]
    return _percent(cell["share"]) + ("" if true is None else f", true {_percent(true)}")


def _details(title: str, rows: Sequence[Detail]) -> Table:
    table = _table(title)
    for name in rows[0]:
        texts = any(isinstance(one[name], str) for one in rows)
        table.add_column(
            name.removesuffix(_SHARE).removesuffix(_SECONDS), justify="left" if texts else "right"
        )
    for row in rows:
        table.add_row(*(_cell(name, one) for name, one in row.items()))
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)


def _cell(name: str, value: str | float | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return _shown(value)
    if name.endswith(_SHARE):
        return _percent(value)
    return span(SECOND_MS * value) if name.endswith(_SECONDS) else f"{value:,}"


def _percent(share: Any) -> str:
    return percent(share, 1)


def _shown(text: str) -> str:
    return escape(visible(text))
