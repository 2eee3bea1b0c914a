"""The life of one customer's episodes: every hour and every item, one after the other."""

from collections import Counter, deque
from dataclasses import replace
from math import exp

from tests.recompute.arrival import Customer, Fact
from tests.recompute.conversations import Identity
from tests.recompute.events import (
    Cancellation,
    Charge,
    Contact,
    Correction,
    Disposition,
    Event,
    Merge,
    PlanChange,
    Profile,
    Purchase,
    Reversal,
    SignOfLife,
)
from tests.recompute.freezing import Freezing, Surroundings
from tests.recompute.frustration import Contacts
from tests.recompute.history import History
from tests.recompute.ledger import Ledger
from tests.recompute.measure import Measure
from tests.recompute.moves import Move
from tests.recompute.plans import Plans
from tests.recompute.records import (
    Episode,
    Evidence,
    Expected,
    Silence,
    Yardstick,
    alert_id_of,
    arm_of,
    silent_alert_id_of,
)
from tests.recompute.rules import HOUR_MS, hour_of
from tests.recompute.shared import is_shared

_LEVELS = ("", "watch", "alert")
_ALERT = _LEVELS.index("alert")
_ORDER: dict[type[Event], int] = {
    SignOfLife: 0,
    Purchase: 1,
    Reversal: 2,
    Correction: 2,
    Charge: 2,
    PlanChange: 2,
    Profile: 3,
    Contact: 4,
    Cancellation: 5,
    Disposition: 6,
    Merge: 7,
}


