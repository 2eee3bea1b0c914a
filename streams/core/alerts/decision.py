"""What is decided about an open episode, before anything is written of it."""

from dataclasses import dataclass
from typing import Literal

from streams.core.ruleset import Ruleset
from streams.core.spend.evidence import Evidence

State = Literal["raised", "updated", "resolved"]
Resolution = Literal["returned", "expired", "closed", "withdrawn", "erased", "merged"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and when: `time` in ms; spend counts in panes before `hour`."""

    state: State
    resolution: Resolution | None
    time: int
    hour: int
    revision: int
    evidence: Evidence
    rules: Ruleset
    currency: str
