"""What a trial says, for a terminal: tables, and what follows from them in plain words."""

from collections.abc import Iterator
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from schemas.money import format_cents
from schemas.times import format_ms
from streams.uplift.cohort import LeftOut
from streams.uplift.comparison import Balance, Known, Uplift
from streams.uplift.measures import Measures
from streams.uplift.planning import FEWEST, Aim, Need, Smallest
from streams.uplift.trial_statistics import Estimate, Means, Rates

_NONE: Final = "–"
_LEFT_OUT: Final[dict[LeftOut, str]] = {
    "backfill": "alerts decided long after the fact, which were delivered to nobody (--backfill counts them)",
    "began_unseen": "alerts whose first record the topic does not hold any more",
    "outside": "alerts first raised outside the time looked at",
    "earlier": "alerts of customers who had one under the trial before that time",
    "other_share": "alerts of rulesets with another share or salt than this one",
    "erased_treated": "treated customers who were erased",
    "erased_holdout": "held-out customers who were erased",
}
_KNOWN: Final[dict[Known, str]] = {
    "trailing_spend": "spend of 364 days before",
    "value_at_risk": "value at risk",
    "level_alert": "raised as alert, not watch",
}


def show(console: Console, found: Uplift, currency: str, smallest: Smallest, notes: tuple[str, ...]) -> None:
    """Print all of it."""
    compared = found.verdict == "compared"
    console.print(_arms(found))
    if compared:
        title = "90 days after the alert: every customer in their arm, whoever was called"
        console.print(_comparison(title, found.measures, currency))
        if found.contacted is not None:
            title = (
                "Biased: only the treated who were reached (who can be reached is likelier to return anyway)"
            )
            console.print(_comparison(title, found.contacted, currency))
        console.print(_balance(found.balance, currency))
    if found.needs:
        console.print(_plan(found, smallest))
    for line in found.warnings:
        console.print(f"warning: {line}", highlight=False, markup=False, style="yellow")
    for line in (*_sentences(found), *_left_out(found), *notes):
        console.print(line, highlight=False, markup=False)


def _sentences(found: Uplift) -> Iterator[str]:
    """Yield what it comes to, in plain words."""
    match found.verdict:
        case "no_holdout":
            yield "There is no hold-out arm, so nobody can say what acting on alerts is worth."
            if found.treated.measured:
                rate = _figure(found.measures.returned.treated.estimate(), 100, 1)
                yield f"Of {found.treated.measured:,} treated {rate} % returned, whatever moved them."
            yield (
                "Set holdout_share (0.1 holds out one customer in ten) and holdout_salt (any text, never "
                "changed) in the workers' ruleset: the alerts of those customers go to alerts.holdout alone."
            )
        case "too_few":
            yield (
                f"Too few to compare: {found.treated.measured:,} treated and {found.held_out.measured:,} of "
                f"the held out have their 90 days behind them; it takes {FEWEST} in each arm."
            )
        case "compared":
            yield _verdict(found.measures.returned.difference)


def _verdict(difference: Estimate) -> str:
    low, high = 100 * difference.low, 100 * difference.high
    if low > 0:
        return f"Acting on alerts brings customers back: {low:.1f} to {high:.1f} more of 100."
    if high < 0:
        return f"Acting on alerts drives customers away: {-high:.1f} to {-low:.1f} fewer of 100 return."
    return (
        f"Not told apart: when somebody acts, of 100 customers between {-low:.1f} fewer and {high:.1f} more "
        "return."
    )


def _arms(found: Uplift) -> Group:
    table = _table("", "treated", "held out")
    one, other = found.treated, found.held_out
    table.add_row("had an alert", f"{one.raised:,}", f"{other.raised:,}")
    table.add_row("measured: 90 days are over", f"{one.measured:,}", f"{other.measured:,}")
    table.add_row("not over yet: in no rate", f"{one.running:,}", f"{other.running:,}")
    if one.unseen or other.unseen:
        table.add_row("purchases no longer kept: in no rate", f"{one.unseen:,}", f"{other.unseen:,}")
    table.add_row("of those measured, reached", f"{one.contacted:,}", f"{other.contacted:,}")
    return _titled(
        f"Customers by arm, as of {format_ms(found.as_of_ms)[:10]}: each counts by their first alert", table
    )


