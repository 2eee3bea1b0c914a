"""The life of an episode: opened by a bad contact or by silence, raised by evidence, closed by spend or time.

`Judge.step` folds a customer's pending events and makes its hour decisions, in order of event time. It skips
from one hour that can matter to the next; scanning every hour would give the same alerts.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol, assert_never

from msgspec.structs import replace

from schemas.alert import Alert
from schemas.events import Contact, Disposition, Merge, Notice, Profile, SignOfLife, Transaction
from streams.core.alerts.alert import write_alert
from streams.core.alerts.counters import counters
from streams.core.alerts.decision import Decision, Resolution, State
from streams.core.alerts.view import CustomerView, EpisodeView
from streams.core.contacts.frustration import TOLERANCE, Known, known, own_signals
from streams.core.customer.books import Booked, book, book_cancellation, book_plan_change
from streams.core.customer.customer import Customer, unpack
from streams.core.customer.moves import Merged, Move
from streams.core.customer.pending import Episode, PendingEvent
from streams.core.customer.state import ruleset_of
from streams.core.episodes.merging import alert_id_of, fresh_contacts, merge, part, profile_of_both
from streams.core.episodes.opening import Gates, Past, gates_of, is_bad, left_of, open_episode, past_of
from streams.core.episodes.shared_ids import is_shared
from streams.core.episodes.silent import Silence, Verdict, basis_hour
from streams.core.feed.feed_guard import FeedGuard
from streams.core.odds.measure import measure, measure_month, settled_hour
from streams.core.odds.next_timer import HIGHEST_LEVEL, next_timer
from streams.core.odds.odds import Odds, odds_of
from streams.core.ruleset import Ruleset
from streams.core.spend.baseline import BLOCK_HOURS
from streams.core.spend.evidence import Evidence
from streams.core.spend.population import Refresh
from streams.core.time import DAY_HOURS, HOUR_MS, hour_of
from streams.core.watermark import NEVER

_RELATIVE: Final = 1e-13

Told = Callable[[Customer, Booked], None]
"""Is told of each pending transaction that was folded."""


class Observer(Protocol):
    """Is told how a partition came to its decisions, for people to read; decides nothing."""

    def judged(self, customer_id: str, gates: Gates) -> None:
        """Take note of a contact that was weighed."""

    def closed(self, customer_id: str, episode: Episode, why: str, time: int) -> None:
        """Take note of the end of an episode, with or without an alert sent."""


class Judge:
    """Decides for the customers of one partition."""

    def __init__(
        self, rules: Ruleset, guard: FeedGuard, currency: str, booked: Told, observer: Observer | None = None
    ) -> None:
        self.rules = rules
        self.rulesets = {rules.hash: rules}
        self.refresh: Refresh | None = None
        self.decided = NEVER
        """Event time (ms) up to which everything was decided."""
        self.tally: Counter[str] = Counter()
        """Facts for the shell to count: episodes opened or not, decisions held."""
        self.shared: set[str] = set()
        """Ids met since the start that many share, for people to read."""
        self.folded = 0
        """How many pending events were folded."""
        self.moves: list[Move] = []
        """What was handed over and has to be sent on."""
        self.taken_over: list[str] = []
        """Customers who got the history of another id, of whom the population has to know."""
        self._guard = guard
        self._currency = currency
        self._booked = booked
        self._observer = observer
        self._silence = Silence(guard, self.tally)
        self._alerts: list[Alert] = []
        self._past: Past | None = None
        self._stale_from: int | None = None
        """The hour from which on the timer of the customer in hand must be set anew; it lies no earlier."""

    def step(self, customer: Customer, before: int, before_hour: int) -> list[Alert]:
        """Fold events effective before a time (ms), decide hours before an hour; return the alerts."""
        self._alerts, self._past, self._stale_from = [], None, None
        pending, taken = customer.body.pending, 0
        while True:
            due = pending[taken] if taken < len(pending) and pending[taken].effective_time < before else None
            stale = self._stale_from
            if stale is not None and (due is None or due.effective_time >= stale * HOUR_MS):
                self.rearm(customer, stale)
                self._stale_from = stale = None
            merged, move = customer.body.merged, customer.move_due
            if merged and move is not None and move < before_hour and self._is_first(customer, move, due):
                self._hand_over(customer, merged, move)
                continue
            episode = customer.body.episode
            timer = before_hour if episode is None or stale is not None else episode.timer
            if (
                episode is not None
                and timer < before_hour
                and (due is None or timer * HOUR_MS <= due.effective_time)
            ):
                self._decide_hour(customer, episode, timer)
            elif due is not None:
                taken += 1
                self._fold(customer, due)
            else:
                del pending[:taken]
                self.folded += taken
                return self._alerts

    @staticmethod
    def _is_first(customer: Customer, hour: int, due: PendingEvent | None) -> bool:
        """Tell whether something is to be handed over at an hour before anything else happens."""
        episode = customer.body.episode
        return (due is None or hour * HOUR_MS <= due.effective_time) and (
            episode is None or hour <= episode.timer
        )

    def look(self, customer: Customer, refresh: Refresh) -> Verdict | None:
        """Return what the silent decision at a refresh changes; None if nothing. No episode may be open."""
        return self._silence.look(customer, refresh, self.rules)

    def conclude(self, customer: Customer, verdict: Verdict, hour: int) -> list[Alert]:
        """Do what a silent decision at an hour came to, and return the alerts."""
        self._alerts = []
        customer.body.watch, episode = verdict
        customer.body.episode = episode
        if episode is not None:
            self.tally["opened_silent"] += 1
            basis = basis_hour(episode.yardstick, hour, self.rules)
            self._begin(customer, episode, hour * HOUR_MS)
            self._raise(customer, episode, hour * HOUR_MS, hour, basis)
            self.rearm(customer, hour + 1)
        return self._alerts

    def rearm(self, customer: Customer, hour: int) -> None:
        """Set the timer of an open episode anew, from an hour on."""
        episode = customer.body.episode
        if episode is not None:
            episode.timer = next_timer(customer, episode, hour, self._guard, self.rules_of(episode))

    def erase(self, customer: Customer, time: int) -> list[Alert]:
        """Return the record that ends what was sent about a customer who is erased."""
        self._alerts = []
        if customer.body.episode is not None:
            self._close_by_item(customer, customer.body.episode, "erased", time)
        return self._alerts

    # Facts

    def _fold(self, customer: Customer, item: PendingEvent) -> None:
        # Only a late side input can be effective before what is decided: it counts from now on.
        effective_time = max(item.effective_time, self.decided)
        match item.event:
            case Merge():
                merge(customer, item.event, hour_of(effective_time) + 1)
            case Move():
                self._fold_move(customer, item.event, effective_time)
            case Transaction():
                self._fold_money(customer, item.event, item.effective_time, effective_time)
            case SignOfLife():
                customer.beside().refuse(hour_of(item.event.time))
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
                booked = book(customer, event, came, self.rules)
                if booked is not None:
                    self._booked(customer, booked)
                self._past, self._stale_from = None, hour_of(effective_time) + 1

    def _fold_cancellation(self, customer: Customer, event: Transaction, effective_time: int) -> None:
        if self.rules.as_meant and not book_cancellation(customer, event, self.rules):
            self.tally["plan_changes"] += 1
            return
        episode = customer.body.episode
        if episode is None:
            return
        self._take_plan_in(customer, episode)
        self._cancel(customer, episode, effective_time)
        self.rearm(customer, hour_of(effective_time) + 1)

    def _cancel(self, customer: Customer, episode: Episode, effective_time: int) -> None:
        """Make an episode an alert at once, for a cancellation."""
        hour, rules = hour_of(effective_time), self.rules_of(episode)
        if episode.sent < HIGHEST_LEVEL and hour <= episode.starts + rules.raise_days * DAY_HOURS:
            episode.cancelled = True
            basis = settled_hour(episode.yardstick, max(hour, episode.starts), rules)
            self._send(customer, episode, HIGHEST_LEVEL, effective_time, basis)

    def _fold_plan_change(self, customer: Customer, event: Transaction, effective_time: int) -> None:
        book_plan_change(customer, event)
        episode = customer.body.episode
        if episode is not None:
            self._take_plan_in(customer, episode)
            self._judge_item(customer, episode, effective_time)

    def _take_plan_in(self, customer: Customer, episode: Episode) -> None:
        """Let an episode know what is left of the subscriptions, under the rules that it keeps."""
        episode.left = left_of(customer, episode.plan_from, self.rules_of(episode))

    def _begin(self, customer: Customer, episode: Episode, effective_time: int) -> None:
        """Let an episode that opens know of the subscriptions; if nothing is left of them it is an alert."""
        self._take_plan_in(customer, episode)
        if episode.left == 0:
            self._cancel(customer, episode, effective_time)

    # Merged customers

    def _hand_over(self, customer: Customer, merged: Merged, hour: int) -> None:
        """Let the history of an id that ended go, from before an hour; its open episode with it."""
        episode = customer.body.episode
        rules = None if episode is None else self.rules_of(episode).as_mapping()
        fresh = fresh_contacts(customer, hour)
        if episode is not None:
            self._close_by_item(customer, episode, "merged", hour * HOUR_MS)
            customer.body.episode = episode
        record = bytes(customer.hand_over(merged, hour))
        merged.due, merged.left, self._stale_from = None, True, None
        former = customer.customer_id
        self.moves.append(Move(merged.into, former, merged.time, merged.event_id, hour, record, fresh, rules))

    def _fold_move(self, customer: Customer, move: Move, effective_time: int) -> None:
        """Take a history over, and judge what was open or fresh in it."""
        body = customer.body
        if body.absorbed.get(move.former, NEVER) >= move.hour:
            self.tally["moves_repeated"] += 1
            return
        fresh = {*move.fresh}
        if move.former not in body.absorbed:
            fresh.update(fresh_contacts(customer, move.hour))
        body.absorbed[move.former] = move.hour
        part(customer, move)
        moved = unpack(move.former, move.record)
        rules = self.rules if body.episode is None else self.rules_of(body.episode)
        self.tally["too_many_contacts"] += customer.take_over(moved, rules)
        body.profile = profile_of_both(customer, moved)
        self.tally["moves_in_time" if move.effective_time == effective_time else "moves_late"] += 1
        self.taken_over.append(customer.customer_id)
        self._past, self._stale_from = None, hour_of(effective_time) + 1
        if body.episode is not None:
            self._take_plan_in(customer, body.episode)
        elif moved.body.episode is not None:
            self._go_on(customer, moved.body.episode, move, effective_time)
        for one in body.contacts:
            if body.episode is None and one.identity in fresh:
                self._try_opening(customer, one, effective_time)

    def _go_on(self, customer: Customer, episode: Episode, move: Move, effective_time: int) -> None:
        """Let an episode go on that was open under the former id; nothing of it was sent under this one."""
        if move.rules is not None and episode.ruleset not in self.rulesets:
            self.rulesets[episode.ruleset] = ruleset_of(move.rules)
        cancelled = episode.cancelled
        # The clock of operational time counts the purchases of the partition that it began in.
        episode.yardstick = replace(episode.yardstick, clock=None)
        episode.alert_id = alert_id_of(customer.customer_id, episode)
        episode.sent, episode.cancelled = 0, False
        customer.body.watch, customer.body.episode = None, episode
        self._take_plan_in(customer, episode)
        if cancelled:
            self._cancel(customer, episode, effective_time)
        self._judge_item(customer, episode, effective_time)

    def _fold_disposition(self, customer: Customer, event: Disposition, effective_time: int) -> None:
        episode = customer.body.episode
        if episode is None or episode.alert_id != event.alert_id:
            return
        if event.status == "closed":
            self._close_by_item(customer, episode, "closed", effective_time)
        elif event.snooze_until is not None:
            episode.snooze_until = event.snooze_until
            self._stale_from = hour_of(effective_time) + 1

    def _fold_contact(self, customer: Customer, event: Contact | Notice, effective_time: int) -> None:
        rules = self.rules if customer.body.episode is None else self.rules_of(customer.body.episode)
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
        elif self.is_shared(customer, effective_time):
            self.tally["shared_id"] += 1
            self.shared.add(customer.customer_id)
        else:
            self.tally["opened"] += 1
            customer.body.watch = None
            episode = open_episode(customer.customer_id, anchor, gates, rules, self._guard)
            customer.body.episode = episode
            self._begin(customer, episode, effective_time)
            self._judge_item(customer, episode, effective_time)

    def is_shared(self, customer: Customer, effective_time: int) -> bool:
        """Tell whether an id is taken for shared at an effective time (ms): nothing opens for it."""
        median = 1 if self.refresh is None else self.refresh.median_trips
        return is_shared(customer, effective_time, median, self.rules)

    def _reconsider(self, customer: Customer, episode: Episode, new: Known, effective_time: int) -> None:
        """Judge an open episode after a further contact or a new version of one."""
        episode.heard = True
        if episode.anchor is not None and new.identity == episode.anchor.identity:
            episode.anchor = new
            opening = self.rules_of(episode).opening_frustration
            if new.own <= 0 or customer.body.frustration < opening - TOLERANCE:
                self._close_by_item(customer, episode, "withdrawn", effective_time)
                return
        self._judge_item(customer, episode, effective_time)

    # Decisions

    def _judge_item(self, customer: Customer, episode: Episode, effective_time: int) -> None:
        hour = max(hour_of(effective_time), episode.starts)
        basis = settled_hour(episode.yardstick, hour, self.rules_of(episode))
        self._raise(customer, episode, effective_time, hour, basis)
        self.rearm(customer, hour_of(effective_time) + 1)

    def _decide_hour(self, customer: Customer, episode: Episode, hour: int) -> None:
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
            self.tally["held_by_feed_guard"] += 1
        else:
            self._raise(customer, episode, hour * HOUR_MS, hour, settled)
        self.rearm(customer, hour + 1)

    def _closing(self, customer: Customer, episode: Episode, days: int, hour: int) -> Resolution | None:
        """Return why an episode closes, judged by the panes before an hour, or None."""
        rules = self.rules_of(episode)
        yardstick = episode.yardstick
        if self.evidence_at(customer, episode, hour).silence <= rules.returned_evidence + TOLERANCE:
            return "returned"
        recent = customer.bought.spend(max(yardstick.first_hour, hour - BLOCK_HOURS), hour)
        enough = rules.returned_usual_days * yardstick.usual_per_day
        # Relative as well: a usual spend of millions has fewer digits left than the absolute tolerance.
        if episode.sent and enough and recent >= enough * (1 - _RELATIVE) - TOLERANCE:
            return "returned"
        return "expired" if days >= rules.expiry_days else None

    def _raise(self, customer: Customer, episode: Episode, time: int, hour: int, settled: int) -> None:
        """Send the level that the evidence before `settled` reaches, if it is new and not held."""
        if episode.sent >= HIGHEST_LEVEL:
            return
        rules = self.rules_of(episode)
        if hour > episode.starts + rules.raise_days * DAY_HOURS:
            return
        if episode.snooze_until is not None and time < episode.snooze_until:
            return
        if customer.unread(settled - DAY_HOURS, settled):
            self.tally["held_by_refused"] += 1
            return
        odds = self.odds_at(customer, episode, self.evidence_at(customer, episode, settled)).total
        level = sum(odds >= least - TOLERANCE for least in rules.levels)
        if level > episode.sent:
            self._send(customer, episode, level, time, settled)

    def _send(self, customer: Customer, episode: Episode, level: int, time: int, hour: int) -> None:
        state: State = "updated" if episode.sent else "raised"
        episode.sent = level
        self._write(customer, episode, state, None, time, hour)

    def _close_by_item(
        self, customer: Customer, episode: Episode, why: Resolution, effective_time: int
    ) -> None:
        hour = settled_hour(episode.yardstick, hour_of(effective_time), self.rules_of(episode))
        self._close(customer, episode, why, effective_time, hour)

    def _close(self, customer: Customer, episode: Episode, why: Resolution, time: int, hour: int) -> None:
        if why == "returned":
            episode.left = 1.0  # who buys as ever has not left, whatever became of a subscription
        if episode.sent:
            self._write(customer, episode, "resolved", why, time, hour)
        self.tally[f"closed_{why}"] += 1
        if self._observer is not None:
            self._observer.closed(customer.customer_id, episode, why, time)
        customer.body.episode = None

    def _write(  # noqa: PLR0913, PLR0917 - all that a record says
        self, customer: Customer, episode: Episode, state: State, why: Resolution | None, time: int, hour: int
    ) -> None:
        revision = customer.body.revisions.get(episode.alert_id, 0) + 1
        customer.body.revisions[episode.alert_id] = revision
        decision = Decision(
            state=state,
            resolution=why,
            time=time,
            hour=hour,
            revision=revision,
            evidence=self._evidence_of(customer, episode, why, hour),
            rules=self.rules_of(episode),
            currency=self._currency,
        )
        self._alerts.append(write_alert(customer, episode, decision))

    def _evidence_of(
        self, customer: Customer, episode: Episode, why: Resolution | None, hour: int
    ) -> Evidence:
        """Return the evidence that a record states: not the silence before, of who came back."""
        rules = self.rules_of(episode)
        found = self.evidence_at(customer, episode, hour)
        if why != "returned" or not rules.as_meant:
            return found
        month = measure_month(customer, episode.yardstick, hour, rules, self._guard)
        return replace(found, silence=min(found.silence, month.silence))

    def evidence_at(self, customer: Customer, episode: Episode, hour: int) -> Evidence:
        """Return the evidence of the panes before an hour."""
        return measure(customer, episode.yardstick, hour, self.rules_of(episode), self._guard)

    def odds_at(self, customer: Customer, episode: Episode, found: Evidence) -> Odds:
        """Return the log-odds of an episode with some evidence."""
        return odds_of(episode, customer.body.frustration, found.silence, self.rules_of(episode))

    def rules_of(self, episode: Episode) -> Ruleset:
        """Return the ruleset that an episode opened under."""
        return self.rulesets[episode.ruleset]

    # Questions

    def view(self, customer: Customer, time: int) -> CustomerView:
        """Return what is known of a customer at a time (ms) up to which everything is decided."""
        hour = hour_of(time)
        episode = customer.body.episode
        seen = None
        if episode is not None:
            settled = settled_hour(episode.yardstick, hour, self.rules_of(episode))
            now = self.evidence_at(customer, episode, settled)
            since = episode.yardstick.first_hour, hour
            seen = EpisodeView(
                episode,
                now,
                self.odds_at(customer, episode, now),
                visits=customer.visits(*since),
                unread=customer.unread(*since),
            )
        return CustomerView(
            customer_id=customer.customer_id,
            time=time,
            first_pane=customer.first_pane,
            panes=customer.panes,
            counters=counters(customer, time, hour),
            contacts=[(one, own_signals(one, self.rules)) for one in customer.body.contacts],
            frustration=customer.body.frustration,
            do_not_contact=customer.do_not_contact,
            shared=self.is_shared(customer, time),
            episode=seen,
            merged_into=None if customer.body.merged is None else customer.body.merged.into,
            merged_from=tuple(sorted(customer.body.absorbed)),
        )
