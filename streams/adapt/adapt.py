"""Exports through a mapping into event files, in the order in which things became known.

An export is in no order that can be relied on, so what its records come to waits in memory, as bytes and
without the records: about 0.7 kB for an order and 0.9 kB for a call. A million orders take 0.7 GB.
"""

import re
from array import array
from base64 import b64encode
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from msgspec.json import encode

from schemas.dead_letter import Reason
from streams.adapt.ids import Again, Ids
from streams.adapt.record import Record
from streams.adapt.records import directories, matching, records
from streams.core.watermark import Input
from streams.files import InputError
from streams.mapping.config import Source
from streams.mapping.expression import ExpressionError
from streams.mapping.mapping import Mapping
from streams.mapping.outcomes import EMPTY, Draft, Mapped, Memory, Meta, Refused, Skipped

_STEP: Final = 1000


@dataclass(slots=True)
class Adapted:
    """What became of the records."""

    files: Counter[str] = field(default_factory=Counter)
    """Records by file."""
    events: Counter[tuple[str, Input]] = field(default_factory=Counter)
    skipped: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By rule, or source, and why."""
    refused: Counter[tuple[str, Reason, str]] = field(default_factory=Counter)
    """By rule, or source, reason and detail."""
    found: dict[str, set[str]] = field(default_factory=dict)
    """By rule, which fields any record had."""
    broken_off: dict[str, int] = field(default_factory=dict)
    """By file, the first line at which a refused record begins that may be more than one."""
    again: dict[Input, Again] = field(default_factory=dict)
    """Events with an id that another one has."""

    @property
    def written(self) -> Counter[Input]:
        """Return how many events each file got."""
        counts: Counter[Input] = Counter()
        for (_, source), count in self.events.items():
            counts[source] += count
        return counts


class _Part(NamedTuple):
    """A record, or one of those that it holds."""

    source: str
    record: Record
    known: list[Draft | Skipped | Refused] = []  # noqa: RUF012 - nothing is ever added
    """What it comes to, where no mapping needs to be asked."""

    def outcomes(self, mapping: Mapping) -> list[Draft | Skipped | Refused]:
        """Return what it comes to."""
        if self.known or self.record.value is None:
            return self.known
        meta = Meta(topic=self.record.file, offset=self.record.line)
        return mapping.map_one(self.source, self.record.value, meta)


def _refused_part(source: str, record: Record) -> _Part:
    return _Part(source, record, [Refused(source, Reason.NOT_JSON, record.fault)])


class _Event(NamedTuple):
    time: int
    place: int
    value: bytes
    source: Input


@dataclass(slots=True)
class _Run:
    """One run over all files."""

    mapping: Mapping
    inputs: dict[str, list[Path]]
    letters: IO[bytes]
    on_progress: Callable[[int], None]
    adapted: Adapted = field(default_factory=Adapted)
    drafts: list[tuple[int, int, int, bytes]] = field(default_factory=list)
    """Each with the thing that it is of, when it became known, and its place among all."""
    record_of: "array[int]" = field(default_factory=lambda: array("Q"))
    """The number of the record that a draft came of, by its place."""
    begins: list[int] = field(default_factory=list)
    """The number of the first record of each file."""
    ids: dict[Input, Ids] = field(default_factory=dict)
    late: dict[int, list[Refused]] = field(default_factory=dict)
    """What was refused after its record was let go, by the number of the record."""

    def parts(self) -> Iterator[_Part]:
        """Yield all records, each page taken apart: the same ones in the same order, each time."""
        for source, paths in self.inputs.items():
            for path in paths:
                self.adapted.files[path.name] += 0
                for record in records(path, self.mapping.sources[source]):
                    yield from self._parts_of(source, record)

    def _parts_of(self, source: str, record: Record) -> Iterator[_Part]:
        if record.is_rest:
            self.adapted.broken_off.setdefault(record.file, record.line)
        if record.value is None:
            yield _refused_part(source, record)
            return
        try:
            values = self.mapping.split(source, record.value)
        except ExpressionError as error:
            yield _Part(source, record, [Refused(source, Reason.SCHEMA, str(error))])
            return
        for value in values:
            part = record.part(value)
            yield _refused_part(source, part) if part.fault else _Part(source, part)
        if not values:
            yield _Part(source, record, [Skipped(source, EMPTY)])

    def read(self) -> None:
        """Map every record."""
        file = ""
        for number, part in enumerate(self.parts()):
            if part.record.file != file:
                file = part.record.file
                self.begins.append(number)
            self.adapted.files[file] += 1
            if number % _STEP == 0:
                self.on_progress(number)
            for outcome in part.outcomes(self.mapping):
                if isinstance(outcome, Draft):
                    thing, place = hash(outcome.state_key), len(self.record_of)
                    self.drafts.append((thing, outcome.time, place, outcome.to_bytes()))
                    self.record_of.append(number)
                    self.adapted.found.setdefault(outcome.rule, set()).update(outcome.fields)
                elif isinstance(outcome, Refused):
                    self._refuse(part.record, outcome)
                else:
                    self.adapted.skipped[outcome.rule, outcome.why] += 1

    def finish(self) -> list[_Event]:
        """Return all events in the order of their time; those of one time in the order of the files."""
        self.drafts.sort(reverse=True)
        events: list[_Event] = []
        thing, memories = 0, dict[str, Memory]()
        while self.drafts:  # let go one by one, while the events grow
            same, _, place, raw = self.drafts.pop()
            if same != thing:
                thing, memories = same, {}
            draft = Draft.from_bytes(raw)
            outcomes, memory = self.mapping.finish(draft, memories.get(draft.state_key))
            memories[draft.state_key] = memory
            for outcome in outcomes:
                if isinstance(outcome, Mapped):
                    self.adapted.events[outcome.rule, outcome.source] += 1
                    events.append(_Event(outcome.time, place, outcome.value, outcome.source))
                    file = bisect_right(self.begins, self.record_of[place])
                    self.ids.setdefault(outcome.source, Ids()).take(outcome.value, file)
                elif isinstance(outcome, Refused):
                    self.late.setdefault(self.record_of[place], []).append(outcome)
                else:
                    self.adapted.skipped[outcome.rule, outcome.why] += 1
        self._refuse_late()
        self.adapted.again = {source: ids.again() for source, ids in self.ids.items()}
        events.sort(key=itemgetter(0, 1))
        return events

    def _refuse_late(self) -> None:
        """Read the files once more for the records of which something was refused at the end: hardly any."""
        if not self.late:
            return
        for number, part in enumerate(self.parts()):
            for refused in self.late.get(number, ()):
                self._refuse(part.record, refused)

    def _refuse(self, record: Record, refused: Refused) -> None:
        self.adapted.refused[refused.rule, refused.reason, refused.detail] += 1
        self.letters.write(_letter(record, refused) + b"\n")


def inputs_of(sources: dict[str, Source], given: Path) -> dict[str, list[Path]]:
    """Return the files of each source: by its pattern, but one file is of the only source whatever its name.

    Raises InputError if there is none at all, or one fits two sources.
    """
    if given.is_file() and len(sources) == 1:
        return {name: [given] for name in sources}
    found = {name: matching(source, given) for name, source in sources.items()}
    every = [path for paths in found.values() for path in paths]
    if not every:
        patterns = ", ".join(source.files or "*" for source in sources.values())
        raise InputError(f"nothing to read in {given}: looked for {patterns}")
    twice = next((path for path, count in Counter(every).items() if count > 1), None)
    if twice is not None:
        raise InputError(
            f"{twice.name} fits two sources of the mapping: give each its own `files`", unusable=True
        )
    return found


def not_read(inputs: dict[str, list[Path]], given: Path, others: Iterable[Path]) -> list[Path]:
    """Return what is in a directory and of no source, nor another file that the command reads or writes.

    A directory is there too, unless one of those others is in it.
    """
    if given.is_file():
        return []
    known = {path.resolve() for path in (*others, *(one for paths in inputs.values() for one in paths))}
    files = (path for path in sorted(given.iterdir()) if path.is_file() and not path.name.startswith("."))
    holding = {parent for path in known for parent in path.parents}
    return [path for path in (*files, *directories(given)) if path.resolve() not in known | holding]


def named_alike(paths: Iterable[Path], inputs: dict[str, list[Path]]) -> list[Path]:
    """Return those whose names differ from that of an input in digits and capitals alone."""
    read = {_bare(path) for several in inputs.values() for path in several}
    return [path for path in paths if _bare(path) in read]


def _bare(path: Path) -> str:
    return re.sub(r"\d", "", path.name.casefold().removesuffix(".gz"))


def adapt(
    mapping: Mapping,
    inputs: dict[str, list[Path]],
    outputs: dict[Input, IO[bytes]],
    letters: IO[bytes],
    on_progress: Callable[[int], None] = lambda _records: None,
) -> Adapted:
    """Map the files of each source, and write events to the outputs of the mapping's inputs.

    Refused records go to `letters`: each whole, with where it stood and why. Raises InputError.
    """
    run = _Run(mapping, inputs, letters, on_progress)
    run.read()
    for event in run.finish():
        outputs[event.source].write(event.value + b"\n")
    return run.adapted


def _letter(record: Record, refused: Refused) -> bytes:
    letter: dict[str, Any] = {
        "file": record.file,
        "line": record.line,
        "rule": refused.rule,
        "reason": refused.reason.value,
        "detail": refused.detail,
    }
    try:
        letter["record"] = record.raw.decode()
    except UnicodeDecodeError:
        letter["record_base64"] = b64encode(record.raw).decode()
    return encode(letter)
