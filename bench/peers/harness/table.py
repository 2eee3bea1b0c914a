"""What is printed: a line for each run, and the table of a job, with medians and ranges."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Final

from bench.peers.harness.peers import OURS
from bench.peers.harness.runs import Outcome

Figure = Callable[[Outcome], float]

_COLUMNS: Final = (
    "program",
    "guarantee",
    "records",
    "records/s",
    "ours / it",
    "records per CPU s",
    "ours / it",
    "peak MiB",
    "counts",
)


def per_second(outcome: Outcome) -> float:
    """Return the records of a run per wall second."""
    assert outcome.measured is not None
    return outcome.records / outcome.measured.wall


def per_cpu_second(outcome: Outcome) -> float:
    """Return the records of a run per CPU second of the program."""
    assert outcome.measured is not None
    return outcome.records / max(outcome.measured.cpu, 0.01)


def line(outcome: Outcome) -> str:
    """Return what is told of a run as soon as it has ended."""
    name = f"  round {outcome.round}  {outcome.peer.name:<14}"
    if outcome.measured is None:
        return f"{name} FAILED: {outcome.wrong[0]}"
    measured = outcome.measured
    told = (
        f"{name} {per_second(outcome):>10,.0f}/s {per_cpu_second(outcome):>10,.0f}/CPU s"
        f"  {measured.wall:.1f} s ({measured.result.seconds:.1f} by its own clock)"
        f"  {measured.peak_bytes / 2**20:,.0f} MiB"
    )
    return f"{told}  WRONG: {'; '.join(outcome.wrong)}" if outcome.wrong else told


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the table of a job, in Markdown: only runs that were right count."""
    names = list(dict.fromkeys(one.peer.name for one in outcomes))
    rows = [_row([one for one in outcomes if one.peer.name == name], outcomes) for name in names]
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
    lines = [_COLUMNS, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
        for cells in lines
    )


def _row(runs: Sequence[Outcome], outcomes: Sequence[Outcome]) -> list[str]:
    peer = runs[0].peer
    right = [one for one in runs if one.ok]
    ours = {one.round: one for one in outcomes if one.peer.name == OURS and one.ok}
    if not right:
        return [peer.name, peer.guarantee, f"{runs[0].records:,}", *["-"] * 5, _counts(runs)]
    return [
        peer.name,
        peer.guarantee,
        f"{runs[0].records:,}",
        _spread(map(per_second, right), ",.0f"),
        _ratio(right, ours, per_second),
        _spread(map(per_cpu_second, right), ",.0f"),
        _ratio(right, ours, per_cpu_second),
        f"{max(one.measured.peak_bytes for one in right if one.measured) / 2**20:,.0f}",
        _counts(runs),
    ]


def _ratio(right: Sequence[Outcome], ours: dict[int, Outcome], figure: Figure) -> str:
    """Return the ratio of ours to a program, round by round."""
    pairs = [(figure(ours[one.round]), figure(one)) for one in right if one.round in ours]
    return _spread((mine / its for mine, its in pairs), ".2f") if pairs else "-"


def _spread(figures: Iterable[float], form: str) -> str:
    found = sorted(figures)
    if len(found) == 1:
        return f"{found[0]:{form}}"
    return f"{median(found):{form}} ({found[0]:{form}} to {found[-1]:{form}})"


def _counts(runs: Sequence[Outcome]) -> str:
    """Return how many runs were as they should be, and what they told."""
    right = [one for one in runs if one.ok]
    failed = f"{len(runs) - len(right)} of {len(runs)} FAILED or wrong"
    if not right:
        return failed
    first = right[0].measured
    assert first is not None
    kinds = ("purchases", "customers", "cents", "alerts")
    told = [kind for kind in kinds if getattr(first.result, kind)]  # of what is 0 there is nothing to tell
    equal = f"equal: {', '.join(told)}"
    return equal if len(right) == len(runs) else f"{equal}; {failed}"
