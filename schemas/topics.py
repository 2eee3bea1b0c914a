"""The topics of the product: names without the prefix, what stands on them, how Kafka keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from schemas.alert import Alert
from schemas.common import Model
from schemas.contact import Contact
from schemas.disposition import Disposition
from schemas.merge import Merge
from schemas.notice import Notice
from schemas.profile import Profile
from schemas.tick import Tick
from schemas.transaction import Transaction

DEFAULT_PREFIX: Final = "retention."

_MINUTE_MS = 60_000
_DAY_MS = 24 * 60 * _MINUTE_MS


@dataclass(frozen=True)
class Topic:
    """A topic, with the models of its events by their `type`, and its Kafka settings."""

    name: str
    about: str
    settings: Mapping[str, str | int | float]
    models: Mapping[str, type[Model]] = field(default_factory=dict)

    @cached_property
    def fields(self) -> Mapping[str, frozenset[str]]:
        """Return the names of the fields of each type."""
        return {kind: frozenset(model.model_fields) for kind, model in self.models.items()}


def _deleted_after(days: int) -> dict[str, str | int | float]:
    return {"cleanup.policy": "delete", "retention.ms": days * _DAY_MS}


TRANSACTIONS: Final = Topic(
    "transactions",
    "What customers buy, which of their ids are merged, and the ticks of that feed.",
    _deleted_after(400),
    {"transaction": Transaction, "customer_merged": Merge, "tick": Tick},
)
CONTACTS: Final = Topic(
    "contacts",
    "How customers were treated, what the company changed, and the ticks of that feed.",
    _deleted_after(400),
    {"contact": Contact, "notice": Notice, "tick": Tick},
)
CUSTOMERS: Final = Topic(
    "customers",
    "What is known of each customer; a null value erases the customer.",
    {"cleanup.policy": "compact", "delete.retention.ms": 35 * _DAY_MS},
    {"profile": Profile},
)
DISPOSITIONS: Final = Topic(
    "dispositions",
    "What the CRM says became of alerts.",
    _deleted_after(365),
    {"disposition": Disposition},
)
ALERTS: Final = Topic(
    "alerts",
    "Alerts, for the bridge, the desk and the CRM; to be read with read_committed.",
    _deleted_after(365),
    {"alert": Alert},
)
HOLDOUT: Final = Topic(
    "alerts.holdout",
    "Alerts of the hold-out arm, for evaluation only.",
    _deleted_after(365),
    {"alert": Alert},
)
DEAD_LETTERS: Final = Topic(
    "dead-letters",
    "Refused records, their bytes unchanged, with headers that say where from and why; for redrive.",
    # A refused record may be as large as a broker takes, and the headers come on top.
    _deleted_after(30) | {"max.message.bytes": 4 * 1024 * 1024},
)
STATE: Final = Topic(
    "state",
    "The changelog of the worker, in a format of its own.",
    {
        "cleanup.policy": "compact",
        "segment.bytes": 64 * 1024 * 1024,
        "segment.ms": 10 * _MINUTE_MS,
        "min.cleanable.dirty.ratio": 0.1,
        # A customer with thousands of facts that wait has a record larger than the usual limit.
        "max.message.bytes": 8 * 1024 * 1024,
    },
)
MOVES: Final = Topic(
    "moves",
    "Histories of merged customers, on their way from one partition of the worker to another.",
    _deleted_after(400) | {"max.message.bytes": 8 * 1024 * 1024},
)
INGEST_DRAFTS: Final = Topic(
    "ingest.drafts",
    "Events of `ingest` on their way to what is remembered of their thing, in a format of its own.",
    _deleted_after(7) | {"max.message.bytes": 4 * 1024 * 1024},
)
INGEST_MEMORY: Final = Topic(
    "ingest.memory",
    "What `ingest` remembers of things that change, in a format of its own.",
    STATE.settings,
)
INGEST_DEAD_LETTERS: Final = Topic(
    "ingest.dead-letters",
    "Records that `ingest` could not map, their bytes unchanged, with headers that say where from and why.",
    DEAD_LETTERS.settings,
)
INPUTS: Final = (TRANSACTIONS, CONTACTS, CUSTOMERS, DISPOSITIONS)
OUTPUTS: Final = (ALERTS, HOLDOUT, DEAD_LETTERS, STATE, MOVES)
INGEST: Final = (INGEST_DRAFTS, INGEST_MEMORY, INGEST_DEAD_LETTERS)
"""What `ingest` needs beside the inputs."""
