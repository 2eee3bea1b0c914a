"""Two ids of one customer become one: whose profile counts, which contacts are judged again."""

from collections import Counter
from typing import Final

from msgspec.structs import replace

from schemas.events import Merge, Profile
from streams.core.customer.customer import Customer, unpack
from streams.core.customer.moves import Merged, Move
from streams.core.customer.pending import Episode
from streams.core.customer.state import ruleset_of
from streams.core.episodes.lifecycle import Episodes
from streams.core.episodes.opening import alert_id, silent_alert_id
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import NEVER

_FRESH_DAYS: Final = 7


class Merges:
    """Hands over the histories of ids that end, and takes over those that come, with their open episodes."""

    def __init__(self, episodes: Episodes, tally: Counter[str]) -> None:
        self._moves: list[Move] = []
        self.taken_over: list[str] = []
        """Customers who got the history of another id, of whom the population has to know."""
        self._episodes = episodes
        self._tally = tally

    def take_moves(self) -> list[Move]:
        """Return the histories that were handed over since the last call."""
        moves, self._moves = self._moves, []
        return moves

    def hand_over(self, customer: Customer, merged: Merged, hour: int) -> None:
        """Let the history of an id that ended go, from before an hour; its open episode with it."""
        episode = customer.body.episode
        rules = None if episode is None else self._episodes.rules_of(episode).as_mapping()
        fresh = fresh_contacts(customer, hour)
        if episode is not None:
            self._episodes.close_by_event(customer, episode, "merged", hour * HOUR_MS)
            customer.body.episode = episode
        record = bytes(customer.hand_over(merged, hour))
        merged.due, merged.left = None, True
        into, former = merged.into, customer.customer_id
        self._moves.append(Move(into, former, merged.time, merged.event_id, hour, record, fresh, rules))

    def take_over(self, customer: Customer, move: Move, effective_time: int) -> set[tuple[str, str]] | None:
        """Take a history over, and let an episode that was open in it go on.

        Return source and id of the contacts that are to be judged again; None if it was taken over before.
        """
        body = customer.body
        if body.absorbed.get(move.former, NEVER) >= move.hour:
            self._tally["moves_repeated"] += 1
            return None
        fresh = {*move.fresh}
        if move.former not in body.absorbed:
            fresh.update(fresh_contacts(customer, move.hour))
        body.absorbed[move.former] = move.hour
        revive(customer, move)
        moved = unpack(move.former, move.record)
        self._tally["too_many_contacts"] += customer.take_over(moved, self._episodes.rules_for(customer))
        body.profile = profile_of_both(customer, moved)
        self._tally["moves_in_time" if move.effective_time == effective_time else "moves_late"] += 1
        self.taken_over.append(customer.customer_id)
        if body.episode is not None:
            self._episodes.update_plan(customer, body.episode)
        elif moved.body.episode is not None:
            self._go_on(customer, moved.body.episode, move, effective_time)
        return fresh

    def _go_on(self, customer: Customer, episode: Episode, move: Move, effective_time: int) -> None:
        """Let an episode go on that was open under the former id; nothing of it was sent under this one."""
        if move.rules is not None and episode.ruleset not in self._episodes.rulesets:
            self._episodes.rulesets[episode.ruleset] = ruleset_of(move.rules)
        cancelled = episode.cancelled
        # The clock of operational time counts the purchases of the partition that it began in.
        episode.yardstick = replace(episode.yardstick, clock=None)
        episode.alert_id = alert_id_of(customer.customer_id, episode)
        episode.sent, episode.cancelled = 0, False
        customer.body.watch, customer.body.episode = None, episode
        self._episodes.update_plan(customer, episode)
        if cancelled:
            self._episodes.cancel(customer, episode, effective_time)
        self._episodes.reassess(customer, episode, effective_time)


def end_id(customer: Customer, event: Merge, due: int) -> None:
    """Let an id end, unless it did by a later merge; its history goes at an hour."""
    merged = customer.body.merged
    if merged is None:
        customer.body.merged = Merged(event.into, event.time, event.event_id, due)
    elif merged.order < (event.time, event.event_id):
        merged.into, merged.time, merged.event_id, merged.due = event.into, event.time, event.event_id, due


def revive(customer: Customer, moved: Move) -> None:
    """Revive an id that had ended, if a history comes back to it by the same merge or a later one."""
    merged = customer.body.merged
    if merged is not None and merged.order <= moved.order:
        customer.revive(merged)


def fresh_contacts(customer: Customer, hour: int) -> list[tuple[str, str]]:
    """Return source and id of the contacts of the week before an hour of which no alert was sent.

    One of them may be bad, and the customer of high value only together with what the other id bought.
    """
    oldest = hour * HOUR_MS - _FRESH_DAYS * DAY_MS
    return [
        one.identity
        for one in customer.body.contacts
        if one.moment >= oldest
        and alert_id(customer.customer_id, one.source, one.contact_id) not in customer.body.revisions
    ]


def profile_of_both(customer: Customer, moved: Customer) -> Profile | None:
    """Return the customer's own profile, or else that of the former id; who may not be contacted stays so."""
    own, other = customer.body.profile, moved.body.profile
    if own is None:
        return None if other is None else replace(other, customer_id=customer.customer_id)
    return replace(own, do_not_contact=own.do_not_contact or moved.do_not_contact)


def alert_id_of(customer_id: str, episode: Episode) -> str:
    """Return the id of the alerts of an episode that goes on under another id."""
    if episode.anchor is None:
        return silent_alert_id(customer_id, episode.yardstick.first_hour)
    return alert_id(customer_id, episode.anchor.source, episode.anchor.contact_id)
