"""A calibration and its proof, for people to read in a terminal."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from schemas.times import format_ms
from streams.console import visible
from streams.core.time import HOUR_MS
from streams.lab.calibrate.measures.season import DAYS, Season
from streams.lab.calibrate.measures.share import Share
from streams.lab.calibrate.proof import Proof, Shown
from streams.lab.calibrate.result import Calibration
from streams.lab.report.words import money


def show(console: Console, calibration: Calibration, proof: Proof, currency: str) -> None:
    """Print what changed and why, what was found, and how it does on the rest."""
    first, last = _day(calibration.first_ms), _day(calibration.last_ms)
    _line(
        console,
        f"Learnt from {first} to {last}: {calibration.episodes:,} episodes, {calibration.sample.windows:,} "
        f"placebo windows of {calibration.sample.customers:,} customers",
    )
    console.print(_changes(calibration))
    for sentence in (*_facts(calibration, currency), *calibration.notes):
        _line(console, f"- {sentence}")
    console.print(_choices(calibration))
    _line(console, f"On the rest, after {last}, which nothing was learnt from (95 % intervals):")
    console.print(_proof(proof, calibration))
    if proof.contact is not None and proof.blocks != calibration.sample.blocks:
        _line(
            console,
            f"- yardsticks stand on {calibration.sample.blocks:g} blocks of 28 days in what was learnt from "
            f"(median), on {proof.blocks:g} in the rest: a short history takes more for high value "
            "that falls by itself, so fewer false alarms are to be expected later",
        )
    _line(console, f"ruleset: {visible(calibration.rules.version)}+{calibration.rules.hash}")


def _line(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _changes(calibration: Calibration) -> Table:
    table = Table(title="What changed", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("key", no_wrap=True)
    table.add_column("was", justify="right", no_wrap=True)
    table.add_column("is", justify="right", no_wrap=True)
    table.add_column("why")
    for change in calibration.changes:
        table.add_row(change.key, f"{change.old}", f"{change.new}", escape(change.why))
    return table


def _facts(calibration: Calibration, currency: str) -> list[str]:
    value, before, after = calibration.value, calibration.judgeable_before, calibration.judgeable
    share, days = calibration.predicted, calibration.rules.raise_days
    high = (
        f"high value: {value.customers:,} of {value.spenders:,} customers hold {value.spend_share:.0%} of "
        f"all spend; from {money(value.cutoff_cents)} {currency} in 52 weeks"
    )
    judged = (
        f"who stops at once after a typical bad contact is an alert within {days} days: {after.share:.0%} of "
        f"customers of high value, after {_quartiles(after.quartile_days)} days (quartiles); with the old "
        f"rules {before.share:.0%}, after {_quartiles(before.quartile_days)}"
    )
    predicted = f"predicted: {_interval(share)} false alarms in {days} days, on as many customers again"
    facts = [predicted, high, judged]
    if calibration.season is not None:
        facts.append(_season(calibration.season))
    return facts


def _choices(calibration: Calibration) -> Table:
    title = "What other targets would come to, for who stops at once after a typical bad contact"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("target", "temperature", f"alert within {calibration.rules.raise_days} days", "median days"):
        table.add_column(name, justify="right")
    for one in calibration.choices:
        median = one.judgeable.quartile_days[1]
        table.add_row(
            f"{one.target:g}", f"{one.temperature:g}", f"{one.judgeable.share:.0%}", f"{median:.0f}"
        )
    return table


def _season(season: Season) -> str:
    low = f"{_day(season.lowest_week * HOUR_MS)} ({season.lowest_index:.2f})"
    high = f"{_day(season.highest_week * HOUR_MS)} ({season.highest_index:.2f})"
    days = ", ".join(f"{day} {index:.2f}" for day, index in zip(DAYS, season.day_indexes, strict=True))
    return (
        f"seasons: spend is lowest in the week from {low} and highest in that from {high}, where 1 is the "
        f"median week; {days}; weeks with hours that the feed guard calls broken: {season.broken_weeks}"
    )


def _quartiles(days: tuple[float, float, float]) -> str:
    return ", ".join(f"{one:.0f}" for one in days)


def _proof(proof: Proof, calibration: Calibration) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("false alarms at the alert level", "customers", "old rules", "new rules", "predicted", ""):
        table.add_column(name, justify="right" if name == "customers" else "left")
    contact = f"in {calibration.rules.raise_days} days, once an episode is open"
    for what, shown in ((contact, proof.contact), ("by the silent rule, in 90 days", proof.silent)):
        table.add_row(what, *_row(shown))
    return table


def _row(shown: Shown | None) -> tuple[str, ...]:
    if shown is None:
        return ("", "", "too little of it to say", "", "")
    verdict = "within" if shown.within else "outside"
    return (
        f"{shown.customers:,}",
        _interval(shown.before),
        _interval(shown.after),
        _interval(shown.predicted),
        verdict,
    )


def _interval(share: Share) -> str:
    return f"{share.share:.3f} ({share.low:.3f} to {share.high:.3f})"


def _day(time_ms: int) -> str:
    return format_ms(time_ms)[:10]
