"""The life of one customer's episodes: every hour and every item, one after the other."""

import json
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from math import exp
from uuid import UUID, uuid5

from tests.recompute.arrival import Customer, Fact
from tests.recompute.events import Cancellation, Contact, Disposition, Profile, Purchase, Reversal
from tests.recompute.frustration import Contacts
from tests.recompute.rules import HOUR_MS, Rules, hour_of
from tests.recompute.spending import Baseline, Feed, Ledger, Refresh, baseline

_NAMESPACE = UUID("731beb54-e8c9-5a95-9036-e6143143d599")
_LEVELS = ("", "watch", "alert")


@dataclass(frozen=True, kw_only=True)
class Expected:
    """One alert record as the text has it; money in whole units, reals unrounded."""

    time_ms: int
    customer_id: str
    alert_id: str
    revision: int
    state: str
    level: str
    resolution: str | None
    anchor_contact_id: str
    anchor_source: str
    arm: str
    probability: float
    prior: float
    frustration: float
    silence: float
    usual_spend_per_day: float
    spend_since: float
    days_since: float
    irregularity_days: float
    value_at_risk: float


@dataclass(frozen=True)
class Evidence:
    """Spend since the anchor's hour in hundredths (X), days of working feed (e), nats (S, L), P."""

    spend: int
    days: float
    nats: float
    log_odds: float
    probability: float


@dataclass
class Episode:
    """An open episode; `sent` is an index of the levels, 0 when nothing was sent yet."""

    anchor: Contact
    h0: int
    usual: Baseline
    irregularity: float
    next_hour: int
    sent: int = 0
    snooze_until_ms: int | None = None


@dataclass(frozen=True)
class Surroundings:
    """What a customer's partition contributes to the decisions."""

    refreshes: dict[int, Refresh]
    feed: Feed
    rules: Rules


def alert_id_of(customer_id: str, source: str, contact_id: str) -> str:
    """Deterministic id of all alerts that are anchored in one contact."""
    name = json.dumps([customer_id, source, contact_id], ensure_ascii=False, separators=(",", ":"))
    return str(uuid5(_NAMESPACE, name))


def arm_of(customer_id: str, rules: Rules) -> str:
    """Arm of the hold-out experiment that a customer is in."""
    digest = sha256(f"{rules.holdout_salt}\0{customer_id}".encode()).digest()
    return "holdout" if int.from_bytes(digest[:8], "big") < rules.holdout_share * 2**64 else "treated"


def agenda_order(fact: Fact) -> tuple[int, int, str, int, str, str]:
    """Order in which facts are folded."""
    event = fact.event
    if isinstance(event, Contact):
        return fact.instant_ms, 3, event.contact_id, event.version, event.event_id, event.source
    kinds = {Purchase: 0, Reversal: 1, Profile: 2, Cancellation: 4, Disposition: 5}
    return fact.instant_ms, kinds[type(event)], event.event_id, 0, "", event.source


def _probability(log_odds: float) -> float:
    """1 / (1 + exp(-L)), written so that no exponential overflows."""
    if log_odds >= 0:
        return 1 / (1 + exp(-log_odds))
    return exp(log_odds) / (1 + exp(log_odds))


