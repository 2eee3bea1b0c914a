"""A customer is judged in order of event time: events are folded, episodes open, hours are decided.

`Judge.step` skips from one hour that can matter to the next; scanning every hour would give the same alerts.
What becomes of an open episode is in `lifecycle`, what of the history of a merged customer in `merging`.
"""

from collections import Counter
from collections.abc import Callable
from typing import assert_never

from schemas.alert import Alert
from schemas.events import Contact, Disposition, Merge, Notice, Profile, SignOfLife, Transaction
from streams.core.alerts.view import CustomerView, view_of
from streams.core.contacts.frustration import TOLERANCE, Known, known
from streams.core.customer.customer import Customer
from streams.core.customer.moves import Move
from streams.core.customer.pending import Episode, PendingEvent
from streams.core.customer.transactions import (
    SpendChange,
    fold_cancellation,
    fold_plan_change,
    fold_transaction,
)
from streams.core.episodes.lifecycle import Episodes, Observer
from streams.core.episodes.merging import Merges, end_id
from streams.core.episodes.opening import Past, gates_of, is_bad, open_episode, past_of
from streams.core.episodes.shared_ids import is_shared
from streams.core.episodes.silent import SilentRule, Verdict, basis_hour
from streams.core.episodes.standing import Standing, standing_of
from streams.core.feed.feed_guard import FeedGuard
from streams.core.ruleset import Ruleset
from streams.core.spend.population import Refresh
from streams.core.time import HOUR_MS, hour_of
from streams.core.watermark import NEVER

OnSpend = Callable[[Customer, SpendChange], None]
"""Takes note of spend that was folded."""


