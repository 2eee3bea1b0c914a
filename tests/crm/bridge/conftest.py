"""A bench for each test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crm.bridge.desk import Bench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Bench]]:
    """Return what makes a bench; its senders do not idle for long."""
    monkeypatch.setattr("streams.crm.bridge.sender._IDLE_SECONDS", 0.001)
    made: list[Bench] = []

    def make(**options: Any) -> Bench:
        made.append(Bench(tmp_path / f"{len(made)}.ledger", **options))
        return made[-1]

    yield make
    for one in made:
        one.desk.ledger.close()
