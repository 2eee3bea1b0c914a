"""The tick: a feed's heartbeat."""

from typing import Literal

from pydantic import ConfigDict

from schemas.common import EventTime, Identifier, InputModel


class Tick(InputModel):
    """A promise that nothing earlier than `time` follows from this feed on this partition."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"type": "tick", "time": "2026-03-02T00:00:00Z", "source": "pos"}]}
    )

    type: Literal["tick"]
    """The type of the event."""
    time: EventTime
    """The clock of the input moves to this time."""
    source: Identifier
    """The feed that promises."""
