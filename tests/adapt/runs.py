"""Adapting in tests: records or files through a mapping, and what came of them."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import IO

from streams.adapt.adapt import Adapted, adapt
from streams.core.watermark import Input
from streams.mapping import adapters
from streams.mapping.config import Config, parse
from streams.mapping.mapping import Mapping
from tests.adapt.exports import Json


@dataclass
class Run:
    """What came of it."""

    adapted: Adapted
    events: list[Json]
    """In the order in which they were written, those of transactions first."""
    letters: list[Json]

    @property
    def outcomes(self) -> int:
        """Return how many events, skipped and refused there are together."""
        one = self.adapted
        return one.events.total() + one.skipped.total() + one.refused.total()

    @property
    def skipped(self) -> dict[str, int]:
        """Return how many were skipped, by why."""
        counts = Counter[str]()
        for (_, why), count in self.adapted.skipped.items():
            counts[why] += count
        return counts


@cache
def adapter(name: str) -> Config:
    """Return the mapping of one of the four systems."""
    return parse(adapters.text(name), folder=Path(), name=name)


def run(config: Config, paths: Iterable[Path], currency: str = "USD", source: str | None = None) -> Run:
    """Adapt the files of one source."""
    outputs: dict[Input, IO[bytes]] = {one: BytesIO() for one in Input}
    letters = BytesIO()
    name = source or next(iter(config.sources))
    adapted = adapt(Mapping(config, currency), {name: list(paths)}, outputs, letters)
    lines = [line for one in outputs.values() for line in _written(one)]
    return Run(adapted, [*map(json.loads, lines)], [*map(json.loads, _written(letters))])


def _written(file: IO[bytes]) -> list[bytes]:
    file.seek(0)
    return file.read().splitlines()


def given(config: Config, folder: Path, records: list[Json], currency: str = "USD") -> Run:
    """Adapt records, written one a line."""
    path = folder / "records.json"
    path.write_text("".join(f"{json.dumps(one)}\n" for one in records), encoding="utf-8")
    return run(config, [path], currency)


def table(folder: Path, name: str, text: str) -> Path:
    """Write a table for a mapping."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
