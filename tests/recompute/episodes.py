"""The life of one customer's episodes: every hour and every item, one after the other."""

from collections import Counter
from dataclasses import dataclass
from math import exp

from tests.recompute.arrival import Customer, Fact
from tests.recompute.events import Cancellation, Contact, Disposition, Profile, Purchase, Reversal
from tests.recompute.feed import Feed
from tests.recompute.frustration import Contacts
from tests.recompute.pace import PopulationClock, TripsOrSpend, UsualPurchases, pace
from tests.recompute.records import (
    Episode,
    Evidence,
    Expected,
    Yardstick,
    alert_id_of,
    arm_of,
    silent_alert_id_of,
)
from tests.recompute.rules import HOUR_MS, Rules, hour_of
from tests.recompute.spending import Baseline, Ledger, Refresh, baseline, usual_trips

_LEVELS = ("", "watch", "alert")


@dataclass(frozen=True)
class Surroundings:
    """What a customer's partition contributes to the decisions."""

    refreshes: dict[int, Refresh]
    feed: Feed
    clock: PopulationClock
    rules: Rules


def agenda_order(fact: Fact) -> tuple[int, int, str, int, str, str, str]:
    """Order in which facts are folded."""
    event = fact.event
    if isinstance(event, Contact):
        return fact.instant_ms, 3, event.contact_id, event.version, event.event_id, event.source, event.kind
    kinds = {Purchase: 0, Reversal: 1, Profile: 2, Cancellation: 4, Disposition: 5}
    return fact.instant_ms, kinds[type(event)], event.event_id, 0, "", event.source, event.kind


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
        self._watch: Yardstick | None = None
        self._hour = min(around.refreshes)

    def run(self, end_ms: int) -> list[Expected]:
        """Let time run to the end of the clocks."""
        for fact in self._agenda:
            self._scan(hour_of(fact.instant_ms))
            self._fold(fact)
        self._scan(hour_of(end_ms))
        return self.alerts

    def _scan(self, last: int) -> None:
        """Decide up to and with the last hour: every hour of an episode, else those of the refreshes."""
        while self._hour <= last:
            h = self._hour
            if self._episode:
                self._decide_hour(self._episode, h)
            if self._rules.silent and self._episode is None and h in self._around.refreshes:
                self._decide_silently(h)
            self._hour += 1 if self._episode else self._rules.refresh_hours - h % self._rules.refresh_hours

    def _decide_hour(self, episode: Episode, h: int) -> None:
        evidence = self._evidence(episode, h - self._rules.settle_hours)
        resolution = self._resolution(episode, h, evidence)
        if resolution:
            self._close(episode, h * HOUR_MS, resolution, evidence)
        elif not self._is_held(h):
            self._raise(episode, h * HOUR_MS, h, evidence)

    def _decide_silently(self, r: int) -> None:
        """Decide at a refresh on a customer without an open episode: raise, go on watching, or begin anew."""
        if self._watch:
            episode = self._silent_episode(self._watch, r)
            evidence = self._evidence(episode, r - self._rules.settle_hours)
            is_over = r - self._watch.h0 >= 24 * self._rules.silent_days
            if evidence.nats > self._rules.tolerance and not is_over:
                if self._level(evidence) and not self._is_held(r):
                    self._episode, self._watch = episode, None
                    self._raise(episode, r * HOUR_MS, r, evidence)
                return
        self._watch = self._yardstick(r, r, r)

    def _is_held(self, h: int) -> bool:
        """Whether nothing is raised at hour h since the feed was broken in the hour before."""
        end = h - self._rules.lag_hours
        return self._around.feed.broken_hours(end - 1, end) > 0

    def _silent_episode(self, watch: Yardstick, r: int) -> Episode:
        alert_id = silent_alert_id_of(self._customer_id, watch.h0)
        return Episode(alert_id, None, watch, r, self._rules.silent_prior, counts_contacts=False)

    def _resolution(self, episode: Episode, h: int, evidence: Evidence) -> str | None:
        days, hours = divmod(h - episode.since, 24)
        if hours or days < 1:
            return None
        if evidence.nats <= self._rules.returned_silence + self._rules.tolerance:
            return "returned"
        if episode.sent and self._spends_as_usual(episode.frozen, h - self._rules.settle_hours, h):
            return "returned"
        return "expired" if days >= self._rules.expire_days else None

    def _spends_as_usual(self, frozen: Yardstick, end: int, now: int) -> bool:
        """Whether 28 days hold 14 usual days: in whole numbers, since m is a sum of blocks over 28 n."""
        start = max(frozen.h0, end - self._rules.returned_hours)
        blocks = frozen.usual.blocks
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
        elif self._episode:
            self._episode.counts_contacts = True
            anchor = self._episode.anchor
            if anchor and contact.identity == anchor.identity and not bad:
                self._close_now(self._episode, instant_ms, "withdrawn")
        if self._episode:
            h = max(hour_of(instant_ms), self._episode.frozen.h0)
            self._raise(self._episode, instant_ms, h, self._evidence_of_item(self._episode, instant_ms))

    def _is_frustrated(self) -> bool:
        return self._frustration >= self._rules.opening_frustration - self._rules.tolerance

    def _open(self, contact: Contact, instant_ms: int) -> None:
        h = hour_of(contact.moment_ms)
        frozen = self._yardstick(h, h + 1, hour_of(instant_ms))
        if frozen:
            alert_id = alert_id_of(self._customer_id, *contact.identity)
            self._episode = Episode(alert_id, contact, frozen, h + 1, self._rules.prior, counts_contacts=True)
            self._watch, self._hour = None, hour_of(instant_ms) + 1

    def _yardstick(self, before: int, h0: int, now: int) -> Yardstick | None:
        """Freeze what is known at hour `now` of the time before an hour, as far as it is settled.

        None without a baseline or high value.
        """
        h = before - self._rules.lag_hours
        usual = baseline(self._ledger, h, now, self._rules)
        refresh = self._around.refreshes.get(
            now // self._rules.refresh_hours * self._rules.refresh_hours,
            Refresh(None, self._rules.dispersion_default),
        )
        trailing = self._ledger.spend(h - self._rules.year_hours, h, now)
        is_protected = self._tier in self._rules.protected_tiers
        if usual and (is_protected or (refresh.cutoff is not None and trailing >= refresh.cutoff)):
            of_spend = usual.irregularity(refresh.dispersion, self._rules)
            paces = self._paces(usual, h, now, refresh)
            return Yardstick(
                h0=h0,
                usual=usual,
                irregularity=paces.spend.irregularity if paces else of_spend,
                paces=paces,
                purchases=self._usual_purchases(usual, h0, now),
                trailing_spend=trailing,
                cutoff=refresh.cutoff,
            )
        return None

    def _paces(self, usual: Baseline, h: int, now: int, refresh: Refresh) -> TripsOrSpend | None:
        if self._rules.evidence == "spend":
            return None
        trips = usual_trips(self._ledger, h, now, usual, self._rules)
        return TripsOrSpend(*(pace(each, refresh.dispersion, self._rules) for each in (trips, usual)))

    def _usual_purchases(self, usual: Baseline, h0: int, now: int) -> UsualPurchases | None:
        if not self._rules.population_clock:
            return None
        return self._around.clock.usual(h0, len(usual.blocks), now)

    def _cancel(self, instant_ms: int) -> None:
        episode = self._episode
        if episode is None:
            return
        h = max(hour_of(instant_ms), episode.frozen.h0)
        if h <= episode.since + self._rules.raise_hours:
            self._send(episode, instant_ms, 2, self._evidence_of_item(episode, instant_ms))

    def _dispose(self, disposition: Disposition, instant_ms: int) -> None:
        episode = self._episode
        if episode is None or disposition.alert_id != episode.alert_id:
            return
        if disposition.status == "closed":
            self._close_now(episode, instant_ms, "closed")
        elif disposition.snooze_until_ms is not None:
            episode.snooze_until_ms = disposition.snooze_until_ms

    def _raise(self, episode: Episode, time_ms: int, h: int, evidence: Evidence) -> None:
        """Send the level reached at hour h, unless it is too late for it or snoozed."""
        snoozed = episode.snooze_until_ms is not None and time_ms < episode.snooze_until_ms
        if not snoozed and h <= episode.since + self._rules.raise_hours:
            self._send(episode, time_ms, self._level(evidence), evidence)

    def _level(self, evidence: Evidence) -> int:
        thresholds = (self._rules.watch, self._rules.alert)
        return sum(evidence.log_odds >= each - self._rules.tolerance for each in thresholds)

    def _send(self, episode: Episode, time_ms: int, level: int, evidence: Evidence) -> None:
        if level > episode.sent:
            state = "updated" if episode.sent else "raised"
            episode.sent = level
            self._record(episode, time_ms, state, None, evidence)

    def _close_now(self, episode: Episode, instant_ms: int, resolution: str) -> None:
        self._close(episode, instant_ms, resolution, self._evidence_of_item(episode, instant_ms))

    def _close(self, episode: Episode, time_ms: int, resolution: str, evidence: Evidence) -> None:
        if episode.sent:
            self._record(episode, time_ms, "resolved", resolution, evidence)
        self._episode = None

    def _evidence_of_item(self, episode: Episode, instant_ms: int) -> Evidence:
        return self._evidence(episode, max(hour_of(instant_ms) - self._rules.lag_hours, episode.frozen.h0))

    def _evidence(self, episode: Episode, h: int) -> Evidence:
        spend, days, nats, frozen = 0, 0.0, 0.0, episode.frozen
        if h > frozen.h0:
            spend = max(0, self._ledger.spend(frozen.h0, h, h))
            days = self._days(frozen, h)
            nats = self._nats(frozen, h, spend, days)
        log_odds = episode.prior + self._nats_of_contacts(episode) + self._rules.temperature * nats
        return Evidence(spend, days, nats, log_odds, _probability(log_odds))

    def _days(self, frozen: Yardstick, h: int) -> float:
        """Days of working feed from h0 to h, no more of them than the population usually takes (e)."""
        days = (h - frozen.h0 - self._around.feed.broken_hours(frozen.h0, h)) / 24
        if frozen.purchases is None:
            return days
        return min(days, self._around.clock.days(frozen.purchases, h))

    def _nats(self, frozen: Yardstick, h: int, spend: int, days: float) -> float:
        """Evidence at hour h that spend fell, or trips or spend under ruleset 2 (S)."""
        if frozen.paces:
            return frozen.paces.nats(self._ledger.trips(frozen.h0, h, h), spend, days, self._rules)
        return (days - self._rules.spend_weight * spend / frozen.usual.per_day) / frozen.irregularity

    def _nats_of_contacts(self, episode: Episode) -> float:
        return self._frustration if episode.counts_contacts else 0.0

    def _record(
        self, episode: Episode, time_ms: int, state: str, resolution: str | None, evidence: Evidence
    ) -> None:
        self._revisions[episode.alert_id] += 1
        anchor, frozen = episode.anchor, episode.frozen
        self.alerts.append(
            Expected(
                time_ms=time_ms,
                customer_id=self._customer_id,
                alert_id=episode.alert_id,
                revision=self._revisions[episode.alert_id],
                state=state,
                level=_LEVELS[episode.sent],
                resolution=resolution,
                rule="contact" if anchor else "silent",
                anchor_contact_id=anchor.contact_id if anchor else None,
                anchor_source=anchor.source if anchor else None,
                arm=arm_of(self._customer_id, self._rules),
                probability=evidence.probability,
                prior=episode.prior,
                frustration=self._nats_of_contacts(episode),
                silence=self._rules.temperature * evidence.nats,
                usual_spend_per_day=frozen.usual.per_day / 100,
                spend_since=evidence.spend / 100,
                days_since=evidence.days,
                irregularity_days=frozen.irregularity,
                value_at_risk=self._value_at_risk(frozen, evidence),
                trailing_spend=frozen.trailing_spend / 100,
                value_cutoff=None if frozen.cutoff is None else frozen.cutoff / 100,
                deadline_ms=(episode.since + self._rules.raise_hours) * HOUR_MS,
            )
        )

    def _value_at_risk(self, frozen: Yardstick, evidence: Evidence) -> float:
        per_day = frozen.usual.per_day / 100
        missing = 1.0
        if evidence.days >= 1:
            missing = max(0, 1 - evidence.spend / 100 / (per_day * evidence.days))
        return evidence.probability * per_day * self._rules.risk_days * missing
