"""What goes to a CRM and what comes of it: the words that payload, delivery and the bridge share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Kind(StrEnum):
    """What a message does in the CRM."""

    CREATE = "create"
    """The first of an alert."""
    UPDATE = "update"
    """A later revision."""
    REFRESH = "refresh"
    """The same revision, with how things stand now."""
    CLOSE = "close"
    """The last: the alert is resolved."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: `path` is appended to the URL of the settings, and may hold a query."""

    method: Literal["GET", "POST", "PUT", "PATCH"]
    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Find:
    """For a CRM that cannot upsert: ask first whether the case is there, and then change it.

    `found` is sent instead of the message's own request if the answer to a GET of `path` holds something at
    `id_at` (keys and indices, separated by dots: `tickets.0.id`; `*` is each of a list, and the first
    counts); `{found}` in its path is replaced by it.
    """

    path: str
    id_at: str
    found: Request
    closed: Mapping[str, str] = field(default_factory=dict)
    """What stands beside the id of a case that takes no more changes: it is passed over."""
    anew: bool = True
    """Whether the message's own request is sent if none, or only such are there; else nothing is."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as a CRM wants it."""

    request: Request
    find: Find | None = None
    of_case: bool = False
    """Whether `request` is about a case that the CRM has had, and changes nothing if it is not there."""


class Result(StrEnum):
    """What became of a try."""

    DELIVERED = "delivered"
    RETRY = "retry"
    """Not now; the same message may pass later."""
    REFUSED = "refused"
    """Never: there is something about this message that the CRM will not take."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a try, and why in a word of a closed set: `ok`, `timeout`, `status_503`, ..."""

    result: Result
    reason: str
    seconds: float
    retry_after: float | None = None
    """Seconds that the CRM asked to wait."""
    endpoint: bool = False
    """Whether it is a fault of the CRM as a whole rather than of this message."""
    unclear: bool = False
    """Whether the CRM may have done it nevertheless."""
    slower: bool = False
    """Whether the CRM works, and asks for fewer requests: nothing is sent for `retry_after`."""
    gone: bool = False
    """Whether it says that it does not have the case any more."""
