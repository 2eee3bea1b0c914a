"""The state of a partition as records of a changelog: what changed goes out, all of it comes back."""

from collections.abc import Iterable, Mapping
from typing import Final

from streams.core.customer.customer import unpack
from streams.core.customer.customer_codec import FLAGS_AT, MERGED, NO_HOUR, OWED, QUIET, head, recent
from streams.core.customer.journal.expansion import expand
from streams.core.customer.state import (
    PARTITION_KEY,
    PartitionState,
    StateError,
    customer_of,
    decode_state,
    is_page_key,
    page_number_of,
    ruleset_of,
)
from streams.core.partition.contents import Contents
from streams.core.watermark import NEVER, Input

_TAILS: Final = 10_000
"""The ids of so many customers are restored at once."""


def drain(contents: Contents) -> list[tuple[bytes, bytes | None]]:
    """Return what changed since the last call as (key, value), in the order to write; None forgets a key."""
    changed = contents.customers.drain(contents.horizon)
    return [*changed, (PARTITION_KEY, state_of(contents).encode())]


def restore(contents: Contents, state: Mapping[bytes, bytes]) -> None:
    """Restore the newest values of what `drain` gave, in the order in which they were written.

    Raise StateError for what this release does not read.
    """
    found = expand(state)
    own = found.others.pop(PARTITION_KEY, None)
    if own is not None:  # the clocks tell which ids need not be restored
        _restore_state(contents, decode_state(own))
    _restore_customers(contents, found.records)
    for key, value in found.others.items():
        if not is_page_key(key):
            raise StateError("a state record of unknown kind")
        page = contents.customers.pages.restore(customer_of(key), page_number_of(key), value)
        _restore_ids(contents, [page])
    for customer_id in found.owed:
        contents.customers.records[customer_id][FLAGS_AT] |= OWED
    contents.customers.journal.restore(found.live, found.owed, found.graves)


def state_of(contents: Contents) -> PartitionState:
    """Return everything that is no customer's."""
    return PartitionState(
        clocks={one.value: (clock.newest, clock.now) for one, clock in contents.clocks.items()},
        guard=contents.guard.state(),
        refresh=contents.judge.refresh,
        next_refresh=contents.next_refresh,
        decided=contents.decided,
        rulesets={name: rules.as_mapping() for name, rules in contents.judge.episodes.rulesets.items()},
        alive={one.value: clock.alive for one, clock in contents.clocks.items()},
    )


def _restore_state(contents: Contents, state: PartitionState) -> None:
    judge = contents.judge
    for name, (newest, now) in state.clocks.items():
        clock = contents.clocks[Input(name)]
        clock.alive, clock.beside, clock.now = state.alive.get(name, NEVER), newest, now
    contents.guard.restore(state.guard)
    judge.refresh = state.refresh
    contents.next_refresh = state.next_refresh
    judge.decided = state.decided
    for name, given in state.rulesets.items():
        judge.episodes.rulesets.setdefault(name, ruleset_of(given))


def _restore_customers(contents: Contents, records: Mapping[str, bytearray]) -> None:
    contents.customers.records.update(records)
    tails, spenders = [], []
    for customer_id, record in records.items():
        timer, first_pane, flags, tail = head(record)
        if first_pane != NO_HOUR and timer == NO_HOUR and not flags:  # nearly all: spend, and nothing due
            spenders.append(customer_id)
        else:
            _restore_customer(contents, customer_id, record)
        tails.append(record[tail:])
        if len(tails) == _TAILS:
            _restore_ids(contents, tails)
            tails.clear()
    _restore_ids(contents, tails)
    contents.sampling.offer(spenders)


def _restore_customer(contents: Contents, customer_id: str, record: bytearray) -> None:
    flags = contents.customers.restore(customer_id)
    if flags & QUIET:  # a purchase may have come that was not decided on
        contents.unexpected.add(customer_id)
    contents.sampling.restore(customer_id, flags)
    waiting = contents.customers.waiting(customer_id)
    contents.enqueued += waiting
    if waiting or flags & MERGED:
        contents.note_departure(unpack(customer_id, record))
        contents.departures.wake(customer_id)


def _restore_ids(contents: Contents, tails: Iterable[bytes | bytearray]) -> None:
    """Restore the ids in packed entries, but for those that can make no duplicate any more."""
    oldest = contents.horizon.oldest_effective_times
    for source, found in recent(tails, oldest):
        if found:
            contents.ids[source].restore(found, contents.clocks[source])
