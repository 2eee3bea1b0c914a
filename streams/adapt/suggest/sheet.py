"""A CSV file as `adapt csv --suggest` looks at it: separator, columns, first and last values."""

import csv
import gzip
import re
import shlex
import unicodedata
import zlib
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from io import StringIO
from itertools import islice, takewhile
from pathlib import Path
from typing import IO, Final, Literal

from streams.adapt.record import Record, is_utf8
from streams.adapt.records import opened
from streams.adapt.rows import rows
from streams.adapt.suggest.numbers import NumberForm, number_form
from streams.adapt.suggest.times import TimeForm, time_forms
from streams.files import InputError

SAMPLE: Final = 10_000
"""So many rows are looked at from the beginning, and as many at the end, where orders are still open."""
_HEAD: Final = 64 * 1024
"""Characters by which the separator is found."""
_SEPARATOR: Final = re.compile(r'"?sep=([,;|\t])"?[\r\n]')
"""A first line that Excel writes."""
SEPARATORS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
NOTHING: Final = frozenset(
    (
        *("", "n/a", "na", "#n/a", "null", "none", "nil", "nan", "-", "--", "?"),
        *("0000-00-00", "0000-00-00 00:00:00"),
    )
)
"""What people write where there is nothing, in lower case."""
_ONE: Final = {
    **dict.fromkeys(("number", "nr", "num", "nummer", "numero", "n"), "no"),
    **dict.fromkeys(("identifier", "uuid", "guid"), "id"),
    **dict.fromkeys(("sec", "secs", "seconds", "sekunden", "secondes", "segundos"), "s"),
    **dict.fromkeys(("mins", "minutes", "minuten", "minutos"), "min"),
    **dict.fromkeys(("millis", "milliseconds"), "ms"),
    "cust": "customer",
    "dt": "date",
    "datum": "date",
    "fecha": "date",
    "ts": "timestamp",
    "amt": "amount",
    "qty": "quantity",
}
"""Words of names that mean the same."""
_LESS: Final = frozenset(("incl", "excl", "inkl", "exkl", "including", "excluding", "inclusive", "exclusive"))
"""Words after which a name tells no more of what a column holds, as in "Total (incl. VAT)"."""


def folded(text: str) -> str:
    """Return a text in lower case, without accents, with blanks for whatever is neither letter nor digit."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", bare.casefold()).split())


@dataclass(frozen=True)
class Column:
    """A column: its name and its values, empty ones too."""

    name: str
    values: list[str]
    decimal: Literal["point", "comma"] | None = None
    """What separates places in its file, for numbers that do not tell."""
    decimal_of: str = ""
    """The column that leaves no doubt of it; empty if it is a guess by the dates."""

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Return the words of its name, each in the one form that stands for its synonyms."""
        parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", self.name.replace("#", " no "))
        words = takewhile(lambda word: word not in _LESS, folded(parted).split())
        return tuple(_ONE.get(word, word) for word in words)

    @cached_property
    def filled(self) -> list[str]:
        """Return the values that say something."""
        return [value for value in self.values if value.lower() not in NOTHING]

    @cached_property
    def holes(self) -> list[str]:
        """Return what is written where there is nothing, unless that is empty."""
        return sorted({value for value in self.values if value and value.lower() in NOTHING})

    @cached_property
    def times(self) -> list[TimeForm]:
        """Return the forms of times that fit all values that say something."""
        return time_forms(self.filled)

    @cached_property
    def number(self) -> NumberForm | None:
        """Return how the values that say something are written as numbers; None if they are none."""
        form = number_form(self.filled)
        if form is None or form.sure or self.decimal is None:
            return form
        return replace(form, decimal=self.decimal)

    @cached_property
    def words(self) -> Counter[str]:
        """Return the different values with how often each comes, the commonest first."""
        return Counter(dict(Counter(self.filled).most_common()))


@dataclass(frozen=True)
class Sheet:
    """A CSV file, or several with the same columns."""

    paths: list[Path]
    separator: str
    columns: list[Column]
    rows: int
    """How many were looked at."""
    ragged: int
    """How many of them are refused: they have another number of columns, or a quote out of place."""

    @property
    def header(self) -> tuple[str, ...]:
        """Return the names of its columns."""
        return tuple(column.name for column in self.columns)

    @property
    def name(self) -> str:
        """Return the name of its first file."""
        return self.paths[0].name


