"""A whole mapping, proposed for the CSV files of a directory, and tried on their first rows."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from glob import escape
from itertools import combinations, islice, takewhile
from pathlib import Path
from typing import Final

from streams.adapt.records import directories, matching, records
from streams.adapt.suggest.contacts import TELLING, contacts_lines
from streams.adapt.suggest.fields import Clues, address
from streams.adapt.suggest.names import CONTACTS, PURCHASES, assigned
from streams.adapt.suggest.purchases.source import purchases_lines
from streams.adapt.suggest.sheet import SAMPLE, SEPARATORS, Sheet, folded, read_sheet, together
from streams.adapt.suggest.times import Order
from streams.adapt.suggest.toml import DECIDE, comment, shown
from streams.console import visible
from streams.files import InputError
from streams.mapping.config import Config, parse
from streams.mapping.mapping import Mapping
from streams.mapping.outcomes import Draft, Mapped, Memory, Meta, Refused, Skipped

_FEW: Final = 2
TRIED: Final = 1000
"""Rows of each file that the proposal is tried on."""
_ENDS: Final = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")
_ORDERS: Final = re.compile(
    r"order|sale|purchase|transaction|invoice|receipt|payment|basket|bestell|verkauf|umsatz|rechnung|kauf|"
    r"commande|vente|achat|facture|pedido|venta|compra|factura"
)
_CALLS: Final = re.compile(
    r"call|contact|ticket|chat|interaction|conversation|case|support|anruf|kontakt|vorgang|"
    r"appel|llamada|contacto"
)
_HEADER: Final = """\
# Proposed by `retention-signals adapt csv --suggest`, from the columns of your files and their rows.
# Read it before you use it: `guess:` is what names and values suggest, `DECIDE:` is what only you can know.
# What is not named here is not read. The language: docs/mapping.md.
"""


def proposed(given: Path, currency: str, zone: str | None = None) -> str:
    """Return the TOML of a mapping for a CSV file, or those of a directory; it loads, and was tried on them.

    Times without an offset are of the zone, if one is given. Raises InputError if nothing can be proposed.
    """
    sheets = _sheets(given)
    clues = Clues(currency, zone, _orders(sheets))
    tables: list[str] = []
    sources: list[str] = []
    left = _directories(given)
    only: set[str | None] = set()
    names: list[str] = []
    kept: list[Sheet] = []
    for sheet in sheets:
        name, files = _name(sheet, names), _pattern(sheet, given)
        found = _source(name, files, sheet, clues)
        if found is None:
            left += comment(f"{sheet.name} is left out: {_lacks(sheet)}")
            continue
        more, lines, its_currency = found
        names.append(name)
        kept.append(sheet)
        tables += [line for line in more if line not in tables]
        only |= {its_currency} if its_currency != "" else set()
        sources += ["", *comment(_about(sheet)), *_doubt(sheet), *lines]
    if not names:
        raise InputError("\n".join(f"{sheet.name}: {_lacks(sheet)}" for sheet in sheets), unusable=True)
    said, currency = _money(only, currency)
    text = "\n".join([_HEADER, *left, *said, *tables, *sources, ""]).replace("\n\n\n", "\n\n")
    return text + "\n".join(["", *_tried(text, given, currency), *_met(kept), *_matches(sheets), ""])


def _sheets(given: Path) -> list[Sheet]:
    """Return the files, those of the same columns together. Raises InputError."""
    if given.is_file():
        return [read_sheet(given)]
    if not given.is_dir():
        raise InputError(f"no such file or directory: {given}")
    paths = sorted(path for path in given.iterdir() if path.is_file() and path.name.lower().endswith(_ENDS))
    if not paths:
        raise InputError(f"nothing to read in {given}: looked for {', '.join(f'*{end}' for end in _ENDS)}")
    # Of many files fewer rows each: what is looked at stays in memory.
    sample = max(SAMPLE // 10, min(SAMPLE, 2 * SAMPLE // len(paths)))
    found: dict[tuple[str, ...], list[Sheet]] = {}
    for path in paths:
        sheet = read_sheet(path, sample)
        key = (sheet.separator, *sheet.header)
        same = found.get(key, [])
        # Files of one kind are told by what their names share: two that share nothing are two kinds.
        if not _begin([*(one.name for one in same), path.name]):
            key = (*key, path.name)
        found.setdefault(key, []).append(sheet)
    sheets = [one for same in found.values() for one in _of_one_form(same)]
    return sorted(sheets, key=_is_of_contacts)


def _directories(given: Path) -> list[str]:
    """Return what is said of the directories in a directory."""
    names = sorted(path.name for path in directories(given))
    return comment(f"Not read, for they are directories: {shown(names)}.") if names else []


def _of_one_form(sheets: list[Sheet]) -> list[Sheet]:
    """Return files of one kind as one, unless one of them writes its times or amounts in another form."""
    if len(sheets) == 1:
        return sheets
    whole = together(sheets)
    columns = {column.name: column for column in whole.columns}
    for sheet in sheets:
        purchases, contacts = assigned(sheet.columns, PURCHASES), assigned(sheet.columns, CONTACTS)
        times = [purchases.get("time"), contacts.get("started_at")]
        numbers = [purchases.get(one) for one in ("amount", "price", "quantity")]
        if any(one is not None and not columns[one.name].times for one in times) or any(
            one is not None and columns[one.name].number is None for one in numbers
        ):
            return sheets
    return [whole]


def _shared(sheet: Sheet) -> str:
    return _begin([path.name for path in sheet.paths])


def _begin(names: list[str]) -> str:
    """Return what all names begin with."""
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in alike)


def _pattern(sheet: Sheet, given: Path) -> str:
    """Return the pattern that fits the files of a sheet, and none of the others if that can be."""
    if len(sheet.paths) == 1:
        return escape(sheet.name.removesuffix(".gz"))
    ends = _begin([path.name.removesuffix(".gz")[::-1] for path in sheet.paths])[::-1]
    begin, ends = escape(_shared(sheet)), escape(ends)
    pattern = f"{begin}*{ends}"
    ours = {path.name for path in sheet.paths}
    others = [] if given.is_file() else [path.name for path in given.iterdir() if path.name not in ours]
    return f"{begin}[0-9]*{ends}" if any(fnmatch(one, pattern) for one in others) else pattern


def _orders(sheets: list[Sheet]) -> frozenset[Order]:
    """Return what dates begin with in the columns that leave no doubt."""
    forms = (column.times for sheet in sheets for column in sheet.columns)
    return frozenset(several[0].order for several in forms if len(several) == 1 and several[0].form) - {
        "year"
    }


def _name(sheet: Sheet, taken: list[str]) -> str:
    name = folded(sheet.name.split(".")[0] if len(sheet.paths) == 1 else _shared(sheet)).replace(" ", "-")
    name = name or "source"
    return name if name not in taken else f"{name}-{len(taken) + 1}"


def _source(
    name: str, files: str, sheet: Sheet, clues: Clues
) -> tuple[list[str], list[str], str | None] | None:
    """Return the tables and lines of a source, and the one currency of purchases: empty if it has none."""
    if _is_of_contacts(sheet):
        contacts = contacts_lines(name, files, sheet, clues)
        if contacts is not None:
            return *contacts, ""
    return purchases_lines(name, files, sheet, clues)


def _is_of_contacts(sheet: Sheet) -> bool:
    """Return whether a file holds contacts rather than purchases: by its name, else by its columns."""
    contacts, purchases = assigned(sheet.columns, CONTACTS), assigned(sheet.columns, PURCHASES)
    tells_of_calls = len(TELLING & contacts.keys()) > _FEW
    has_amount = bool({"amount", "price"} & purchases.keys())
    if not has_amount and not _is_named_orders(sheet):
        return True
    name = sheet.name.lower()
    if has_amount and bool(_CALLS.search(name)) != bool(_ORDERS.search(name)):
        return bool(_CALLS.search(name))
    return tells_of_calls


def _is_named_orders(sheet: Sheet) -> bool:
    name = sheet.name.lower()
    return bool(_ORDERS.search(name)) and not _CALLS.search(name)


def _lacks(sheet: Sheet) -> str:
    """Return what the columns of a file do not tell."""
    found = assigned(sheet.columns, PURCHASES) | assigned(sheet.columns, CONTACTS)
    lacks = [
        what
        for what, names in (
            ("whose it is (a customer's id)", {"customer_id", "phone"}),
            ("when it was (a time in a form that is known)", {"time", "started_at", "ended_at"}),
            (
                "an amount, or anything that only contacts have",
                {"amount", "price"} if _is_named_orders(sheet) else {"amount", "price", *TELLING},
            ),
        )
        if not names & found.keys()
    ]
    if not lacks and "price" in found and not {"amount", "quantity"} & found.keys():
        lacks = ["how many were bought at a unit price (a quantity, or a total)"]
    return f"no column tells {', nor '.join(lacks) or 'enough'}"


def _about(sheet: Sheet) -> str:
    more = f" and {len(sheet.paths) - 1} more like it" if len(sheet.paths) > 1 else ""
    of_contacts = _is_of_contacts(sheet)
    kind = "contacts" if of_contacts else "purchases"
    found = assigned(sheet.columns, CONTACTS if of_contacts else PURCHASES)
    used = {column.name for column in found.values()}
    email = None if "customer_id" in found else address(sheet.columns)
    used |= set() if email is None else {email.name}
    left = [name for name in sheet.header if name not in used]
    not_read = f" Not read: {shown(left)}." if left else ""
    ragged = (
        f"; {sheet.ragged:,} of them are refused: another number of columns, or a quote out of place"
        if sheet.ragged
        else ""
    )
    return (
        f"{sheet.name}{more}: {kind}. {len(sheet.columns)} columns ({SEPARATORS[sheet.separator]}), "
        f"{sheet.rows:,} rows looked at{ragged}.{not_read}"
    )


def _doubt(sheet: Sheet) -> list[str]:
    if not _is_of_contacts(sheet) or not _is_named_orders(sheet):
        return []
    return comment(f"{DECIDE}its name is that of purchases, but no column has an amount. Are they contacts?")


def _money(only: set[str | None], currency: str) -> tuple[list[str], str]:
    """Return what is said of currencies, and the reporting currency that the proposal is tried with."""
    if only <= {currency}:
        return [], currency
    if len(only) == 1 and None not in only:
        own = next(iter(only)) or currency
        return comment(
            f"{DECIDE}all amounts are in {own}, and RETENTION_REPORTING_CURRENCY is {currency}. To report in "
            f"{own}: `export RETENTION_REPORTING_CURRENCY={own}`, before all that follows."
        ), own
    return [
        *comment(
            f"{DECIDE}there are, or may be, several currencies. Give a table of rates to {currency}, CSV "
            "with day,currency,rate: `--rates FILE`, or here:"
        ),
        "# [rates]",
        '# file = "rates.csv"',
    ], currency


def _tried(text: str, given: Path, currency: str) -> Iterator[str]:
    """Yield what became of the first rows of each file, as comments. Raises MappingError."""
    config = parse(text, folder=Path(), name="the proposal")
    mapping = Mapping(config, currency)
    for name in config.sources:
        paths = matching(config.sources[name], given)
        rows, events, others = _try(mapping, config, name, paths)
        files = paths[0].name + (" and others" if len(paths) > 1 else "")
        became = [f"{count:,} {rule.partition('/')[2]}" for rule, count in sorted(events.items())]
        yield from comment(f"Tried on the first {rows:,} rows of {files}: {', '.join(became) or 'no event'}.")
        for why, count in others.most_common(8):
            yield f"#   {count:,} {visible(why)}"


def _try(
    mapping: Mapping, config: Config, source: str, paths: list[Path]
) -> tuple[int, Counter[str], Counter[str]]:
    """Return how many rows were mapped, the events by rule, and why others are none."""
    events, others = Counter[str](), Counter[str]()
    memories: dict[str, Memory] = {}
    rows = 0
    every = (record for path in paths for record in records(path, config.sources[source]))
    for record in islice(every, TRIED):
        rows += 1
        if record.fault or record.value is None:
            others[f"refused: {record.fault}"] += 1
            continue
        for outcome in mapping.map(source, record.value, Meta()):
            for result in _finished(mapping, outcome, memories):
                if isinstance(result, Mapped):
                    events[result.rule] += 1
                elif isinstance(result, Skipped):
                    others[f"skipped: {result.why}"] += 1
                else:
                    others[f"refused: {result.detail}"] += 1
    return rows, events, others


def _finished(
    mapping: Mapping, outcome: Draft | Skipped | Refused, memories: dict[str, Memory]
) -> Sequence[Mapped | Skipped | Refused]:
    if not isinstance(outcome, Draft):
        return [outcome]
    results, memories[outcome.state_key] = mapping.finish(outcome, memories.get(outcome.state_key))
    return results


def _met(sheets: list[Sheet]) -> Iterator[str]:
    """Yield what is said of files of purchases in which the same ids stand: exports that overlap."""
    ids = {}
    for sheet in sheets:
        column = assigned(sheet.columns, PURCHASES).get("event_id")
        if column is not None and not _is_of_contacts(sheet):
            ids[sheet.name] = column.words
    for (one, its), (other, others) in combinations(ids.items(), 2):
        count = len(its.keys() & others.keys())
        if count:
            yield from comment(
                f"{DECIDE}{count:,} ids of {one} are in {other} too, and count twice, for each is a source. "
                'If they are the same orders, write the same `source = { value = "orders" }` into all '
                "fields of both sources."
            )


def _matches(sheets: list[Sheet]) -> Iterator[str]:
    """Yield what is said of customers of contacts who are not among those of purchases."""
    bought: set[str] = set()
    called: set[str] = set()
    for sheet in sheets:
        of_contacts = _is_of_contacts(sheet)
        column = assigned(sheet.columns, CONTACTS if of_contacts else PURCHASES).get("customer_id")
        email = address(sheet.columns)
        if column is not None:
            whose = list(column.words)
        else:
            whose = [] if email is None else [word.lower() for word in email.words]
        (called if of_contacts else bought).update(whose)
    if not called or not bought:
        return
    share = len(called & bought) / len(called)
    said = f"{share:.0%} of the customers among the contacts are among the purchases looked at."
    alike = len({_alike(one) for one in called} & {_alike(one) for one in bought}) / len(called)
    if alike > share + 0.1:
        said = (
            f"{DECIDE}{said} Without leading zeros, blanks and capitals it would be {alike:.0%}: ids must be "
            "the same to the letter."
        )
    elif not share:
        said = f"{DECIDE}{said} Do both files have the same kind of id?"
    yield from comment(said)


def _alike(one: str) -> str:
    return re.sub(r"\s", "", one).casefold().lstrip("0")
