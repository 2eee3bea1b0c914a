"""The command `adapt`: an export of a shop, a contact centre or a spreadsheet into event files."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Annotated, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from schemas.dead_letter import Reason
from streams.adapt.adapt import Adapted, adapt, inputs_of
from streams.console import ERRORS, Exit, failed, files_or_exit, or_exit
from streams.core.watermark import GIVEN, Input
from streams.mapping import adapters
from streams.mapping.config import Config, MappingError, in_zone, load, parse, with_tables
from streams.mapping.mapping import Mapping
from streams.mapping.outcomes import NO_CUSTOMER
from streams.outputs import Force, Output, check_or_exit, writing, writing_or_exit
from streams.settings import SettingsError, load_settings

CSV: Final = "csv"
_KINDS: Final = (*adapters.NAMES, CSV)
_MOST_FILES: Final = 20
_MOST_WHYS: Final = 30
_ANYTHING: Final = re.compile(b"")


def adapt_command(  # noqa: PLR0913 - one for each option
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help=f"{', '.join(_KINDS)}, or a mapping of your own: FILE.toml.")
    ],
    given: Annotated[
        Path | None, typer.Argument(metavar="IN", help="The export: a file, or a directory of files.")
    ] = None,
    out: Annotated[
        Path | None, typer.Argument(metavar="OUT", help="Directory for the event files; made if need be.")
    ] = None,
    *,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="The mapping, for csv; --suggest proposes one.")
    ] = None,
    suggest: Annotated[
        bool,
        typer.Option("--suggest", help="Print a mapping for the CSV files IN, to be read and corrected."),
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the mapping that KIND stands for.")] = False,
    lookup: Annotated[
        list[str] | None,
        typer.Option(
            "--lookup", metavar="NAME=FILE", help="A table of the mapping; may be given more than once."
        ),
    ] = None,
    rates: Annotated[
        Path | None, typer.Option("--rates", help="Exchange rates: CSV with day,currency,rate.")
    ] = None,
    merged: Annotated[
        Path | None,
        typer.Option("--merged", help="Ids that ended: CSV with customer_id,merged_into."),
    ] = None,
    zone: Annotated[
        str | None, typer.Option("--zone", help="Zone of times without an offset, as Europe/Berlin.")
    ] = None,
    force: Force = False,
) -> None:
    """Turn an export (Shopify, Segment, Amazon Connect, Zendesk, CSV) into event files.

    They are transactions.jsonl, contacts.jsonl and so on, ready for check, replay and publish.
    Several exports may go into one OUT, one after the other, if they write different files. Two exports of
    purchases need one mapping with two sources (docs/mapping.md). What is skipped, as guest check-outs are,
    is counted with its reason. What can't be mapped goes to refused-KIND.jsonl in OUT, whole, with why.

    Exit code 65 if more was refused than mapped, 78 for a mapping that can't be used.
    """
    if show:
        typer.echo(_text(kind), nl=False)
        return
    if given is None:
        raise failed("say which export: adapt KIND IN OUT", Exit.USAGE)
    if suggest:
        from streams.adapt.suggest import suggest_or_exit  # noqa: PLC0415 - only here

        typer.echo(suggest_or_exit(given, zone), nl=False)
        return
    if out is None:
        raise failed("say where to: adapt KIND IN OUT", Exit.USAGE)
    with or_exit({MappingError: Exit.CONFIG, SettingsError: Exit.CONFIG}), files_or_exit():
        config = with_tables(_config(kind, mapping), dict(map(_lookup, lookup or [])), rates, merged)
        config = config if zone is None else in_zone(config, zone)
        work = Mapping(config, load_settings().reporting_currency)
        inputs = inputs_of(config.sources, given)
        letters = out / f"refused-{Path(kind).stem}.jsonl"
        files: dict[Input, Path] = {one: out / f"{one.value}.jsonl" for one in GIVEN if one in work.inputs}
        _check(inputs, files, letters, force=force)
        adapted = _adapted(work, inputs, files, letters)
    _print(adapted, files, letters)
    for hint in _hints(adapted, config):
        _say(Console(), hint)
    if kind not in adapters.NAMES:
        for line in _not_found(adapted, config, inputs):
            _say(Console(), line)
    if not adapted.events:
        raise failed("no event came of it", Exit.BAD_DATA)
    if adapted.refused.total() > adapted.events.total():
        raise failed(f"more was refused than became events: {letters} says why", Exit.BAD_DATA)


def _lookup(text: str) -> tuple[str, Path]:
    name, separator, file = text.partition("=")
    if not separator or not name or not file:
        raise failed("a look-up is given as NAME=FILE, phones=phones.csv", Exit.USAGE)
    return name, Path(file)


def _text(kind: str) -> str:
    if kind not in adapters.NAMES:
        raise failed(f"a mapping is shown for {', '.join(adapters.NAMES)}", Exit.USAGE)
    return adapters.text(kind)


def _config(kind: str, mapping: Path | None) -> Config:
    if kind in adapters.NAMES:
        return parse(adapters.text(kind), folder=Path(), name=kind)
    own = Path(kind) if kind.endswith(".toml") else mapping
    if kind != CSV and not kind.endswith(".toml"):
        raise failed(f"no such kind: write {', '.join(_KINDS)} or FILE.toml", Exit.USAGE)
    if own is None:
        raise failed("csv needs --mapping FILE; `adapt csv IN --suggest` proposes one", Exit.USAGE)
    return load(own)


def _check(inputs: dict[str, list[Path]], files: dict[Input, Path], letters: Path, *, force: bool) -> None:
    """End the command if a file is there already, or one of the export would be written over."""
    with writing_or_exit(letters.parent):
        letters.parent.mkdir(parents=True, exist_ok=True)
    there = next((path for path in files.values() if path.exists() and path.stat().st_size), None)
    if there is not None and not force:
        raise failed(f"{there} is there already: --force replaces it", Exit.CANNOT_CREATE)
    outputs = [Output(path, "OUT", _ANYTHING) for path in (*files.values(), letters)]
    check_or_exit(outputs, (path for paths in inputs.values() for path in paths))


def _adapted(
    mapping: Mapping,
    inputs: dict[str, list[Path]],
    files: dict[Input, Path],
    letters: Path,
) -> Adapted:
    """Write all files, or none."""
    with ExitStack() as stack:

        def opened(path: Path) -> IO[bytes]:
            stack.enter_context(writing_or_exit(path))
            return stack.enter_context(writing(path))

        outputs = {one: opened(path) for one, path in files.items()}
        refused = opened(letters)
        status = stack.enter_context(ERRORS.status("reading ..."))
        return adapt(
            mapping,
            inputs,
            outputs,
            refused,
            lambda done: status.update(f"{done:,} records read"),
        )


def _print(adapted: Adapted, paths: dict[Input, Path], letters: Path) -> None:
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
        _say(console, f"{path}: {written:,} event{'' if written == 1 else 's'}")
    if total:
        _say(console, f"{letters}: {total:,} refused, whole, each with why")


def _hints(adapted: Adapted, config: Config) -> Iterator[str]:
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


def _not_found(adapted: Adapted, config: Config, inputs: dict[str, list[Path]]) -> Iterator[str]:
    """Yield what a mapping asks for and the export has not: names may be wrong. An adapter asks for a lot."""
    for name, source in config.sources.items():
        if not inputs[name]:
            yield f"{name}: nothing was read, for no file is named {source.files or '*'}"
        for event in source.event:
            rule = f"{name}/{event.name}"
            missing = event.fields.keys() - adapted.found.get(rule, event.fields.keys())
            if missing:
                yield f"{rule}: found in no record: {', '.join(sorted(missing))}. Is the column's name right?"


def _say(console: Console, line: str) -> None:
    console.print(escape(line), highlight=False, soft_wrap=True)