def read_sheet(path: Path, sample: int | None = None) -> Sheet:
    """Return the first and the last rows of a file, SAMPLE of each or as many as said.

    Raises InputError if it is no CSV in UTF-8 with a header.
    """
    sample = SAMPLE if sample is None else sample
    try:
        with _opened(path) as file:
            separator = _separator(file.read(_HEAD))
        with _opened(path) as file:
            if _SEPARATOR.match(file.readline()) is None:
                file.seek(0)
            header = [name.strip() for name in next(filter(None, csv.reader(file, delimiter=separator)), [])]
        with opened(path) as raw:
            every = _in_utf8(path, rows(path.name, raw, separator))
            read = [*islice(every, sample), *deque(every, sample)]
    except UnicodeDecodeError:
        raise InputError(f"{path.name}: {_encoding(path)}", unusable=True) from None
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise InputError(f"{path.name} can't be read: {error}", unusable=True) from None
    if not read:
        raise InputError(f"{path.name} has no rows below a header", unusable=True)
    _check_header(path.name, header)
    whole = [record.value for record in read if record.value is not None]
    names = whole[0] if whole else filter(None, header)
    columns = [Column(name, [row[name] for row in whole]) for name in names]
    return Sheet([path], separator, _settled(columns), len(read), len(read) - len(whole))


def _in_utf8(path: Path, every: Iterator[Record]) -> Iterator[Record]:
    for record in every:
        if record.value is None and not is_utf8(record.raw):
            raise InputError(f"{path.name}: {_encoding(path)}", unusable=True)
        yield record


def together(sheets: list[Sheet]) -> Sheet:
    """Return files with the same columns as one."""
    several = zip(*(sheet.columns for sheet in sheets), strict=True)
    columns = [Column(same[0].name, [value for one in same for value in one.values]) for same in several]
    return Sheet(
        [path for sheet in sheets for path in sheet.paths],
        sheets[0].separator,
        _settled(columns),
        sum(sheet.rows for sheet in sheets),
        sum(sheet.ragged for sheet in sheets),
    )


def _settled(columns: list[Column]) -> list[Column]:
    """Return columns of which those that leave it open take from the others what separates places."""
    unsure = [one for one in columns if one.number is not None and one.number.groups and not one.times]
    if not unsure:
        return columns
    told = {
        one.number.decimal: one.name
        for one in columns
        if one.number is not None and one.number.sure and not one.number.mixed and not one.times
    }
    if len(told) == 1:
        ((decimal, name),) = told.items()
    elif any((form.form or "").startswith("%d.%m.") for one in columns for form in one.times[:1]):
        decimal, name = "comma", ""  # people who write days so write numbers so
    else:
        return columns
    open_ = {one.name for one in unsure}
    return [replace(one, decimal=decimal, decimal_of=name) if one.name in open_ else one for one in columns]


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _separator(head: str) -> str:
    """Return what parts the columns: what Excel says, or what gives every line as many, and the most."""
    said = _SEPARATOR.match(head)
    if said is not None:
        return said[1]

    def order(separator: str) -> tuple[int, int]:
        rows = [
            len(row) for row in islice(csv.reader(StringIO(head, newline=""), delimiter=separator), 20) if row
        ]
        return (sum(count == rows[0] for count in rows), rows[0]) if rows and rows[0] > 1 else (0, 0)

    return max(SEPARATORS, key=order)


def _encoding(path: Path) -> str:
    """Return what is said of a file that is not UTF-8."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        marks = file.read(2)
    if marks in {b"PK", b"\xd0\xcf"}:
        return "not a text but, it seems, an Excel file. Save it as CSV in UTF-8"
    written = "UTF-16" if marks in {b"\xff\xfe", b"\xfe\xff"} else "WINDOWS-1252"
    there = shlex.quote(str(path))
    if path.suffix == ".gz":
        convert = f"zcat {there} | iconv -f {written} -t UTF-8 | gzip > utf8.gz && mv utf8.gz {there}"
    else:
        convert = f"iconv -f {written} -t UTF-8 {there} > utf8 && mv utf8 {there}"
    return f"not UTF-8; it looks like {written}. Save it as UTF-8, or: {convert}"


def _check_header(file: str, header: list[str]) -> None:
    if len(set(header)) < len(header):
        raise InputError(f"{file}: two columns have the same name", unusable=True)
    if any(re.fullmatch(r"[\d.,:/+-]*\d[\d.,:/ +-]*", name) for name in header):
        raise InputError(f"{file} has no header: its first line must name the columns", unusable=True)
    if len(header) == 1:
        raise InputError(
            f"{file}: its first line has one column; put the names of the columns there", unusable=True
        )
