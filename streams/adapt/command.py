"""The command `adapt`: an export of a shop, a contact centre or a spreadsheet into event files."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Annotated, Any, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from streams.adapt.adapt import Adapted, adapt, inputs_of
from streams.console import ERRORS, Exit, failed, files_or_exit, or_exit
from streams.core.watermark import GIVEN
from streams.mapping import adapters
from streams.mapping.config import Config, MappingError, load, parse
from streams.outputs import Force, writing, writing_or_exit
from streams.settings import SettingsError, load_settings

CSV: Final = "csv"
_KINDS: Final = (*adapters.NAMES, CSV)
_MOST_WHYS: Final = 30


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
    purchases need one mapping with two sources (docs/mapping.md). What is skipped, as guest check-outs are, is
    counted with its reason. What can't be mapped goes to refused-KIND.jsonl in OUT, whole, with why.

    Exit code 65 if nothing could be mapped, 78 for a mapping that can't be used.
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
    tables = {"rates": rates, "merged": merged}
    with or_exit({MappingError: Exit.CONFIG, SettingsError: Exit.CONFIG}):
        overrides: dict[str, Any] = {
            name: {"file": str(path.absolute())} for name, path in tables.items() if path is not None
        }
        overrides["lookup"] = dict(map(_lookup, lookup or []))
        config = _config(kind, mapping, overrides, zone)
        currency = load_settings().reporting_currency
        with files_or_exit():
            inputs = inputs_of(config, given)
            adapted = _adapted(config, currency, inputs, out, f"refused-{Path(kind).stem}.jsonl", force=force)
    _print(adapted, out, f"refused-{Path(kind).stem}.jsonl")
    if not adapted.events:
        raise failed("no event came of it", Exit.BAD_DATA)


def _lookup(text: str) -> tuple[str, dict[str, str]]:
    name, separator, file = text.partition("=")
    if not separator or not name or not file:
        raise failed("a look-up is given as NAME=FILE, phones=phones.csv", Exit.USAGE)
    return name, {"file": str(Path(file).absolute())}


def _text(kind: str) -> str:
    if kind not in adapters.NAMES:
        raise failed(f"a mapping is shown for {', '.join(adapters.NAMES)}", Exit.USAGE)
    return adapters.text(kind)


def _config(kind: str, mapping: Path | None, overrides: dict[str, Any], zone: str | None) -> Config:
    own = Path(kind) if kind.endswith(".toml") else mapping
    if own is None and kind == CSV:
        raise failed("csv needs --mapping FILE; `adapt csv IN --suggest` proposes one", Exit.USAGE)
    if own is None and kind not in adapters.NAMES:
        raise failed(f"no such kind: write {', '.join(_KINDS)} or FILE.toml", Exit.USAGE)
    config = (
        load(own, overrides)
        if own is not None
        else parse(adapters.text(kind), folder=Path(), name=kind, overrides=overrides)
    )
    if zone is None:
        return config
    sources = {name: {"zone": zone} for name, source in config.sources.items() if source.zone is None}
    changed = overrides | {"source": sources}
    return load(own, changed) if own else parse(_text(kind), folder=Path(), name=kind, overrides=changed)


def _adapted(  # noqa: PLR0913 - what, from where, to where
    config: Config, currency: str, inputs: dict[str, list[Path]], out: Path, letters: str, *, force: bool
) -> Adapted:
    with writing_or_exit(out):
        out.mkdir(parents=True, exist_ok=True)
    with _outputs(out, letters, force=force) as outputs, ERRORS.status("reading ...") as status:
        return adapt(config, currency, inputs, outputs, lambda done: status.update(f"{done:,} records read"))


@contextmanager
def _outputs(out: Path, letters: str, *, force: bool) -> Iterator[Callable[[str | None], IO[bytes]]]:
    """Give what opens the outputs by name; all are put in place at the end, or none."""
    with ExitStack() as stack:

        def opened(name: str | None) -> IO[bytes]:
            path = out / (name or letters)
            if name is not None and not force and path.exists() and path.stat().st_size:
                raise failed(f"{path} is there already: --force replaces it", Exit.CANNOT_CREATE)
            stack.enter_context(writing_or_exit(path))
            return stack.enter_context(writing(path))

        yield opened


def _print(adapted: Adapted, out: Path, letters: str) -> None:
    console = Console()
    files = Table(box=SIMPLE_HEAD)
    files.add_column("read")
    files.add_column("records", justify="right")
    for name, count in adapted.files.items():
        files.add_row(escape(name), f"{count:,}")
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
    console.print(became)
    total = sum(adapted.refused.values())
    for one in GIVEN:
        if adapted.written[one]:
            console.print(f"{out / one.value}.jsonl: {adapted.written[one]:,} events", highlight=False)
    if total:
        console.print(f"{out / letters}: {total:,} refused, whole, each with why", highlight=False)
