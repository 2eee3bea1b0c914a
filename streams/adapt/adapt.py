"""Exports through a mapping into event files, in the order in which things became known."""

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from msgspec.json import encode

from schemas.dead_letter import Reason
from streams.adapt.records import Record, matching, records
from streams.core.watermark import Input
from streams.files import InputError
from streams.mapping.config import Config
from streams.mapping.mapping import Mapping
from streams.mapping.outcomes import Draft, Mapped, Memory, Meta, Refused, Skipped

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

    @property
    def written(self) -> Counter[Input]:
        """Return how many events each file got."""
        counts: Counter[Input] = Counter()
        for (_, source), count in self.events.items():
            counts[source] += count
        return counts


@dataclass(slots=True)
class _Run:
    """One run; drafts wait in memory, for an export is in no order that can be relied on."""

    mapping: Mapping
    refuse: Callable[[Record, str, Reason, str], None]
    adapted: Adapted = field(default_factory=Adapted)
    drafts: list[tuple[Draft, Record]] = field(default_factory=list)

    def take(self, source: str, record: Record) -> None:
        """Map a record."""
        self.adapted.files[record.file] += 1
        if record.value is None:
            self._refused(record, source, Reason.NOT_JSON, record.fault or "")
            return
        for outcome in self.mapping.map(source, record.value, Meta(topic=record.file, offset=record.line)):
            if isinstance(outcome, Draft):
                self.drafts.append((outcome, record))
            else:
                self._count(outcome, record)

    def finish(self) -> Iterator[Mapped]:
        """Yield all events in the order of their time; those of one time in the order of the files."""
        self.drafts.sort(key=lambda pair: pair[0].time)
        memories: dict[str, Memory] = {}
        for draft, record in self.drafts:
            outcomes, memory = self.mapping.finish(draft, memories.get(draft.state_key))
            if memory is not None:
                memories[draft.state_key] = memory
            for outcome in outcomes:
                if isinstance(outcome, Mapped):
                    self.adapted.events[outcome.rule, outcome.source] += 1
                    yield outcome
                else:
                    self._count(outcome, record)

    def _count(self, outcome: Skipped | Refused, record: Record) -> None:
        if isinstance(outcome, Skipped):
            self.adapted.skipped[outcome.rule, outcome.why] += 1
        else:
            self._refused(record, outcome.rule, outcome.reason, outcome.detail)

    def _refused(self, record: Record, rule: str, reason: Reason, detail: str) -> None:
        self.adapted.refused[rule, reason, detail] += 1
        self.refuse(record, rule, reason, detail)


def inputs_of(config: Config, given: Path) -> dict[str, list[Path]]:
    """Return the files of each source. Raises InputError if there is none at all, or one fits two sources."""
    found = {name: matching(source, given) for name, source in config.sources.items()}
    every = [path for paths in found.values() for path in paths]
    if not every:
        patterns = ", ".join(source.files or "*" for source in config.sources.values())
        raise InputError(f"nothing to read in {given}: looked for {patterns}")
    twice = next((path for path, count in Counter(every).items() if count > 1), None)
    if twice is not None:
        raise InputError(f"{twice.name} fits the patterns of two sources: give each its own `files`")
    return found


def adapt(
    config: Config,
    currency: str,
    inputs: dict[str, list[Path]],
    outputs: Callable[[str | None], IO[bytes]],
    on_progress: Callable[[int], None] = lambda _records: None,
) -> Adapted:
    """Map the files of each source, and write events to the outputs of their names.

    Refused records go to the output of None: each whole, with where it stood and why.

    Raises MappingError, InputError.
    """
    letters = outputs(None)
    run = _Run(Mapping(config, currency), lambda *letter: _write(letters, [_letter(*letter)]))
    done = 0
    for source, paths in inputs.items():
        for path in paths:
            for record in records(path, config.sources[source]):
                run.take(source, record)
                done += 1
                if done % _STEP == 0:
                    on_progress(done)
    files: dict[Input, IO[bytes]] = {}
    for mapped in run.finish():
        if mapped.source not in files:
            files[mapped.source] = outputs(f"{mapped.source.value}.jsonl")
        _write(files[mapped.source], [mapped.value])
    return run.adapted


def _write(file: IO[bytes], lines: Iterable[bytes]) -> None:
    for line in lines:
        file.write(line + b"\n")


def _letter(record: Record, rule: str, reason: Reason, detail: str) -> bytes:
    letter: dict[str, Any] = {
        "file": record.file,
        "line": record.line,
        "rule": rule,
        "reason": reason.value,
        "detail": detail,
    }
    try:
        letter["record"] = record.raw.decode()
    except UnicodeDecodeError:
        letter["record_base64"] = b64encode(record.raw).decode()
    return encode(letter)
