"""A line in the log, at most once an hour for each input, that names the unknown fields of its records."""

import logging
import time
from collections.abc import Callable, Collection
from typing import Final

from schemas.topics import INPUTS
from schemas.unknown_fields import NAMES_SHOWN, UnknownFields
from streams.core.watermark import Input

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 3600.0
_TOPICS: Final = {topic.name: topic for topic in INPUTS}


class UnknownFieldsLog:
    """Gathers names, and logs them; `now` is a clock in seconds that is never set."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._since: dict[Input, UnknownFields] = {}
        self._due: dict[Input, float] = {}

    def note(self, source: Input, names: Collection[str]) -> None:
        """Note the unknown fields of a record: the first are logged at once, then those of each hour."""
        fields = self._since.setdefault(source, UnknownFields(_TOPICS[source]))
        fields.note(names)
        now = self._now()
        if now < self._due.get(source, now):
            return
        self._due[source] = now + EVERY_SECONDS
        del self._since[source]
        more = len(fields.names) - NAMES_SHOWN
        log.warning(
            "%s: %d unknown fields were left out, of accepted records: %s%s",
            source,
            fields.total,
            ", ".join(fields.listed()),
            f" and {more} more" if more > 0 else "",
        )
