"""The life of an open episode: raised by evidence, closed by spend, by time or by an event.

What opens one is in `opening` and `silent`; `judge` decides in which order all of it happens.
"""

from collections import Counter
from typing import Final, Protocol

from msgspec.structs import replace

from schemas.alert import Alert
from streams.core.alerts.alert import write_alert
from streams.core.alerts.decision import Decision, Resolution, State
from streams.core.alerts.figures import Figures, figures_of
from streams.core.contacts.frustration import TOLERANCE
from streams.core.customer.customer import Customer
from streams.core.customer.pending import Episode
from streams.core.episodes.opening import Gates, left_of
from streams.core.feed.feed_guard import FeedGuard
from streams.core.odds.next_timer import HIGHEST_LEVEL, least_since, next_raise, next_timer
from streams.core.odds.odds import measure, measure_month, odds_of, settled_hour
from streams.core.ruleset import Ruleset
from streams.core.spend.baseline import BLOCK_HOURS
from streams.core.spend.evidence import Evidence, evidence
from streams.core.time import DAY_HOURS, HOUR_MS, hour_of

_RELATIVE: Final = 1e-13


class Observer(Protocol):
    """Is told how a partition came to its decisions, for people to read; decides nothing."""

    def judged(self, customer_id: str, gates: Gates) -> None:
        """Note a contact that was weighed."""

    def closed(self, customer_id: str, episode: Episode, why: str, time: int) -> None:
        """Note the end of an episode, with or without an alert sent."""


