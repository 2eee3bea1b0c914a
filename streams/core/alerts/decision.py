"""What is decided about an open episode, before anything is written of it."""

from dataclasses import dataclass
from typing import Literal

State = Literal["raised", "updated", "resolved"]
Resolution = Literal["returned", "expired", "closed", "withdrawn", "erased", "merged"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided; spend counts in panes before `hour`."""

    state: State
    resolution: Resolution | None
    revision: int
    hour: int
