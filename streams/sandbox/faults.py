"""How the sandbox misbehaves when it is told to: too many requests, errors, slowness, no answer at all."""

import math
import random
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Fault(StrEnum):
    """What is done to a request."""

    RATE = "rate"
    """Refused with 429 and Retry-After: there were too many."""
    FAIL = "fail"
    """Answered with 500."""
    REFUSE = "refuse"
    """Refused with 422: the sender need not try again."""
    SLOW = "slow"
    """Answered late."""
    HANG = "hang"
    """Never answered."""


class FaultSettings(BaseModel):
    """How often which fault is seen."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rate: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] | None = None
    """The most requests a second."""
    fail: Share = 0.0
    """Share that is answered with 500."""
    refuse: Share = 0.0
    """Share that is refused with 422, and not stored."""
    slow: Share = 0.0
    """Share that is answered late."""
    slow_seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 5.0
    """How late that is."""
    hang: Share = 0.0
    """Share that is never answered."""
    after_effect: bool = False
    """Whether fail, slow and hang come after the case was stored: the sender can't know that it was."""
    seed: int = 1
    """The same seed and the same order of requests give the same faults."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.fail + self.refuse + self.slow + self.hang > 1:
            raise ValueError(
                "fail, refuse, slow and hang are shares of the same requests: together at most 1"
            )
        return self


class Faults:
    """Draws what is done to each request; `clock` counts seconds and never goes back."""

    def __init__(self, settings: FaultSettings, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.change(settings)

    def change(self, settings: FaultSettings) -> None:
        """Go on with other settings, from the beginning of their seed."""
        self.settings = settings
        self._random = random.Random(settings.seed)  # noqa: S311 - to be repeated
        self._room = max(1.0, settings.rate or 0.0)
        self._at = self._clock()

    def draw(self) -> Fault | None:
        """Return what is done to the next request; None if it is served well."""
        if not self._admits():
            return Fault.RATE
        drawn = self._random.random()
        for fault, share in (
            (Fault.HANG, self.settings.hang),
            (Fault.FAIL, self.settings.fail),
            (Fault.SLOW, self.settings.slow),
            (Fault.REFUSE, self.settings.refuse),
        ):
            if drawn < share:
                return fault
            drawn -= share
        return None

    @property
    def retry_after(self) -> int:
        """Return the whole seconds after which there is room for a request."""
        return max(1, math.ceil((1.0 - self._room) / (self.settings.rate or 1.0)))

    def _admits(self) -> bool:
        rate = self.settings.rate
        if rate is None:
            return True
        now = self._clock()
        self._room = min(max(1.0, rate), self._room + (now - self._at) * rate)
        self._at = now
        if self._room < 1.0:
            return False
        self._room -= 1.0
        return True
