"""What happens to customers who get in touch: the stories of the product, told as steps.

A story draws its own facts. It knows nothing of ids and times beyond the gap to the step before.
"""

from collections.abc import Mapping
from types import MappingProxyType

from streams.lab.generate.options import Severity
from streams.lab.generate.stories import harmless, mild, severe
from streams.lab.generate.stories.parts import Step, Story
from streams.lab.generate.stories.recovery import recovery_call

__all__ = ["STORIES", "Step", "Story", "recovery_call"]

STORIES: Mapping[Severity, Mapping[Story, float]] = MappingProxyType(
    {
        Severity.SEVERE: {
            severe.escalation_refused: 3,
            severe.ivr_dead_end: 3,
            severe.powerless_agent: 3,
            severe.silent_takeover: 2,
            severe.chat_to_nowhere: 2,
            severe.letter_unanswered: 1,
        },
        Severity.MILD: {
            mild.queue_abandoned: 3,
            mild.chat_then_call: 2,
            mild.passed_around: 2,
            mild.excused: 2,
            mild.complaint_settled: 1,
            mild.unannounced_change: 2,
        },
        Severity.HARMLESS: {
            harmless.resolved_at_once: 5,
            harmless.one_ring: 1,
            harmless.quick_answer: 4,
            harmless.self_served: 4,
            harmless.courtesy_call: 2,
            harmless.at_the_counter: 1,
            harmless.announced_change: 1,
        },
    }
)
"""The stories of each severity, with their weights."""
