"""What all tests share: an environment without settings, the order of the files, what must be compiled."""

import os
import shutil
from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

import pytest

from streams.core.partition.compiled import FITS
from streams.native import LAYOUT
from streams.settings import ENV_PREFIX

LONGEST: Final = (
    "test_worker_faults.py",
    "test_worker_poison.py",
    "test_worker_order.py",
    "test_worker_refusals.py",
    "test_worker.py",
    "test_live.py",
    "test_outage.py",
    "test_against_recomputation.py",
    "test_any_order.py",
)
"""Files of minutes: one that began last would be waited for, with nothing else left to do."""


@pytest.fixture(autouse=True)
def no_settings() -> Iterator[None]:
    """Leave out the settings of whoever runs the tests; a test that leaves some behind fails itself."""
    theirs = {name: os.environ.pop(name) for name in _settings()}
    yield
    left = _settings()
    for name in left:
        del os.environ[name]
    os.environ.update(theirs)
    assert not left, f"it leaves settings for the tests after it: {', '.join(left)}"


@pytest.fixture
def compiled() -> None:
    """Skip a test where no hot path is compiled; fail it where one does not fit, or CI has a compiler."""
    if FITS:
        return
    if LAYOUT:
        pytest.fail("the compiled hot path is of other records than these: `make setup`", pytrace=False)
    if shutil.which("cargo") and os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail("the hot path was not compiled, though there is a Rust compiler", pytrace=False)
    pytest.skip("NOT TESTED, no compiled hot path")


def _settings() -> list[str]:
    return [name for name in os.environ if name.upper().startswith(ENV_PREFIX)]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let files that wait for a broker take turns with those that compute: so both cores always have work."""
    if not config.getoption("randomly_reorganize", True):
        files = sorted(dict.fromkeys(item.path for item in items), key=lambda file: file.name not in LONGEST)
        waiting = [file for file in files if "tests/kafka" in file.as_posix()]
        computing = [file for file in files if "tests/kafka" not in file.as_posix()]
        turns = [file for pair in zip_longest(computing, waiting) for file in pair if file is not None]
        place = {file: at for at, file in enumerate(turns)}
        items.sort(key=lambda item: place[item.path])
