"""A database for each test, and no settings of the environment."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.sandbox.store import Store


@pytest.fixture(name="db")
def _db(tmp_path: Path) -> Path:
    return tmp_path / "sandbox.db"


@pytest.fixture(name="store")
def _store(db: Path) -> Iterator[Store]:
    with Store(db) as store:
        yield store
