"""A circuit breaker: while the CRM as a whole does not work, only a probe is sent now and then. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from streams.crm.wire import Outcome

FAULTS: Final = 5
"""So many faults of the endpoint in a row open the circuit."""
FIRST_SECONDS: Final = 5.0
MOST_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Pass:
    """The right to send one request; what became of it is told to `Circuit.note`."""

    period: int
    """How often the circuit had opened or closed when it was given."""
    is_probe: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the circuit stands, for health and metrics."""

    state: Literal["closed", "open", "half_open"]
    why: str | None = None
    """The reason of the last fault; None when closed."""
    since: float | None = None
    """When it opened, by the clock; None when closed."""


class Circuit:
    """Opens after 5 faults in a row, for 5 s that double up to 5 min; then one request probes.

    Only outcomes that say something about the CRM as a whole are faults. Any other, also a refusal, shows
    that it works; but that a case is gone shows nothing: a wrong address says the same of all of them.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take a clock in seconds that never goes back."""
        self._clock = clock
        self._faults = 0
        self._period = 0
        self._why: str | None = None
        self._since: float | None = None
        self._seconds = FIRST_SECONDS
        self._until = 0.0
        self._probing = False

    def admit(self) -> Pass | None:
        """Return the right to send a request now; None while nothing may be sent."""
        if self._since is None:
            return Pass(self._period, is_probe=False)
        if self._probing or self._clock() < self._until:
            return None
        self._probing = True
        return Pass(self._period, is_probe=True)

    def note(self, admitted: Pass, outcome: Outcome | None) -> None:
        """Take what became of an admitted request; None if it was broken off and nobody knows.

        What was sent before the circuit last opened or closed says nothing about now.
        """
        if admitted.period != self._period:
            return
        if admitted.is_probe:
            self._probing = False
        if outcome is None or outcome.gone:
            return
        if not outcome.endpoint:
            self._close()
            return
        self._faults += 1
        if admitted.is_probe:
            self._open(outcome.reason, min(self._seconds * 2, MOST_SECONDS))
        elif self._faults >= FAULTS:
            self._open(outcome.reason, FIRST_SECONDS)

    def standing(self) -> Standing:
        """Return where it stands."""
        if self._since is None:
            return Standing("closed")
        return Standing("half_open" if self._probing else "open", self._why, self._since)

    def wait(self) -> float:
        """Return the seconds until a request may be sent; 0 also while a probe is under way."""
        return 0.0 if self._since is None else max(0.0, self._until - self._clock())

    def _open(self, why: str, seconds: float) -> None:
        now = self._clock()
        self._since = now if self._since is None else self._since
        self._why, self._seconds, self._until = why, seconds, now + seconds
        self._period += 1

    def _close(self) -> None:
        self._faults = 0
        if self._since is not None:
            self._why = self._since = None
            self._period += 1
