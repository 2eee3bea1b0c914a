"""The environment of bridges does not outlive a test."""

import os
from collections.abc import Iterator

import pytest

from streams.crm_settings import CRM_PREFIX


@pytest.fixture(autouse=True)
def no_crm() -> Iterator[None]:
    """Leave out what a test has set for its bridges."""
    yield
    for name in list(os.environ):
        if name.startswith(CRM_PREFIX):
            del os.environ[name]