def agenda_order(fact: Fact) -> tuple[int, int, str, int, str, str, str]:
    """Order in which facts are folded."""
    event = fact.event
    if isinstance(event, Contact):
        names = event.contact_id, event.version, event.event_id, event.source, event.kind
        return fact.instant_ms, _ORDER[Contact], *names
    return fact.instant_ms, _ORDER[type(event)], event.event_id, 0, "", event.source, event.kind


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
        self._agenda = deque(sorted(customer.agenda, key=agenda_order))
        self._around = around
        self._rules = around.rules
        self._ledger = Ledger(customer, around.rules)
        self._measure = Measure(self._ledger, around.feed, around.clock, around.rules)
        self._plans = Plans(around.rules)
        self._contacts = Contacts(around.rules)
        self._frustration = 0.0
        self._profile: Profile | None = None
        self._anchors: set[Identity] = set()
        self._revisions: Counter[str] = Counter()
        self._episode: Episode | None = None
        self._watch: Yardstick | None = None
        self._hour = min(around.refreshes)

    def run(self, end_ms: int) -> list[Expected]:
        """Let time run to the end of the clocks."""
        self._advance(end_ms, hour_of(end_ms))
        return self.alerts

    def hand_over(self, hour: int) -> History:
        """Give away all that is known before the decision of an hour; an open case ends."""
        self._advance(hour * HOUR_MS, hour - 1)
        episode = self._episode
        if episode:
            b = hour - self._rules.settle_hours - episode.frozen.lag
            self._close(episode, hour * HOUR_MS, "merged", self._evidence(episode, b))
        given = self._ledger.hand_over(hour), self._plans, self._contacts, self._profile
        fresh = self._fresh(hour)
        self._plans, self._contacts = Plans(self._rules), Contacts(self._rules)
        self._frustration, self._profile, self._watch = 0.0, None, None
        return History(*given, episode, fresh)

    def _fresh(self, hour: int) -> set[Identity]:
        """Give the contacts that may yet open an episode: of the last days, and nothing was sent of them."""
        since_ms = hour * HOUR_MS - self._rules.fresh_ms
        known = {each.identity for each in self._contacts.known if each.moment_ms >= since_ms}
        return known - self._anchors

    def take(self, given: History, move: Move) -> None:
        """Unite with what another id handed over; its open case goes on if there is none."""
        instant_ms = move.arrives_ms
        self._advance(instant_ms, hour_of(instant_ms))
        fresh = given.fresh | (self._fresh(move.hour) if move.is_first else set())
        self._ledger.is_ended &= not move.revives
        self._ledger.take(given.ledger)
        self._plans.take(given.plans)
        self._contacts.take(given.contacts)
        self._frustration = self._contacts.frustration()
        self._profile = self._profile or given.profile
        if given.episode and self._episode is None:
            self._go_on(given.episode, instant_ms)
        for contact in self._contacts.known:
            if self._episode is None and contact.identity in fresh and self._is_bad(contact):
                self._open(contact, instant_ms)

    def _go_on(self, episode: Episode, instant_ms: int) -> None:
        """Go on with the case of another id as one of which nothing was sent."""
        anchor, z = episode.anchor, episode.frozen.h0
        alert_id = (
            alert_id_of(self._customer_id, *anchor.identity)
            if anchor
            else silent_alert_id_of(self._customer_id, z)
        )
        calendar = replace(episode.frozen, purchases=None)
        self._episode = replace(episode, alert_id=alert_id, sent=0, frozen=calendar)
        self._watch, self._hour = None, hour_of(instant_ms) + 1
        if episode.is_cancelled:
            h = max(hour_of(instant_ms), z)
            self._alert(self._episode, instant_ms, h, self._evidence_of_item(self._episode, instant_ms))
        self._raise_after(instant_ms)

    def _advance(self, until_ms: int, last: int) -> None:
        """Fold all of an instant before `until_ms`, and decide up to and with the last hour."""
        while self._agenda and self._agenda[0].instant_ms < until_ms:
            fact = self._agenda.popleft()
            self._scan(hour_of(fact.instant_ms))
            self._fold(fact)
        self._scan(last)

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
        evidence = self._evidence(episode, h - self._rules.settle_hours - episode.frozen.lag)
        resolution = self._resolution(episode, h, evidence)
        if resolution:
            self._close(episode, h * HOUR_MS, resolution, self._as_returned(episode, evidence, resolution))
        elif not self._is_held(h):
            self._raise(episode, h * HOUR_MS, h, evidence)

    def _decide_silently(self, r: int) -> None:
        """Decide at a refresh on a customer without an open episode: raise, go on watching, or begin anew."""
        if self._watch:
            episode = self._silent_episode(self._watch, r)
            evidence = self._evidence(episode, r - self._rules.settle_hours - self._watch.lag)
            is_over = r - self._watch.h0 >= 24 * self._rules.silent_days
            if evidence.since.nats > self._rules.tolerance and not is_over:
                if self._level(evidence) and not self._is_held(r) and not self._is_unread(evidence):
                    self._episode, self._watch = episode, None
                    self._raise_first(episode, r * HOUR_MS, r, evidence)
                return
        nothing = self._ledger.is_ended or self._is_shared(r * HOUR_MS)
        self._watch = None if nothing else self._yardstick(r, r, r)

    def _is_shared(self, instant_ms: int) -> bool:
        return is_shared(self._customer_id, self._ledger, self._contacts, self._around, instant_ms)

    def _is_held(self, h: int) -> bool:
        """Whether nothing is raised at hour h since the feed was broken in the hour before."""
        end = h - self._rules.lag_hours
        return self._around.feed.broken_hours(end - 1, end) > 0

    def _is_unread(self, evidence: Evidence) -> bool:
        """Whether a purchase could not be read of the last day that evidence looks at."""
        b = evidence.since.until
        return bool(self._ledger.unread.hours(b - self._rules.unread_hours, b))

    def _silent_episode(self, watch: Yardstick, r: int) -> Episode:
        return Episode(
            alert_id=silent_alert_id_of(self._customer_id, watch.h0),
            anchor=None,
            frozen=watch,
            since=r,
            plans_since_ms=r * HOUR_MS - self._rules.cancellation_near_ms,
            prior=self._rules.silent_prior,
            counts_contacts=False,
        )

    def _resolution(self, episode: Episode, h: int, evidence: Evidence) -> str | None:
        days, hours = divmod(h - episode.since, 24)
        if hours or days < 1:
            return None
        if evidence.since.nats <= self._rules.returned_silence + self._rules.tolerance:
            return "returned"
        if episode.sent and self._measure.spends_as_usual(episode.frozen, evidence.since.until):
            return "returned"
        return "expired" if days >= self._rules.expire_days else None

    def _as_returned(self, episode: Episode, evidence: Evidence, resolution: str) -> Evidence:
        """Give what is said of somebody who came back: what the last 28 days say, if that is less."""
        since = evidence.since
        if not self._rules.as_meant or resolution != "returned":
            return evidence
        nats = min(since.nats, self._measure.nats_of_28_days(episode.frozen, since.until))
        return self._evidence_of(episode, since, nats, left=1.0)

    def _fold(self, fact: Fact) -> None:
        self._ledger.fold(fact)
        match fact.event:
            case Cancellation() as cancellation:
                self._cancel(cancellation, fact.instant_ms)
            case Charge() as charge:
                self._plans.fold(charge)
            case PlanChange() as change:
                self._plans.fold(change)
                self._raise_after(fact.instant_ms)
            case Profile() as profile:
                self._profile = profile
            case Contact() as contact:
                self._fold_contact(contact, fact.instant_ms)
            case Disposition() as disposition:
                self._dispose(disposition, fact.instant_ms)
            case _:
                pass

    def _fold_contact(self, contact: Contact, instant_ms: int) -> None:
        if not self._contacts.fold(contact):
            return
        self._frustration = self._contacts.frustration()
        bad = self._is_bad(contact)
        if self._episode is None and bad:
            self._open(contact, instant_ms)
        elif self._episode:
            self._episode.counts_contacts = True
            anchor = self._episode.anchor
            if anchor and contact.identity == anchor.identity and not bad:
                self._close_now(self._episode, instant_ms, "withdrawn")
            self._raise_after(instant_ms)

    def _raise_after(self, instant_ms: int) -> None:
        """Send the level reached after an item, if an episode is open."""
        if self._episode:
            h = max(hour_of(instant_ms), self._episode.frozen.h0)
            self._raise(self._episode, instant_ms, h, self._evidence_of_item(self._episode, instant_ms))

    def _is_bad(self, contact: Contact) -> bool:
        """Whether a known contact may open an episode."""
        frustrated = self._frustration >= self._rules.opening_frustration - self._rules.tolerance
        return frustrated and self._contacts.own_nats(contact) > 0

    def _open(self, contact: Contact, instant_ms: int) -> None:
        h = hour_of(contact.moment_ms)
        frozen = self._yardstick(h, h + 1, hour_of(instant_ms))
        if frozen and not self._is_shared(instant_ms):
            self._episode = Episode(
                alert_id=alert_id_of(self._customer_id, *contact.identity),
                anchor=contact,
                frozen=frozen,
                since=h + 1,
                plans_since_ms=contact.moment_ms - self._rules.cancellation_near_ms,
                prior=self._rules.prior,
                counts_contacts=True,
            )
            self._watch, self._hour = None, hour_of(instant_ms) + 1
            evidence = self._evidence_of_item(self._episode, instant_ms)
            self._raise_first(self._episode, instant_ms, max(hour_of(instant_ms), h + 1), evidence)

    def _yardstick(self, before: int, h0: int, now: int) -> Yardstick | None:
        is_protected = (self._profile and self._profile.tier) in self._rules.protected_tiers
        return Freezing(self._ledger, self._around, now).yardstick(before, h0, is_protected=is_protected)

    def _cancel(self, cancellation: Cancellation, instant_ms: int) -> None:
        if not self._plans.ends(cancellation):
            return
        self._plans.fold(cancellation)
        if self._episode:
            h = max(hour_of(instant_ms), self._episode.frozen.h0)
            self._alert(self._episode, instant_ms, h, self._evidence_of_item(self._episode, instant_ms))

    def _alert(self, episode: Episode, time_ms: int, h: int, evidence: Evidence) -> None:
        """Send an alert, whatever the evidence says, unless hour h is too late for it."""
        episode.is_cancelled |= h <= episode.since + self._rules.raise_hours
        if h <= episode.since + self._rules.raise_hours:
            self._send(episode, time_ms, _ALERT, evidence)

    def _dispose(self, disposition: Disposition, instant_ms: int) -> None:
        episode = self._episode
        if episode is None or disposition.alert_id != episode.alert_id:
            return
        if disposition.status == "closed":
            self._close_now(episode, instant_ms, "closed")
        elif disposition.snooze_until_ms is not None:
            episode.snooze_until_ms = disposition.snooze_until_ms

    def _raise_first(self, episode: Episode, time_ms: int, h: int, evidence: Evidence) -> None:
        """Send the level reached at the opening: an alert if nothing is left of the subscriptions."""
        if self._left(episode) == 0:
            self._alert(episode, time_ms, h, evidence)
        else:
            self._raise(episode, time_ms, h, evidence)

    def _raise(self, episode: Episode, time_ms: int, h: int, evidence: Evidence) -> None:
        """Send the level reached at hour h, unless it is too late, snoozed, or held by an unread purchase."""
        snoozed = episode.snooze_until_ms is not None and time_ms < episode.snooze_until_ms
        if not snoozed and not self._is_unread(evidence) and h <= episode.since + self._rules.raise_hours:
            self._send(episode, time_ms, self._level(evidence), evidence)

    def _level(self, evidence: Evidence) -> int:
        thresholds = (self._rules.watch, self._rules.alert)
        return sum(evidence.log_odds >= each - self._rules.tolerance for each in thresholds)

    def _send(self, episode: Episode, time_ms: int, level: int, evidence: Evidence) -> None:
        if level > episode.sent:
            state = "updated" if episode.sent else "raised"
            episode.sent = level
            if episode.anchor:
                self._anchors.add(episode.anchor.identity)
            self._record(episode, time_ms, state, None, evidence)

    def _close_now(self, episode: Episode, instant_ms: int, resolution: str) -> None:
        self._close(episode, instant_ms, resolution, self._evidence_of_item(episode, instant_ms))

    def _close(self, episode: Episode, time_ms: int, resolution: str, evidence: Evidence) -> None:
        if episode.sent:
            self._record(episode, time_ms, "resolved", resolution, evidence)
        self._episode = None

    def _evidence_of_item(self, episode: Episode, instant_ms: int) -> Evidence:
        frozen = episode.frozen
        return self._evidence(
            episode, max(hour_of(instant_ms) - self._rules.lag_hours - frozen.lag, frozen.h0)
        )

    def _evidence(self, episode: Episode, b: int) -> Evidence:
        since = self._measure.since(episode.frozen, b)
        return self._evidence_of(episode, since, since.nats)

    def _evidence_of(
        self, episode: Episode, since: Silence, nats: float, left: float | None = None
    ) -> Evidence:
        silence = self._rules.temperature * nats
        silence += self._rules.subscription_nats * (1 - (self._left(episode) if left is None else left))
        log_odds = episode.prior + self._nats_of_contacts(episode) + silence
        return Evidence(since, silence, log_odds, _probability(log_odds))

    def _left(self, episode: Episode) -> float:
        """Share that is left of the subscriptions (q): of no account before ruleset 4."""
        return self._plans.left(episode.plans_since_ms) if self._rules.as_meant else 1.0

    def _nats_of_contacts(self, episode: Episode) -> float:
        return self._frustration if episode.counts_contacts else 0.0

    def _record(
        self, episode: Episode, time_ms: int, state: str, resolution: str | None, evidence: Evidence
    ) -> None:
        self._revisions[episode.alert_id] += 1
        anchor, frozen, since = episode.anchor, episode.frozen, evidence.since
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
                silence=evidence.silence,
                usual_spend_per_day=frozen.per_day / 100,
                recurring_per_day=frozen.recurring / 100,
                spend_since=since.spend / 100,
                visits_since=since.visits,
                unread_since=since.unread,
                days_since=since.days,
                irregularity_days=frozen.irregularity,
                value_at_risk=self._value_at_risk(frozen, evidence),
                trailing_spend=frozen.trailing_spend / 100,
                value_cutoff=None if frozen.cutoff is None else frozen.cutoff / 100,
                deadline_ms=(episode.since + self._rules.raise_hours) * HOUR_MS,
            )
        )

    def _value_at_risk(self, frozen: Yardstick, evidence: Evidence) -> float:
        per_day, since, missing = frozen.per_day, evidence.since, 1.0
        if frozen.usual and since.days >= 1:
            missing = max(0, 1 - since.spend / (per_day * since.days))
        return evidence.probability * self._rules.risk_days * (per_day * missing + frozen.recurring) / 100
