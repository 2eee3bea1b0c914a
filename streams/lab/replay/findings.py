"""What people must know about their data before they trust a replay: sentences, some of them grave."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS
from streams.core.watermark import FACTS, NEVER, Input
from streams.files import look_alikes, not_read, whole_fault_of
from streams.lab.inputs.notes import InputNotes
from streams.lab.replay.replay import ReplayResult

_TOO_LATE_SHARE: Final = 0.01
_LOST_SHOWN: Final = 3
_ALONE_DAYS: Final = 31
_AMENDED_SHOWN: Final = 3
_AMENDED: Final = {
    Input.TRANSACTIONS: "for an order that was edited send a correction",
    Input.CONTACTS: "what became of a contact is a later version of it",
    Input.CUSTOMERS: "send a profile again",
    Input.DISPOSITIONS: "send each disposition",
}
"""What to do instead of sending an event again with other content."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence about the data. If `grave`, the alerts say little about what was meant to be read."""

    sentence: str
    grave: bool = False


def findings(result: ReplayResult, directory: Path, rules: Ruleset) -> list[Finding]:
    """Return the findings about the inputs of a finished replay, the grave ones first."""
    found = [*_inputs(result, directory), *_last_line(result), *_population(result, rules)]
    return sorted(found, key=lambda one: not one.grave)


def _inputs(result: ReplayResult, directory: Path) -> Iterator[Finding]:
    for one, path in look_alikes(directory, result.paths).items():
        yield Finding(not_read(one, path), grave=True)
    for one, seen in result.seen.items():
        yield from _unusable(seen, result.paths[one])
        yield from _time(seen)
        yield from _ids(seen)
        yield from _unknown(seen)


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count:,} lines"


def _was(count: int) -> str:
    return f"{_lines(count)} {'was' if count == 1 else 'were'}"


def _unusable(seen: InputNotes, path: Path) -> Iterator[Finding]:
    if seen.form is not None:
        yield Finding(f"{seen.file}: nothing was read, the file is {seen.form}", grave=True)
    elif seen.lines == 0:
        if seen.source in FACTS:
            yield Finding(f"{seen.file} is empty", grave=True)
    elif seen.usable == 0:
        form = whole_fault_of(path)
        looks = f"; as a whole it looks like {form}" if form else ""
        yield Finding(f"{seen.file}: no usable line, {_was(seen.lines)} refused{looks}", grave=True)
    elif 2 * seen.refused >= seen.lines:
        yield Finding(
            f"{seen.file}: {seen.refused:,} of {seen.lines:,} lines were refused",
            grave=True,
        )
    if seen.refused and path.suffix == ".parquet":
        yield Finding(
            f"{seen.file}: the same rules as for JSON hold; money is text or a decimal, not a float, ids are "
            "text, times have a time zone"
        )


def _time(seen: InputNotes) -> Iterator[Finding]:
    unsorted = seen.too_late - seen.lost.total()
    if unsorted > _TOO_LATE_SHARE * seen.lines:
        yield Finding(
            f"{seen.file}: {_lines(seen.too_late)} came too late, of {seen.lines:,}: more than 8 days "
            "behind the newest before them; sort by time, or let --sort do it"
        )
        return
    for line, lost in seen.lost.most_common(_LOST_SHOWN):
        yield Finding(
            f"{seen.file}: {_lines(lost)} came too late because of line {line:,}, which is dated far "
            "ahead of those before it: correct or remove that line"
        )


def _last_line(result: ReplayResult) -> Iterator[Finding]:
    """Yield a finding where one line alone moved time to the end of the run: its date may be wrong."""
    last = max(result.seen.values(), key=lambda one: one.newest)
    leap = last.last_leap
    if leap is None:
        return
    before = max(leap.before, *(one.newest for one in result.seen.values() if one is not last), NEVER)
    days = (leap.time - before) // DAY_MS
    if before != NEVER and days > _ALONE_DAYS:
        yield Finding(
            f"{last.file}: line {leap.line:,} alone takes time on, {days:,} days after everything else; if "
            "its date is wrong, so is all the silence that is seen until then"
        )


def _ids(seen: InputNotes) -> Iterator[Finding]:
    dropped, ids = len(seen.dropped), len(seen.dropped_ids)
    if 2 * len(seen.amended) >= seen.usable > 0 and dropped >= 10 * ids:
        yield Finding(
            f"{seen.file}: {dropped:,} of {seen.lines:,} lines were dropped, because they share "
            f"{'one event_id' if ids == 1 else f'{ids:,} event_ids'}: each event needs its own"
        )
    elif seen.amended:
        yield Finding(
            f"{seen.file}: {_was(len(seen.amended))} dropped for an event_id of another line, "
            f"but with other content ({_first(seen.amended)}); {_AMENDED[seen.source]}, with an id of its own"
        )


def _unknown(seen: InputNotes) -> Iterator[Finding]:
    """Yield a finding about unknown fields: one may be a known one, misspelt, and what it says is missing."""
    if seen.unknown.total:
        yield Finding(
            f"{seen.file}: fields that the contract does not have were left out: {seen.unknown.described()}"
        )


def _first(lines: list[int]) -> str:
    """Name the first few of some lines."""
    shown = sorted(lines)[:_AMENDED_SHOWN]
    names = ", ".join(f"{one:,}" for one in shown)
    more = f" and {len(lines) - len(shown):,} more" if len(lines) > len(shown) else ""
    return f"{'line' if len(lines) == 1 else 'lines'} {names}{more}"


def _customers(seen: InputNotes) -> Iterator[Finding]:
    if seen.nearly:
        yield Finding(
            f"{seen.file}: {seen.strangers:,} of {len(seen.customers):,} customers bought nothing; "
            f"{seen.nearly:,} would match a buyer if case, blanks, signs and leading zeros did not count: "
            "a customer_id must be the same to the letter in all files"
        )
    elif 2 * seen.strangers > len(seen.customers):
        yield Finding(
            f"{seen.file}: {seen.strangers:,} of {len(seen.customers):,} customers bought nothing: "
            "do all files name customers in the same way?"
        )


def _population(result: ReplayResult, rules: Ruleset) -> Iterator[Finding]:
    money, contacts = result.seen.get(Input.TRANSACTIONS), result.seen.get(Input.CONTACTS)
    if money is None or not money.usable:
        yield Finding("no transaction was read, so nobody can be told to have stopped buying")
    elif not money.bought:
        yield Finding(f"{money.file} has no purchase: what was never bought can't be missed")
    elif min(result.spenders) < rules.population_minimum:
        spenders, least = sum(result.spenders), rules.population_minimum
        fewest, partitions = min(result.spenders), len(result.spenders)
        hint = "; --partitions 1 judges all as one population" if partitions > 1 and spenders >= least else ""
        yield Finding(
            f"too few customers to tell who is of high value: {spenders:,} bought more than they gave back, "
            f"{fewest:,} in "
            f"the smallest of {partitions:,} partitions, and each needs {least:,}{hint}"
        )
    if money is not None and money.bought and contacts is not None:
        yield from _customers(contacts)
    if contacts is None or not contacts.customers:
        what = "only the silent rule" if rules.silent else "nothing"
        yield Finding(f"no contact was read: {what} can open an episode")
