"""A database for each test, and no settings of the environment."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.sandbox.store import Store


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RETENTION_CRM_SECRET_FILE", "RETENTION_CRM_BRIDGE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(name="db")
def _db(tmp_path: Path) -> Path:
    return tmp_path / "sandbox.db"


@pytest.fixture(name="store")
def _store(db: Path) -> Iterator[Store]:
    with Store(db) as store:
        yield store
