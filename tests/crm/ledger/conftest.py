"""A ledger for each test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crm.ledger.records import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Return what makes a ledger with a policy."""
    desks: list[Desk] = []

    def make(**policy: Any) -> Desk:
        desks.append(Desk(tmp_path / f"{len(desks)}.ledger", **policy))
        return desks[-1]

    yield make
    for one in desks:
        one.ledger.close()
