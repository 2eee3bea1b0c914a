"""What goes into a ledger, and what it tells. Times are ms UTC of the wall clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from schemas.alert import Alert
from streams.crm.cases.standing import Hold, Level, Standing
from streams.crm.wire import Kind, Rendered


@dataclass(frozen=True, slots=True)
class AlertRead:
    """A record of the alerts topic; `alert` is None if it is none: only its position is taken."""

    topic: str
    partition: int
    offset: int
    alert: Alert | None
    appended_ms: int = 0
    """When the log took it, by the clock of the log."""


@dataclass(frozen=True, slots=True)
class ProfileRead:
    """A record of the customers topic; without `customer_id` only its position is taken."""

    topic: str
    partition: int
    offset: int
    customer_id: str | None
    account_id: str | None = None
    do_not_contact: bool | None = None
    time_ms: int = 0
    """The time of the profile."""
    erased: bool = False
    """Whether the value is null: all that is kept of the customer goes."""
    appended_ms: int = 0
    """When the log took it, by the clock of the log."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a batch of the alerts topic brought."""

    revisions: int = 0
    """Records that were new."""
    again: int = 0
    """Records that were known, by position or by revision, and changed nothing."""
    messages: int = 0
    """Messages that they made: revisions of admitted cases."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What a look at the candidates came to: how many were newly admitted, deferred, held."""

    admitted: Mapping[Level, int] = field(default_factory=dict)
    deferred: Mapping[Level, int] = field(default_factory=dict)
    held: Mapping[Hold, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is due."""

    message_id: str
    """The `webhook-id`: `{alert_id}/{revision}`, of a refresh `{alert_id}/{revision}/now/{ms}`."""
    alert_id: str
    kind: Kind
    alert: Alert
    """The record of this revision."""
    rendered: Rendered | None
    """What was stored at the first try: a retry sends the same bytes."""
    canary: bool
    internal_only: bool
    """Whether the customer asked not to be contacted, by the newest of record and profile."""
    account_id: str | None
    other_open: int
    """Other open alerts of the account; 0 without an account."""
    told: str | None
    """The fingerprint given at the last delivery about this alert."""
    attempts: int
    """Tries that failed."""
    made_ms: int
    tried_ms: int | None
    """When its body was stored, so when it was first tried; after a resend since then."""
    opened_ms: int | None = None
    """Of a create: when the log took the record that opened the case. None if the case was held since."""
    was_deferred: bool = False
    """Of a create: whether there was no room for it in the budget at first."""
    reason: str | None = None
    """Why the last try failed."""


@dataclass(frozen=True, slots=True)
class Refreshable:
    """An open case in the CRM that was last told, or looked at, a while ago."""

    alert_id: str
    alert: Alert
    told: str | None
    """The fingerprint given at the last delivery."""
    canary: bool
    internal_only: bool
    account_id: str | None
    other_open: int


class MessageState(StrEnum):
    """What became of a message."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    """Kept, and sent again by `resend`."""
    DROPPED = "dropped"
    """Not worth sending any more: it was given up and something newer went, or there is nothing to close."""


@dataclass(frozen=True, slots=True)
class Resent:
    """What `resend` came to."""

    queued: int = 0
    dropped: int = 0
    """Given up, but overtaken: a newer message went, or the alert is resolved."""
    unknown: tuple[str, ...] = ()
    """Ids that are not of a message that was given up."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A case as `bridge deliveries` lists it."""

    alert_id: str
    revision: int
    level: Level
    value_cents: int
    currency: str
    standing: Standing
    why: Hold | None
    canary: bool
    first_ms: int
    """When the bridge first read of it."""
    admitted_ms: int | None
    """When it was last admitted."""
    told_ms: int | None
    """When something about it was last delivered."""
    message_id: str | None
    """Its newest message."""
    kind: Kind | None
    state: MessageState | None
    attempts: int
    reason: str | None
    """Why the last try of that message failed."""
    next_ms: int | None
    """When that message is next tried."""
    customer_id: str | None = None
    """Only if asked for; None once erased."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the metrics tell of a ledger."""

    cases: Mapping[tuple[Standing, Hold | None], int]
    """How many, by standing and why; only those that are."""
    deferred: Mapping[Level, int]
    oldest_deferred_ms: Mapping[Level, int]
    """When the log took the oldest of those, by level."""
    queued: int
    """Messages that are to be delivered."""
    oldest_queued_ms: int | None
    """When the oldest of them was made."""
    given_up: int