def _comparison(title: str, found: Measures, currency: str) -> Group:
    table = _table("", "treated", "held out", "difference", "ratio")
    table.add_row("returned, %", *_rates(found.returned))
    table.add_row("bought anything, %", *_rates(found.bought))
    table.add_row(f"spend, {currency}", *_means(found.spend))
    table.add_row("spend, usual days", *_means(found.usual_days, places=1))
    return _titled(f"{title} (with 95 % intervals)", table)


def _rates(found: Rates) -> Iterator[str]:
    yield _figure(found.treated.estimate(), 100, 1)
    yield _figure(found.held_out.estimate(), 100, 1)
    yield _figure(found.difference, 100, 1, sign="+")
    yield _figure(found.ratio, 1, 2)


def _means(found: Means, places: int | None = None) -> Iterator[str]:
    """Yield means of cents, in units; with places given of anything else."""
    by, shown = (0.01, 2) if places is None else (1.0, places)
    yield _figure(found.treated.estimate(), by, shown)
    yield _figure(found.held_out.estimate(), by, shown)
    yield _figure(found.difference, by, shown, sign="+")
    yield _figure(found.ratio, 1, 2)


def _figure(one: Estimate | None, by: float, places: int, *, sign: str = "") -> str:
    if one is None:
        return _NONE
    value, low, high = (by * each for each in (one.value, one.low, one.high))
    return f"{value:{sign},.{places}f} ({low:{sign},.{places}f} to {high:{sign},.{places}f})"


def _balance(found: tuple[Balance, ...], currency: str) -> Group:
    table = _table("", "treated", "held out", "difference, standard deviations")
    for one in found:
        unit = " %" if one.known == "level_alert" else f" {currency}"
        figures = (
            f"{100 * each:.1f}{unit}" if one.known == "level_alert" else f"{format_cents(round(each))}{unit}"
            for each in (one.treated, one.held_out)
        )
        mark = "  unlike" if one.unlike else ""
        table.add_row(_KNOWN[one.known], *figures, f"{one.difference:+.2f}{mark}")
    return _titled("Before the alert: the arms should be alike", table)


def _plan(found: Uplift, smallest: Smallest) -> Group:
    table = _table("to show", "held out", "customers needed", "still", "weeks")
    for one in found.needs:
        table.add_row(_aim(one.aim, smallest), f"{one.share:.0%}", *_numbers(one))
    return _titled(
        f"How long to wait, at {found.per_week:,.1f} new customers a week (80 % power, 5 % level)", table
    )


def _aim(aim: Aim, smallest: Smallest) -> str:
    match aim:
        case "fewest":
            return f"anything: {FEWEST} in each arm"
        case "smallest_returned":
            return f"{100 * smallest.returned:g} points of the return rate"
        case "smallest_spend":
            return f"{100 * smallest.spend:g} % of the spend"
        case "observed_returned":
            return "the return rates as observed"
        case "observed_spend":
            return "the spend as observed"


def _numbers(one: Need) -> Iterator[str]:
    for number in (one.customers, one.still, one.weeks):
        yield _NONE if number is None else f"{number:,}"


def _left_out(found: Uplift) -> Iterator[str]:
    for why, told in _LEFT_OUT.items():
        if found.left_out[why]:
            yield f"left out: {found.left_out[why]:,} {told}"


def _table(*columns: str) -> Table:
    """Return a table without lines yet: names to the left, figures to the right."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(columns[0])
    for name in columns[1:]:
        table.add_column(name, justify="right")
    return table


def _titled(title: str, table: Table) -> Group:
    """Return a table under a title that is as wide as it needs."""
    return Group(Text(title, style="italic"), table)
