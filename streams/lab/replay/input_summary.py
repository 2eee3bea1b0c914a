"""What a replay prints about its inputs: the commonest refusals, and what is odd about the data."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich.console import Console

from schemas.dead_letter import Reason
from streams.console import first_of, visible
from streams.lab.replay.findings import Finding
from streams.lab.replay.replay import ReplayResult

_SHOWN: Final = 3


def tell(console: Console, result: ReplayResult, found: Sequence[Finding], *, listed: bool) -> None:
    """Print both; `listed` says that the refused lines were written to a file."""
    findings = (
        f"WARNING: {one.sentence} (--lenient: exit with 0 all the same)"
        if one.grave
        else f"note: {one.sentence}"
        for one in found
    )
    for line in [*_refusals(result, listed=listed), *findings, *_shared(result)]:
        console.print(visible(line), highlight=False, markup=False, soft_wrap=True)


def _shared(result: ReplayResult) -> list[str]:
    """Name the ids that were set apart: in the terminal and the report, never in a log."""
    if not result.shared:
        return []
    many = "1 id is" if len(result.shared) == 1 else f"{len(result.shared):,} ids are"
    return [f"note: {many} shared by many: {first_of(result.shared, _SHOWN)}, set apart"]


def _refusals(result: ReplayResult, *, listed: bool) -> list[str]:
    letters = result.dead_letters
    if not letters:
        return []
    kinds = Counter((letter.file, letter.detail) for letter in letters)
    first = {(letter.file, letter.detail): letter.line for letter in reversed(letters)}
    reasons = Counter(letter.reason for letter in letters)
    counted = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
    lines = [f"refused: {counted}"]
    bought = sum(map(len, result.refused_purchases.values()))
    if bought:
        lines.append(f"  {bought:,} of them: purchases of which it is known who bought and when")
    for (file, detail), count in kinds.most_common(_SHOWN):
        lines.append(f"  {count:,} x {detail} ({file}, first line {first[file, detail]:,})")
    if reasons[Reason.CURRENCY]:
        lines.append("  the currency of the reports: --currency, or RETENTION_REPORTING_CURRENCY")
    more = len(kinds) - _SHOWN
    others = f"and {more:,} other kinds; " if more > 0 else ""
    if others or not listed:
        lines.append(f"  {others}{'all are listed' if listed else '--dead-letters FILE lists all'}")
    return lines
