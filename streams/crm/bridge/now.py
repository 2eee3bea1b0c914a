"""How things stand now with a customer: a worker is asked, and left alone for a while when none answers."""

import asyncio
import logging
import time
from typing import Final

from streams.runtime.http.lookup import LookupAnswer
from streams.runtime.telemetry.bridge_metrics import BridgeMetrics
from streams.runtime.tools.lookup_client import BadIdError, NoAnswerError, WrongTokenError, look_up
from streams.settings import Settings

log = logging.getLogger(__name__)

_REST_SECONDS: Final = 15.0
"""After nobody answered deliveries go on without figures of now, rather than wait for each."""


class Now:
    """Asks the workers, one customer at a time for each call."""

    def __init__(self, settings: Settings, metrics: BridgeMetrics) -> None:
        self._addresses, self._token = settings.worker_addresses, settings.web_token()
        self._ca_file = settings.worker_ca_file
        self._metrics = metrics
        self._rests_until = 0.0

    async def of(self, customer_id: str) -> LookupAnswer | None:
        """Return what a worker knows of a customer; None if nothing, or if no worker can be asked."""
        if time.monotonic() < self._rests_until:
            return None
        try:
            answer = await asyncio.to_thread(
                look_up, self._addresses, self._token, customer_id, ca_file=self._ca_file
            )
        except (NoAnswerError, WrongTokenError, BadIdError) as error:
            self._metrics.lookups.labels("failed").inc()
            self._rests_until = time.monotonic() + _REST_SECONDS
            why = "; ".join(str(error).splitlines())
            log.warning("no worker tells how things stand, so messages say how they stood: %s", why)
            return None
        self._metrics.lookups.labels("unknown" if answer is None else "answered").inc()
        return answer
