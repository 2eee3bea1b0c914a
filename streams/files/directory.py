"""Which event files a directory has."""

from pathlib import Path
from typing import Final

from streams.core.watermark import FACTS, GIVEN, Input

SUFFIXES: Final = (".jsonl", ".jsonl.gz", ".parquet")

_DATA: Final = frozenset(
    "avro bz2 csv dat gz json jsonl ndjson orc parquet tsv txt xls xlsx xml xz zip zst".split()  # noqa: SIM905
)
"""The suffixes of files that hold data in any form."""

_SHEETS: Final = (".csv", ".csv.gz")
"""The suffixes of files that `adapt` makes events of."""


class InputError(Exception):
    """Files that can't be read as contract.md's; the message says which and why.

    `unusable` means that a file is there, but in a form that is not read.
    """

    def __init__(self, message: str, *, unusable: bool = False) -> None:
        super().__init__(message)
        self.unusable = unusable


def named(directory: Path) -> list[Path]:
    """Return the paths of all inputs that a directory may have, whether they are there or not."""
    return [directory / f"{one.value}{suffix}" for one in GIVEN for suffix in SUFFIXES]


def find(directory: Path) -> dict[Input, Path]:
    """Return the file of each input that the directory has.

    Raise InputError if it has neither transactions nor contacts, or one input in two forms.
    """
    try:
        found = _found(directory)
        if not any(one in found for one in FACTS):
            _refuse(directory, found)
    except OSError as error:
        raise InputError(f"{directory} can't be read: {error.strerror}") from error
    return found


def _found(directory: Path) -> dict[Input, Path]:
    if directory.is_file():
        raise InputError(f"{directory} is a file: give the directory that it lies in")
    if not directory.is_dir():
        raise InputError(f"no such directory: {directory}")
    found = {}
    for one in GIVEN:
        names = (directory / f"{one.value}{suffix}" for suffix in SUFFIXES)
        there = [path for path in names if path.is_symlink() or path.exists()]
        if len(there) > 1:
            raise InputError(f"{' and '.join(path.name for path in there)}: keep one of them")
        if there:
            found[one] = _file(there[0])
    return found


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    what = "is a directory, not a file" if path.is_dir() else "is no plain file, and leads to none"
    raise InputError(f"{path.name} {what}", unusable=True)


def _refuse(directory: Path, found: dict[Input, Path]) -> None:
    names = ", ".join(f"{one.value}{suffix}" for one in FACTS for suffix in SUFFIXES)
    others = ", ".join(path.name for path in found.values())
    alike = [not_read(one, path) for one, path in look_alikes(directory, found).items()]
    said = [f"nothing to read in {directory}: looked for {names}; found {others or 'no input'}", *alike]
    if any(path.name.lower().endswith(_SHEETS) for path in directory.iterdir()):
        said.append("of CSV files `adapt csv` makes events: begin with `adapt csv DIRECTORY --suggest`")
    raise InputError("\n".join(said), unusable=bool(alike))


def look_alikes(directory: Path, found: dict[Input, Path]) -> dict[Input, Path]:
    """Return for each input that is missing a file of nearly its name, which is not read."""
    alike: dict[Input, Path] = {}
    for path in sorted(directory.iterdir()):
        stem, *suffixes = path.name.lower().split(".")
        if not suffixes or suffixes[-1] not in _DATA or not path.is_file():
            continue
        for one in GIVEN:
            if one not in found and stem in {one.value, one.value.removesuffix("s")}:
                alike.setdefault(one, path)
    return alike


def not_read(one: Input, path: Path) -> str:
    """Return the sentence about a file that looks like an input and is not read."""
    names = " or ".join(f"{one.value}{suffix}" for suffix in SUFFIXES)
    return f"{path.name} is not read; {one.value} come as {names}"
