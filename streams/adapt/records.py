"""The records of an export: JSON (one a line, an array, or one after another) and CSV, also gzipped.

What can't be read is a record too, with its raw bytes and why, and reading goes on behind it. A file of lines
is read line by line; one that is a single JSON document is held whole.
"""

import gzip
import zlib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from streams.adapt.documents import documents
from streams.adapt.record import Record
from streams.adapt.rows import rows
from streams.files import InputError
from streams.mapping.config import Source


def matching(source: Source, given: Path) -> list[Path]:
    """Return the files that the pattern of a source fits: in a directory, or the one file given.

    Raises InputError.
    """
    if given.is_dir():
        paths = sorted(path for path in given.iterdir() if path.is_file())
    elif given.is_file():
        paths = [given]
    else:
        raise InputError(f"no such file or directory: {given}")
    pattern = source.files or "*"
    return [path for path in paths if fnmatch(path.name, pattern) or fnmatch(path.name, f"{pattern}.gz")]


def directories(given: Path) -> list[Path]:
    """Return the directories in a directory: what is in them is not read."""
    if not given.is_dir():
        return []
    return [path for path in sorted(given.iterdir()) if path.is_dir() and not path.name.startswith(".")]


def records(path: Path, source: Source) -> Iterator[Record]:
    """Yield the records of a file. Raises InputError if it can't be read to its end."""
    try:
        with opened(path) as file:
            if source.format == "csv":
                yield from rows(path.name, file, source.separator)
            else:
                yield from documents(path.name, file, source.records)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path.name} can't be read to its end: {error}", unusable=True) from error


def opened(path: Path) -> Any:
    """Return a file to be read as bytes, unpacked if it is packed."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")
