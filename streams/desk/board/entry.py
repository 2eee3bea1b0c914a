"""One alert as the desk keeps it: its newest record, what a list asks of it, and what became of it."""

from bisect import insort
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from schemas.alert import Alert
from schemas.disposition import Disposition
from schemas.times import parse_ms
from streams.crm.cases.policy import internal_only
from streams.lab.report.words import to_cents

_MOST_REVISIONS: Final = 60
MOST_DISPOSITIONS: Final = 60
"""Of each alert, the newest: a page shows no more, and memory stays bounded."""
_MOST_TEXT: Final = 200


@dataclass(frozen=True, slots=True)
class Revision:
    """A record of the alert, as its history tells it. Evidence is nats, money cents, time ms UTC."""

    revision: int
    time_ms: int
    state: str
    resolution: str | None
    level: str
    prior: float
    frustration: float
    silence: float
    at_risk: int
    summary: str

    @property
    def log_odds(self) -> float:
        """Return the log-odds of leaving."""
        return self.prior + self.frustration + self.silence


@dataclass(frozen=True, slots=True)
class Done:
    """A disposition: what was done, and by which role."""

    event_id: str
    time_ms: int
    status: str
    outcome: str | None
    action: str | None
    snooze_until_ms: int | None
    actor_role: str | None
    source: str


@dataclass(slots=True)
class Entry:
    """An alert: figures of its newest record, and its history. Money is cents, times are ms UTC."""

    alert_id: str
    customer_id: str
    revision: int = 0
    state: str = "raised"
    resolution: str | None = None
    level: str = "watch"
    rule: str = "contact"
    at_risk: int = 0
    currency: str = ""
    probability: float = 0.0
    time_ms: int = 0
    raised_ms: int = 0
    """When this episode was first heard of: an anchor may open a second one."""
    deadline_ms: int = 0
    channel: str | None = None
    reason: str | None = None
    owner: str | None = None
    summary: str = ""
    record_asks: bool = False
    """Whether the newest record says that the customer asked not to be contacted."""
    do_not_contact: bool = False
    """Whether nobody may contact the customer, by record and profile."""
    signals: tuple[tuple[str, float], ...] = ()
    """What went wrong, each signal once, with its nats."""
    record: bytes = b""
    appended_ms: int = 0
    """When the log took it, by the clock of the log."""
    history: list[Revision] = field(default_factory=list)
    dispositions: list[Done] = field(default_factory=list)
    held: Done | None = None
    """What the desk is about to write, and can still be taken back."""

    @property
    def is_open(self) -> bool:
        """Return whether the episode is open."""
        return self.state != "resolved"

    @property
    def alert(self) -> Alert:
        """Return the newest record in full."""
        return Alert.model_validate_json(self.record)

    @property
    def standing(self) -> Done | None:
        """Return what was last done about it in this episode, with what is about to be."""
        if self.held is not None:
            return self.held
        last = self.dispositions[-1] if self.dispositions else None
        return last if last is not None and last.time_ms >= self.raised_ms else None

    @property
    def seen(self) -> str:
        """Return what somebody has seen who sees it now: it changes when anything they decide by does.

        A digest, for the ids of others may hold anything, and a page has to send it back as it is.
        """
        last = self.held or (self.dispositions[-1] if self.dispositions else None)
        told = f"{self.revision}:" if last is None else f"{self.revision}:{last.source}:{last.event_id}"
        return sha256(told.encode(errors="replace")).hexdigest()[:16]

    def take(self, alert: Alert) -> bool:
        """Take a record, and return whether it is new."""
        if alert.revision <= self.revision:
            return False
        time_ms = parse_ms(alert.time)
        if alert.state == "raised" or not self.revision:
            self.raised_ms = time_ms
        anchor, odds = alert.anchor, alert.log_odds
        self.revision, self.state, self.resolution = alert.revision, alert.state, alert.resolution
        self.level, self.rule, self.currency = alert.level, alert.rule, alert.currency
        self.at_risk, self.probability = to_cents(alert.value_at_risk), alert.probability
        self.time_ms, self.deadline_ms = time_ms, parse_ms(alert.deadline)
        self.channel = None if anchor is None else anchor.channel
        self.reason = None if anchor is None else anchor.reason
        self.owner, self.summary = alert.recommended_owner, alert.summary
        self.record_asks = alert.do_not_contact
        self.signals = _signals(alert)
        self.record = alert.model_dump_json().encode()
        self.history.append(
            Revision(
                alert.revision,
                time_ms,
                alert.state,
                alert.resolution,
                alert.level,
                odds.prior,
                odds.frustration,
                odds.silence,
                self.at_risk,
                alert.summary,
            )
        )
        del self.history[:-_MOST_REVISIONS]
        return True

    def heed(self, profile: tuple[bool, int] | None) -> bool:
        """Follow what a profile says of contacting them, and since when; return whether it changed anything.

        As the bridge does: the worker writes no new record when only a profile changes.
        """
        said, since_ms = (None, 0) if profile is None else profile
        before = self.do_not_contact
        self.do_not_contact = internal_only(
            record=self.record_asks, record_ms=self.time_ms, profile=said, profile_ms=since_ms
        )
        return self.do_not_contact != before

    def take_disposition(self, done: Done) -> bool:
        """Take what was done, in the order of its time, and return whether it is new."""
        if any(one.event_id == done.event_id and one.source == done.source for one in self.dispositions):
            return False
        insort(self.dispositions, done, key=lambda one: one.time_ms)
        del self.dispositions[:-MOST_DISPOSITIONS]
        if self.held is not None and self.held.event_id == done.event_id:
            self.held = None
        return True


def done_of(disposition: Disposition) -> Done:
    """Return a disposition as the desk keeps it."""
    until = disposition.snooze_until
    return Done(
        disposition.event_id,
        parse_ms(disposition.time),
        disposition.status,
        disposition.outcome,
        _short(disposition.action),
        None if until is None else parse_ms(until),
        _short(disposition.actor_role),
        disposition.source,
    )


def _short(text: str | None) -> str | None:
    return None if text is None else text[:_MOST_TEXT]


def _signals(alert: Alert) -> tuple[tuple[str, float], ...]:
    found: dict[str, float] = {} if alert.anchor is not None or alert.reasons else {"silence": 0.0}
    for one in alert.reasons:
        found[one.signal] = found.get(one.signal, 0.0) + one.nats
    return tuple(found.items())
