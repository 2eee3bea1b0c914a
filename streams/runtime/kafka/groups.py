"""Consumer groups, asked through kafka-python's administration client."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from kafka import errors
from kafka.admin import KafkaAdminClient

_Answer = TypeVar("_Answer")

_NOT_YET: Final = (
    errors.CoordinatorNotAvailableError,
    errors.CoordinatorLoadInProgressError,
    errors.NotCoordinatorError,
)
_WAIT_SECONDS: Final = 20.0
_STEP_SECONDS: Final = 0.1


def positions_of(admin: KafkaAdminClient, group: str, topic: str) -> dict[int, int]:
    """Return what a group has committed by partition of a topic. Raises what `admin_client` raises."""
    found = _patiently(lambda: admin.list_group_offsets(group)[group])
    return {tp.partition: one.offset for tp, one in found.items() if tp.topic == topic}


def members_of(admin: KafkaAdminClient, group: str) -> int:
    """Return how many members a group has now; none if there is no such group."""
    return len(_patiently(lambda: admin.describe_groups([group])[group])["members"])


def _patiently(ask: Callable[[], _Answer]) -> _Answer:
    """Ask until a broker has become the group's coordinator: a new cluster has none at first."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            return ask()
        except _NOT_YET:
            if time.monotonic() > deadline:
                raise
            time.sleep(_STEP_SECONDS)