class Story:
    """One customer from the first item to the end; `alerts` grow in the order of decision."""

    def __init__(self, customer_id: str, customer: Customer, around: Surroundings) -> None:
        self.alerts: list[Expected] = []
        self._customer_id = customer_id
        self._agenda = sorted(customer.agenda, key=agenda_order)
        self._around = around
        self._rules = around.rules
        self._ledger = Ledger(customer, around.rules)
        self._contacts = Contacts(around.rules)
        self._frustration = 0.0
        self._tier: str | None = None
        self._revisions: Counter[str] = Counter()
        self._episode: Episode | None = None

    def run(self, end_ms: int) -> list[Expected]:
        """Let time run to the end of the clocks."""
        for fact in self._agenda:
            self._scan(hour_of(fact.instant_ms))
            self._fold(fact)
        self._scan(hour_of(end_ms))
        return self.alerts

    def _scan(self, last: int) -> None:
        """Decide every hour up to and with the last one, as long as an episode is open."""
        while self._episode and self._episode.next_hour <= last:
            h = self._episode.next_hour
            self._episode.next_hour += 1
            self._decide_hour(self._episode, h)

    def _decide_hour(self, episode: Episode, h: int) -> None:
        evidence = self._evidence(episode, h - self._rules.settle_hours)
        resolution = self._resolution(episode, h, evidence)
        if resolution:
            self._close(episode, h * HOUR_MS, resolution, evidence)
        elif not self._around.feed.broken_hours(h - 1, h):
            self._raise(episode, h * HOUR_MS, h, evidence)

    def _resolution(self, episode: Episode, h: int, evidence: Evidence) -> str | None:
        days, hours = divmod(h - episode.h0, 24)
        if hours or days < 1:
            return None
        if evidence.nats <= self._rules.returned_silence + self._rules.tolerance:
            return "returned"
        if episode.sent and self._spends_as_usual(episode, h - self._rules.settle_hours, h):
            return "returned"
        return "expired" if days >= self._rules.expire_days else None

    def _spends_as_usual(self, episode: Episode, end: int, now: int) -> bool:
        """Whether 28 days hold 14 usual days: in whole numbers, since m is a sum of blocks over 28 n."""
        start = max(episode.h0, end - self._rules.returned_hours)
        blocks = episode.usual.blocks
        usual = self._rules.returned_usual_days * sum(blocks)
        return self._ledger.spend(start, end, now) * 28 * len(blocks) >= usual

    def _fold(self, fact: Fact) -> None:
        match fact.event:
            case Purchase() | Reversal() as change:
                self._ledger.fold(change)
            case Profile() as profile:
                self._tier = profile.tier
            case Contact() as contact:
                self._fold_contact(contact, fact.instant_ms)
            case Cancellation():
                self._cancel(fact.instant_ms)
            case Disposition() as disposition:
                self._dispose(disposition, fact.instant_ms)
            case event:
                raise TypeError(type(event))

    def _fold_contact(self, contact: Contact, instant_ms: int) -> None:
        if not self._contacts.fold(contact):
            return
        self._frustration = self._contacts.frustration()
        bad = self._contacts.own_nats(contact) > 0 and self._is_frustrated()
        if self._episode is None and bad:
            self._open(contact, instant_ms)
        elif self._episode and contact.identity == self._episode.anchor.identity and not bad:
            self._close_now(self._episode, instant_ms, "withdrawn")
        if self._episode:
            h = max(hour_of(instant_ms), self._episode.h0)
            self._raise(self._episode, instant_ms, h, self._evidence(self._episode, h))

    def _is_frustrated(self) -> bool:
        return self._frustration >= self._rules.opening_frustration - self._rules.tolerance

    def _open(self, contact: Contact, instant_ms: int) -> None:
        h, now = hour_of(contact.moment_ms), hour_of(instant_ms)
        usual = baseline(self._ledger, h, now, self._rules)
        refresh = self._around.refreshes.get(
            now // self._rules.refresh_hours * self._rules.refresh_hours,
            Refresh(None, self._rules.dispersion_default),
        )
        if usual and self._has_high_value(h, now, refresh.cutoff):
            irregularity = usual.irregularity(refresh.dispersion, self._rules)
            self._episode = Episode(contact, h + 1, usual, irregularity, next_hour=now + 1)

    def _has_high_value(self, h: int, now: int, cutoff: int | None) -> bool:
        if self._tier in self._rules.protected_tiers:
            return True
        return cutoff is not None and self._ledger.spend(h - self._rules.year_hours, h, now) >= cutoff

    def _cancel(self, instant_ms: int) -> None:
        episode = self._episode
        if episode is None:
            return
        h = max(hour_of(instant_ms), episode.h0)
        if h <= episode.h0 + self._rules.raise_hours:
            self._send(episode, instant_ms, 2, self._evidence(episode, h))

    def _dispose(self, disposition: Disposition, instant_ms: int) -> None:
        episode = self._episode
        if episode is None or disposition.alert_id != self._alert_id(episode):
            return
        if disposition.status == "closed":
            self._close_now(episode, instant_ms, "closed")
        elif disposition.snooze_until_ms is not None:
            episode.snooze_until_ms = disposition.snooze_until_ms

    def _raise(self, episode: Episode, time_ms: int, h: int, evidence: Evidence) -> None:
        """Send the level reached at hour h, unless it is too late for it or snoozed."""
        snoozed = episode.snooze_until_ms is not None and time_ms < episode.snooze_until_ms
        if snoozed or h > episode.h0 + self._rules.raise_hours:
            return
        thresholds = (self._rules.watch, self._rules.alert)
        level = sum(evidence.log_odds >= each - self._rules.tolerance for each in thresholds)
        self._send(episode, time_ms, level, evidence)

    def _send(self, episode: Episode, time_ms: int, level: int, evidence: Evidence) -> None:
        if level > episode.sent:
            state = "updated" if episode.sent else "raised"
            episode.sent = level
            self._record(episode, time_ms, state, None, evidence)

    def _close_now(self, episode: Episode, instant_ms: int, resolution: str) -> None:
        evidence = self._evidence(episode, max(hour_of(instant_ms), episode.h0))
        self._close(episode, instant_ms, resolution, evidence)

    def _close(self, episode: Episode, time_ms: int, resolution: str, evidence: Evidence) -> None:
        if episode.sent:
            self._record(episode, time_ms, "resolved", resolution, evidence)
        self._episode = None

    def _evidence(self, episode: Episode, h: int) -> Evidence:
        spend, days, nats = 0, 0.0, 0.0
        if h > episode.h0:
            spend = max(0, self._ledger.spend(episode.h0, h, h))
            days = (h - episode.h0 - self._around.feed.broken_hours(episode.h0, h)) / 24
            usual_days = spend / episode.usual.per_day
            nats = (days - self._rules.spend_weight * usual_days) / episode.irregularity
        log_odds = self._rules.prior + self._frustration + self._rules.temperature * nats
        return Evidence(spend, days, nats, log_odds, _probability(log_odds))

    def _alert_id(self, episode: Episode) -> str:
        return alert_id_of(self._customer_id, *episode.anchor.identity)

    def _record(
        self, episode: Episode, time_ms: int, state: str, resolution: str | None, evidence: Evidence
    ) -> None:
        alert_id = self._alert_id(episode)
        self._revisions[alert_id] += 1
        self.alerts.append(
            Expected(
                time_ms=time_ms,
                customer_id=self._customer_id,
                alert_id=alert_id,
                revision=self._revisions[alert_id],
                state=state,
                level=_LEVELS[episode.sent],
                resolution=resolution,
                anchor_contact_id=episode.anchor.contact_id,
                anchor_source=episode.anchor.source,
                arm=arm_of(self._customer_id, self._rules),
                probability=evidence.probability,
                prior=self._rules.prior,
                frustration=self._frustration,
                silence=self._rules.temperature * evidence.nats,
                usual_spend_per_day=episode.usual.per_day / 100,
                spend_since=evidence.spend / 100,
                days_since=evidence.days,
                irregularity_days=episode.irregularity,
                value_at_risk=self._value_at_risk(episode, evidence),
            )
        )

    def _value_at_risk(self, episode: Episode, evidence: Evidence) -> float:
        per_day = episode.usual.per_day / 100
        missing = 1.0
        if evidence.days >= 1:
            missing = max(0, 1 - evidence.spend / 100 / (per_day * evidence.days))
        return evidence.probability * per_day * self._rules.risk_days * missing
