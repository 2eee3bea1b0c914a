"""What `adapt` says of a run: what became of the records, and what its user should look at."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from schemas.dead_letter import Reason
from streams.adapt.adapt import Adapted
from streams.console import visible
from streams.core.watermark import Input
from streams.mapping.config import Config
from streams.mapping.outcomes import NO_CUSTOMER

_MOST_FILES: Final = 20
_MOST_WHYS: Final = 30
_MOST_NAMES: Final = 10


def print_adapted(adapted: Adapted, paths: dict[Input, Path], letters: Path) -> None:
    """Print what became of the records."""
    console = Console()
    files = Table(box=SIMPLE_HEAD)
    files.add_column("read")
    files.add_column("records", justify="right")
    counts = list(adapted.files.items())
    for name, count in counts[:_MOST_FILES]:
        files.add_row(escape(name), f"{count:,}")
    if len(counts) > _MOST_FILES:
        rest = counts[_MOST_FILES:]
        files.add_row(f"{len(rest):,} more files", f"{sum(count for _, count in rest):,}")
    console.print(files)
    became = Table(box=SIMPLE_HEAD)
    for name in ("rule", "became"):
        became.add_column(name)
    became.add_column("count", justify="right")
    for (rule, source), count in sorted(adapted.events.items()):
        became.add_row(escape(rule), f"{source.value}.jsonl", f"{count:,}")
    for (rule, why), count in sorted(adapted.skipped.items()):
        became.add_row(escape(rule), f"skipped: {escape(why)}", f"{count:,}")
    refused = sorted(adapted.refused.items(), key=lambda item: -item[1])
    for (rule, reason, detail), count in refused[:_MOST_WHYS]:
        became.add_row(escape(rule), f"[red]refused[/red] ({reason.value}): {escape(detail)}", f"{count:,}")
    if len(refused) > _MOST_WHYS:
        became.add_row("", "refused for other reasons", f"{sum(dict(refused[_MOST_WHYS:]).values()):,}")
    console.print(became)
    total = sum(adapted.refused.values())
    for one, path in paths.items():
        written = adapted.written[one]
        say(console, f"{path}: {written:,} event{'' if written == 1 else 's'}")
    if total:
        say(console, f"{letters}: {total:,} refused, whole, each with why")


def hints(adapted: Adapted, config: Config) -> Iterator[str]:
    """Yield what would let more records become events."""
    if any(why == NO_CUSTOMER for _, why in adapted.skipped):
        for name, lookup in config.lookup.items():
            if lookup.file is None:
                yield (
                    f"{NO_CUSTOMER}: a file may tell whose they are, --lookup {name}=FILE, "
                    f"CSV with {lookup.key},{lookup.value}"
                )
    if config.rates is None and any(reason is Reason.CURRENCY for _, reason, _ in adapted.refused):
        yield (
            "currency: RETENTION_REPORTING_CURRENCY sets that of the reports; --rates FILE gives the rates "
            "of others"
        )


def not_found(adapted: Adapted, config: Config, inputs: dict[str, list[Path]]) -> Iterator[str]:
    """Yield what a mapping asks for and the export has not: names may be wrong. An adapter asks for a lot."""
    for name, source in config.sources.items():
        if not inputs[name]:
            yield f"{name}: nothing was read, for no file is named {source.files or '*'}"
        for event in source.event:
            rule = f"{name}/{event.name}"
            missing = event.fields.keys() - adapted.found.get(rule, event.fields.keys())
            if missing:
                yield f"{rule}: found in no record: {', '.join(sorted(missing))}. Is the column's name right?"


def again(adapted: Adapted, paths: dict[Input, Path]) -> Iterator[str]:
    """Yield how many events have an id that another one has: the first counts."""
    for source, found in sorted(adapted.again.items()):
        name = paths[source].name
        if found.same_file:
            yield (
                f"{name}: {_counted(found.same_file, 'event')} with an id that one before it in the same "
                "file has. As if sent again, they will be dropped. If they are lines of an order, let "
                "event_id tell them apart (docs/mapping.md)"
            )
        if found.other_file:
            yield (
                f"{name}: {_counted(found.other_file, 'event')} with an id that one of another file has. The "
                "first counts"
            )
        if found.other_source:
            yield (
                f"{name}: {_counted(found.other_source, 'event')} with an id that one of another file has, "
                "but another source: both count. If they are the same things in two exports, write the same "
                '`source = { value = "..." }` into the fields of both'
            )


def others(paths: list[Path]) -> Iterator[str]:
    """Yield which files of the directory were not read, and which directories."""
    files = [path for path in paths if not path.is_dir()]
    if files:
        yield (
            f"not read: {_counted(len(files), 'file')} that no `files` of the mapping fits: {_names(files)}"
        )
    folders = [path for path in paths if path.is_dir()]
    if folders:
        yield f"not read, for only the files of one directory are: {_names(folders)}"


def _names(paths: list[Path]) -> str:
    more = f" and {len(paths) - _MOST_NAMES:,} more" if len(paths) > _MOST_NAMES else ""
    return ", ".join(visible(path.name) for path in paths[:_MOST_NAMES]) + more


def faults_of(adapted: Adapted, letters: Path) -> Iterator[str]:
    """Yield why the export can't be relied on, though what came of it is written."""
    if not adapted.events:
        yield "no event came of it"
    elif adapted.refused.total() > adapted.events.total():
        yield f"more was refused than became events: {letters} says why"
    for name, line in adapted.broken_off.items():
        yield (
            f"{name} was not read on to its end: what begins at line {line:,} can't be read, and may be more "
            f"than one record. It is in {letters}; all else is written. Mend the file, or export it again"
        )


def missed(alike: list[Path]) -> Iterator[str]:
    """Yield which of them are named like those that were."""
    if alike:
        yield (
            f"named like a file that was read, but not read: {_names(alike)}. Let `files` of the mapping fit "
            "all (* stands for what differs), or move them away; all else is written"
        )


def say(console: Console, line: str) -> None:
    """Print a line as it is."""
    console.print(escape(line), highlight=False, soft_wrap=True)


def _counted(count: int, one: str) -> str:
    return f"1 {one}" if count == 1 else f"{count:,} {one}s"