class Judge:
    """Decides for the customers of one partition."""

    def __init__(
        self,
        rules: Ruleset,
        guard: FeedGuard,
        currency: str,
        on_spend: OnSpend,
        observer: Observer | None = None,
    ) -> None:
        self.rules = rules
        self.refresh: Refresh | None = None
        self.decided = NEVER
        """Event time (ms) up to which everything was decided."""
        self.tally: Counter[str] = Counter()
        """Facts for the shell to count: episodes opened or not, decisions held."""
        self.shared: set[str] = set()
        """Ids met since the start that many share, for people to read."""
        self.folded = 0
        """How many pending events were folded."""
        self.episodes = Episodes(rules, guard, currency, self.tally, observer)
        self.merges = Merges(self.episodes, self.tally)
        self._guard = guard
        self._on_spend = on_spend
        self._observer = observer
        self._silence = SilentRule(guard, self.tally)
        self._past: Past | None = None
        self._stale_from: int | None = None
        """The hour from which on the timer of the customer in hand must be set again; it lies no earlier."""

    def step(self, customer: Customer, before: int, before_hour: int) -> list[Alert]:
        """Fold events effective before a time (ms), decide hours before an hour; return the alerts."""
        self._past, self._stale_from = None, None
        pending, taken = customer.body.pending, 0
        while True:
            due = pending[taken] if taken < len(pending) and pending[taken].effective_time < before else None
            stale = self._stale_from
            if stale is not None and (due is None or due.effective_time >= stale * HOUR_MS):
                self.episodes.rearm(customer, stale)
                self._stale_from = stale = None
            merged, move = customer.body.merged, customer.move_due
            if merged and move is not None and move < before_hour and self._is_first(customer, move, due):
                self.merges.hand_over(customer, merged, move)
                self._stale_from = None
                continue
            episode = customer.body.episode
            timer = before_hour if episode is None or stale is not None else episode.timer
            if (
                episode is not None
                and timer < before_hour
                and (due is None or timer * HOUR_MS <= due.effective_time)
            ):
                self.episodes.decide_hour(customer, episode, timer)
            elif due is not None:
                taken += 1
                self._fold(customer, due)
            else:
                del pending[:taken]
                self.folded += taken
                return self.episodes.take_alerts()

    @staticmethod
    def _is_first(customer: Customer, hour: int, due: PendingEvent | None) -> bool:
        """Return whether something is to be handed over at an hour before anything else happens."""
        episode = customer.body.episode
        return (due is None or hour * HOUR_MS <= due.effective_time) and (
            episode is None or hour <= episode.timer
        )

    def look_for_silence(self, customer: Customer, refresh: Refresh) -> Verdict | None:
        """Return what the silent decision at a refresh changes; None if nothing. No episode may be open."""
        return self._silence.look(customer, refresh, self.rules)

    def apply_verdict(self, customer: Customer, verdict: Verdict, hour: int) -> list[Alert]:
        """Do what a silent decision at an hour came to, and return the alerts."""
        customer.body.watch, episode = verdict
        customer.body.episode = episode
        if episode is not None:
            self.tally["opened_silent"] += 1
            basis = basis_hour(episode.yardstick, hour, self.rules)
            self.episodes.begin(customer, episode, hour * HOUR_MS)
            self.episodes.raise_level(customer, episode, hour * HOUR_MS, hour, basis)
            self.episodes.rearm(customer, hour + 1)
        return self.episodes.take_alerts()

    def erase(self, customer: Customer, time: int) -> list[Alert]:
        """Return the record that ends what was sent about a customer who is erased."""
        if customer.body.episode is not None:
            self.episodes.close_by_event(customer, customer.body.episode, "erased", time)
        return self.episodes.take_alerts()

    # Facts

    def _fold(self, customer: Customer, item: PendingEvent) -> None:
        # Only a late side input can be effective before what is decided: it counts from now on.
        effective_time = max(item.effective_time, self.decided)
        match item.event:
            case Merge():
                end_id(customer, item.event, hour_of(effective_time) + 1)
            case Move():
                self._fold_move(customer, item.event, effective_time)
            case Transaction():
                self._fold_money(customer, item.event, item.effective_time, effective_time)
            case SignOfLife():
                customer.rare_facts().refuse(hour_of(item.event.time))
                self._stale_from = hour_of(effective_time) + 1
            case Contact() | Notice():
                self._fold_contact(customer, item.event, effective_time)
            case Profile():
                customer.body.profile = item.event
            case Disposition():
                self._fold_disposition(customer, item.event, effective_time)
            case _:
                assert_never(item.event)
        merged = customer.body.merged
        if merged is not None and merged.due is None and not isinstance(item.event, Disposition):
            merged.due = hour_of(effective_time) + 1

    def _fold_money(self, customer: Customer, event: Transaction, came: int, effective_time: int) -> None:
        match event.kind:
            case "subscription_cancelled":
                self._fold_cancellation(customer, event, effective_time)
            case "subscription_changed":
                self._fold_plan_change(customer, event, effective_time)
            case _:
                change = fold_transaction(customer, event, came, self.rules)
                if change is not None:
                    self._on_spend(customer, change)
                self._past = None
                if customer.body.episode is not None:
                    self._stale_from = hour_of(effective_time) + 1

    def _fold_cancellation(self, customer: Customer, event: Transaction, effective_time: int) -> None:
        if self.rules.as_meant and not fold_cancellation(customer, event, self.rules):
            self.tally["plan_changes"] += 1
            return
        episode = customer.body.episode
        if episode is None:
            return
        self.episodes.update_plan(customer, episode)
        self.episodes.cancel(customer, episode, effective_time)
        self.episodes.rearm(customer, hour_of(effective_time) + 1)

    def _fold_plan_change(self, customer: Customer, event: Transaction, effective_time: int) -> None:
        fold_plan_change(customer, event)
        episode = customer.body.episode
        if episode is not None:
            self.episodes.update_plan(customer, episode)
            self.episodes.reassess(customer, episode, effective_time)

    def _fold_move(self, customer: Customer, move: Move, effective_time: int) -> None:
        """Take a history over, and judge what was open or fresh in it."""
        fresh = self.merges.take_over(customer, move, effective_time)
        if fresh is None:
            return
        self._past, self._stale_from = None, hour_of(effective_time) + 1
        for one in customer.body.contacts:
            if customer.body.episode is None and one.identity in fresh:
                self._try_opening(customer, one, effective_time)

    def _fold_disposition(self, customer: Customer, event: Disposition, effective_time: int) -> None:
        episode = customer.body.episode
        if episode is None or episode.alert_id != event.alert_id:
            return
        if event.status == "closed":
            self.episodes.close_by_event(customer, episode, "closed", effective_time)
        elif event.snooze_until is not None:
            episode.snooze_until = event.snooze_until
            self._stale_from = hour_of(effective_time) + 1

    def _fold_contact(self, customer: Customer, event: Contact | Notice, effective_time: int) -> None:
        rules = self.episodes.rules_for(customer)
        new = known(event, rules)
        too_many = customer.contacts(rules).learn(new)
        if too_many is None:
            return
        if too_many:
            self.tally["too_many_contacts"] += too_many
        if customer.body.episode is None:
            self._try_opening(customer, new, effective_time)
        else:
            self._reconsider(customer, customer.body.episode, new, effective_time)

    def _try_opening(self, customer: Customer, anchor: Known, effective_time: int) -> None:
        """Open an episode with a bad contact as anchor, if the customer can and need be judged."""
        rules = self.rules
        if anchor.own <= 0:
            return
        if self._observer is None and not is_bad(customer, rules):
            return
        hours = hour_of(anchor.moment), hour_of(effective_time)
        if self._past is None or self._past.hours != hours:
            self._past = past_of(customer, hours, rules, self._guard)
        gates = gates_of(customer, anchor, self._past, effective_time, self.refresh, rules)
        if self._observer is not None:
            self._observer.judged(customer.customer_id, gates)
        if not gates.bad:
            return
        if not gates.judged:
            self.tally["undetectable"] += 1
        elif not gates.valuable:
            self.tally["no_cutoff" if gates.cutoff is None else "not_high_value"] += 1
        elif is_shared(customer, effective_time, self.refresh, rules):
            self.tally["shared_id"] += 1
            self.shared.add(customer.customer_id)
        else:
            self.tally["opened"] += 1
            customer.body.watch = None
            episode = open_episode(customer.customer_id, anchor, gates, rules, self._guard)
            customer.body.episode = episode
            self.episodes.begin(customer, episode, effective_time)
            self.episodes.reassess(customer, episode, effective_time)

    def _reconsider(self, customer: Customer, episode: Episode, new: Known, effective_time: int) -> None:
        """Judge an open episode after a further contact or a new version of one."""
        episode.heard = True
        if episode.anchor is not None and new.identity == episode.anchor.identity:
            episode.anchor = new
            opening = self.episodes.rules_of(episode).opening_frustration
            if new.own <= 0 or customer.body.frustration < opening - TOLERANCE:
                self.episodes.close_by_event(customer, episode, "withdrawn", effective_time)
                return
        self.episodes.reassess(customer, episode, effective_time)

    def view(self, customer: Customer, time: int) -> CustomerView:
        """Return what is known of a customer at a time (ms) up to which everything is decided."""
        return view_of(
            customer,
            time,
            self.episodes.figures_at(customer, time),
            self.rules,
            shared=is_shared(customer, time, self.refresh, self.rules),
            next_level_at=self.episodes.next_level_at(customer, time),
            clears_at=self.episodes.clears_at(customer, time),
        )

    def standing(self, customer: Customer, time: int) -> Standing:
        """Return how a customer stands before any bad contact, at a time (ms) up to which all is decided."""
        return standing_of(customer, time, self.refresh, self.rules, self._guard)
