"""What bytes can be instead of a record: nothing to map, or nothing that can be read."""

from dataclasses import dataclass
from typing import Final

from schemas.dead_letter import Reason


@dataclass(frozen=True, slots=True)
class NoRecord:
    """A message that means no record, and why."""

    why: str


TOMBSTONE: Final = NoRecord("tombstone")
"""A null value: compaction may forget what had this key."""


class UnreadableError(Exception):
    """A message that can't be read; `detail` names field and rule, never a value."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def no_schema_fits(detail: str) -> UnreadableError:
    """Return the error for a message that is read, and is not what was said of it."""
    return UnreadableError(Reason.SCHEMA, detail)
