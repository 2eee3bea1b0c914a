"""The command `adapt`: an export of a shop, a contact centre or a spreadsheet into event files."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Annotated, Final

import typer
from rich.console import Console

from streams.adapt.adapt import Adapted, adapt, inputs_of, named_alike, not_read
from streams.adapt.said import again, faults_of, hints, missed, not_found, others, print_adapted, say
from streams.console import ERRORS, Exit, failed, files_or_exit, or_exit
from streams.core.watermark import GIVEN, Input
from streams.mapping import adapters
from streams.mapping.config import Config, MappingError, in_zone, load, parse, with_tables
from streams.mapping.mapping import Mapping
from streams.outputs import Force, Output, check_or_exit, writing, writing_or_exit
from streams.settings import SettingsError, load_settings

CSV: Final = "csv"
_KINDS: Final = (*adapters.NAMES, CSV)
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

    Exit code 65 if more was refused than mapped, if a file could not be read on to its end, or if one was
    passed over that is named like those that were read; 78 for a mapping that can't be used.
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
        beside = not_read(inputs, given, [*files.values(), letters, *_tables(config, kind, mapping)])
    print_adapted(adapted, files, letters)
    for line in (*again(adapted, files), *others(beside)):
        say(Console(), line)
    for hint in hints(adapted, config):
        say(Console(), hint)
    if kind not in adapters.NAMES:
        for line in not_found(adapted, config, inputs):
            say(Console(), line)
    faults = [*faults_of(adapted, letters), *missed(named_alike(beside, inputs))]
    if faults:
        raise failed("\n".join(faults), Exit.BAD_DATA)


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


def _tables(config: Config, kind: str, mapping: Path | None) -> Iterator[Path]:
    """Yield the files that are read beside those of the export."""
    tables = (config.rates, config.merged, *config.lookup.values())
    yield from (table.file for table in tables if table is not None and table.file is not None)
    yield Path(kind) if mapping is None else mapping