class Episodes:
    """Raises and closes the open episodes of one partition, and writes their alerts."""

    def __init__(
        self, rules: Ruleset, guard: FeedGuard, currency: str, tally: Counter[str], observer: Observer | None
    ) -> None:
        self.rules = rules
        """Those in force."""
        self.rulesets = {rules.hash: rules}
        """By hash: those in force, and those that open episodes keep."""
        self._guard = guard
        self._currency = currency
        self._tally = tally
        self._observer = observer
        self._alerts: list[Alert] = []

    def take_alerts(self) -> list[Alert]:
        """Return the alerts written since the last call."""
        alerts, self._alerts = self._alerts, []
        return alerts

    def rules_of(self, episode: Episode) -> Ruleset:
        """Return the ruleset that an episode opened under."""
        return self.rulesets[episode.ruleset]

    def rules_for(self, customer: Customer) -> Ruleset:
        """Return the rules that hold for a customer: those of an open episode, else those in force."""
        episode = customer.body.episode
        return self.rules if episode is None else self.rules_of(episode)

    def figures_at(self, customer: Customer, time: int) -> Figures | None:
        """Return the figures of a customer's open episode at a time (ms); None without one."""
        episode, hour = customer.body.episode, hour_of(time)
        if episode is None:
            return None
        rules = self.rules_of(episode)
        found = self._evidence(customer, episode, settled_hour(episode.yardstick, hour, rules))
        return figures_of(customer, episode, found, time, hour, rules, self._currency)

    def next_level_at(self, customer: Customer, time: int) -> int | None:
        """Return when (ms) an open episode reaches a level that was not sent yet, at the earliest.

        Without another purchase, that is. None without an episode, and where that never comes.
        """
        episode = customer.body.episode
        if episode is None:
            return None
        found = next_raise(customer, episode, hour_of(time) + 1, self._guard, self.rules_of(episode))
        return None if found is None else found * HOUR_MS

    def clears_at(self, customer: Customer, time: int) -> int | None:
        """Return when (ms) an open episode closes because of what was bought already; None if that won't do.

        A refund until then can still take it away. Time alone never clears one: it only adds to the evidence.
        """
        episode = customer.body.episode
        if episode is None:
            return None
        rules, now = self.rules_of(episode), hour_of(time)
        yardstick, wait = episode.yardstick, rules.settle_hours + episode.yardstick.lag
        first = max(1, (now - episode.starts) // DAY_HOURS + 1)
        # From the first check on that counts all that is known by now, later ones find no more in it.
        last = max(first, -(-(now + 1 + wait - episode.starts) // DAY_HOURS))
        for days in range(first, last + 1):
            hour = episode.starts + days * DAY_HOURS
            known = least_since(customer, episode, hour - wait, self._guard)
            silence = evidence(yardstick, hour - wait, known, rules).silence
            if self._has_returned(customer, episode, silence, hour - wait):
                return hour * HOUR_MS
        return None

    # Events and hours

    def begin(self, customer: Customer, episode: Episode, effective_time: int) -> None:
        """Tell a new episode what is left of the subscriptions; make it an alert if nothing is."""
        self.update_plan(customer, episode)
        if episode.left == 0:
            self.cancel(customer, episode, effective_time)

    def update_plan(self, customer: Customer, episode: Episode) -> None:
        """Tell an episode what is left of the subscriptions, under the rules that it keeps."""
        episode.left = left_of(customer, episode.plan_from, self.rules_of(episode))

    def cancel(self, customer: Customer, episode: Episode, effective_time: int) -> None:
        """Make an episode an alert at once, for a cancellation."""
        hour, rules = hour_of(effective_time), self.rules_of(episode)
        if episode.sent < HIGHEST_LEVEL and hour <= episode.starts + rules.raise_days * DAY_HOURS:
            episode.cancelled = True
            basis = settled_hour(episode.yardstick, max(hour, episode.starts), rules)
            self._send(customer, episode, HIGHEST_LEVEL, effective_time, basis)

    def reassess(self, customer: Customer, episode: Episode, effective_time: int) -> None:
        """Raise an episode if its evidence at the time of an event is enough, and set its timer."""
        hour = max(hour_of(effective_time), episode.starts)
        basis = settled_hour(episode.yardstick, hour, self.rules_of(episode))
        self.raise_level(customer, episode, effective_time, hour, basis)
        self.rearm(customer, hour_of(effective_time) + 1)

    def decide_hour(self, customer: Customer, episode: Episode, hour: int) -> None:
        """Make the decision of an hour: close an episode, or raise it; set its timer."""
        rules = self.rules_of(episode)
        days, rest = divmod(hour - episode.starts, DAY_HOURS)
        settled = hour - rules.settle_hours - episode.yardstick.lag
        if rest == 0 and days >= 1:
            why = self._closing(customer, episode, days, settled)
            if why is not None:
                self._close(customer, episode, why, hour * HOUR_MS, settled)
                return
        # An episode that opened under other rules waits for the hour to be judged as well.
        if self._guard.is_broken(hour - 1 - max(rules.guard_delay_hours, self.rules.guard_delay_hours)):
            self._tally["held_by_feed_guard"] += 1
        else:
            self.raise_level(customer, episode, hour * HOUR_MS, hour, settled)
        self.rearm(customer, hour + 1)

    def rearm(self, customer: Customer, hour: int) -> None:
        """Set the timer of an open episode, from an hour on."""
        episode = customer.body.episode
        if episode is not None:
            episode.timer = next_timer(customer, episode, hour, self._guard, self.rules_of(episode))

    def close_by_event(
        self, customer: Customer, episode: Episode, why: Resolution, effective_time: int
    ) -> None:
        """Close an episode at the time of an event."""
        hour = settled_hour(episode.yardstick, hour_of(effective_time), self.rules_of(episode))
        self._close(customer, episode, why, effective_time, hour)

    # Decisions

    def _closing(self, customer: Customer, episode: Episode, days: int, hour: int) -> Resolution | None:
        """Return why an episode closes, judged by the panes before an hour, or None."""
        if self._has_returned(customer, episode, self._evidence(customer, episode, hour).silence, hour):
            return "returned"
        return "expired" if days >= self.rules_of(episode).expiry_days else None

    def _has_returned(self, customer: Customer, episode: Episode, silence: float, hour: int) -> bool:
        """Return whether a customer has come back: by S, or by what the 28 days before an hour brought."""
        rules, yardstick = self.rules_of(episode), episode.yardstick
        if silence <= rules.returned_evidence + TOLERANCE:
            return True
        recent = customer.bought.spend(max(yardstick.first_hour, hour - BLOCK_HOURS), hour)
        enough = rules.returned_usual_days * yardstick.usual_per_day
        # Relative as well: a usual spend of millions has fewer digits left than the absolute tolerance.
        return bool(episode.sent and enough and recent >= enough * (1 - _RELATIVE) - TOLERANCE)

    def raise_level(self, customer: Customer, episode: Episode, time: int, hour: int, settled: int) -> None:
        """Send the level that the evidence before `settled` reaches, if it is new and not held."""
        if episode.sent >= HIGHEST_LEVEL:
            return
        rules = self.rules_of(episode)
        if hour > episode.starts + rules.raise_days * DAY_HOURS:
            return
        if episode.snooze_until is not None and time < episode.snooze_until:
            return
        if customer.unread(settled - DAY_HOURS, settled):
            self._tally["held_by_refused"] += 1
            return
        silence = self._evidence(customer, episode, settled).silence
        odds = odds_of(episode, customer.body.frustration, silence, rules).total
        level = sum(odds >= least - TOLERANCE for least in rules.levels)
        if level > episode.sent:
            self._send(customer, episode, level, time, settled)

    def _send(self, customer: Customer, episode: Episode, level: int, time: int, hour: int) -> None:
        state: State = "updated" if episode.sent else "raised"
        episode.sent = level
        self._write(customer, episode, state, None, time, hour)

    def _close(self, customer: Customer, episode: Episode, why: Resolution, time: int, hour: int) -> None:
        if why == "returned":
            episode.left = 1.0  # who buys as ever has not left, whatever became of a subscription
        if episode.sent:
            self._write(customer, episode, "resolved", why, time, hour)
        self._tally[f"closed_{why}"] += 1
        if self._observer is not None:
            self._observer.closed(customer.customer_id, episode, why, time)
        customer.body.episode = None

    def _write(  # noqa: PLR0913, PLR0917 - all that a record says
        self, customer: Customer, episode: Episode, state: State, why: Resolution | None, time: int, hour: int
    ) -> None:
        revision = customer.body.revisions.get(episode.alert_id, 0) + 1
        customer.body.revisions[episode.alert_id] = revision
        found = self._stated_evidence(customer, episode, why, hour)
        rules = self.rules_of(episode)
        figures = figures_of(customer, episode, found, time, hour, rules, self._currency)
        self._alerts.append(write_alert(customer, Decision(state, why, revision, hour), figures))

    def _stated_evidence(
        self, customer: Customer, episode: Episode, why: Resolution | None, hour: int
    ) -> Evidence:
        """Return the evidence that a record states: of who came back, no more than the last 28 days show."""
        rules = self.rules_of(episode)
        found = self._evidence(customer, episode, hour)
        if why != "returned" or not rules.as_meant:
            return found
        month = measure_month(customer, episode.yardstick, hour, rules, self._guard)
        return replace(found, silence=min(found.silence, month.silence))

    def _evidence(self, customer: Customer, episode: Episode, hour: int) -> Evidence:
        """Return the evidence of the panes before an hour."""
        return measure(customer, episode.yardstick, hour, self.rules_of(episode), self._guard)
