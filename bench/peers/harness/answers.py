"""The lines of JSON that a program answers with, as README.md says them."""

from typing import Any

import msgspec


class Ready(msgspec.Struct, frozen=True):
    """It is about to take the first record; `pid` is another process that should be measured."""

    ready: bool
    pid: int | None = None


class Committed(msgspec.Struct, frozen=True):
    """All is processed and committed."""

    committed: bool


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What it found; what a program can't tell is missing."""

    records: int
    customers: int | None = None
    cents: int | None = None
    purchases: int | None = None
    alerts: int | None = None
    checksum: int | None = None
    seconds: float
    """From the first record to the last commit, by its own clock."""
    version: str = ""


def answer(line: str) -> Ready | Committed | Result:
    """Return what a line says. Raises ValueError with what is wrong with it."""
    value: Any = msgspec.json.decode(line)
    kinds = {"ready": Ready, "committed": Committed}
    kind = next((kinds[name] for name in kinds if isinstance(value, dict) and name in value), Result)
    found: Ready | Committed | Result = msgspec.convert(value, kind)
    return found
