"""The life of a partition on one worker: its states, the events that change them, and the only transitions.

`docs/partition-states.md` is generated from this module by `states_page`.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self


class _Described(StrEnum):
    """Names, each with what it means."""

    about: str

    def __new__(cls, value: str, about: str) -> Self:
        """Return a member from its name and meaning."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.about = about
        return member


class State(_Described):
    """Where a partition stands on this worker."""

    RELEASED = "released", "Nothing is held: never assigned, or revoked before there was state worth keeping."
    OPENING = "opening", "Earlier processors are fenced, and the state is restored from the log."
    SERVING = "serving", "Batches are applied and committed."
    CONFIRMING = (
        "confirming",
        "Another processor fenced this one: wait until the group confirms that we are still a member.",
    )
    BACKING_OFF = (
        "backing_off",
        "The log failed, or we were fenced: wait before the partition is opened again.",
    )
    PAUSING = "pausing", "Revoked: what was applied is being committed."
    PAUSED = (
        "paused",
        "Revoked, and all is committed: the state stays in memory, in case the partition comes back.",
    )
    RESUMING = "resuming", "Assigned again: find out whether another worker has committed since."
    FAILED = "failed", "An error ends the worker."
    CLOSED = "closed", "Let go for good."


class Event(_Described):
    """What changes the state: the group, the partition's own task, or the worker."""

    ASSIGNED = "assigned", "The group gave the partition to this worker."
    REVOKED = "revoked", "The group takes it away."
    OPENED = "opened", "The state is restored, and the inputs are sought to its positions."
    FENCED = "fenced", "Another processor has opened the partition since."
    LOG_FAILED = "log_failed", "The log did not do what was asked."
    CONFIRMED = "confirmed", "The group has confirmed that we are a member."
    RETRY = "retry", "The wait before the next try is over."
    COMMITTED = "committed", "The last commit before a pause is made, or there was nothing to commit."
    TIMED_OUT = "timed_out", "The last commit before a pause took too long."
    UNCHANGED = (
        "unchanged",
        "The group's positions are those of the state in memory, and the inputs are sought to them.",
    )
    CHANGED = "changed", "Another worker has committed since, or nobody can tell."
    CRASHED = "crashed", "An error that opening again does not mend."
    CLOSED = "closed", "The worker ends, or a paused partition has not come back for long."


TRANSITIONS: Final[Mapping[tuple[State, Event], State]] = MappingProxyType(
    {
        (State.RELEASED, Event.ASSIGNED): State.OPENING,
        (State.OPENING, Event.OPENED): State.SERVING,
        # Failures while the partition is ours: open again from what is committed.
        (State.OPENING, Event.FENCED): State.CONFIRMING,
        (State.SERVING, Event.FENCED): State.CONFIRMING,
        (State.CONFIRMING, Event.CONFIRMED): State.BACKING_OFF,
        (State.OPENING, Event.LOG_FAILED): State.BACKING_OFF,
        (State.SERVING, Event.LOG_FAILED): State.BACKING_OFF,
        (State.BACKING_OFF, Event.RETRY): State.OPENING,
        # Revoked: state is worth keeping only if all of it is committed.
        (State.SERVING, Event.REVOKED): State.PAUSING,
        (State.PAUSING, Event.COMMITTED): State.PAUSED,
        (State.PAUSING, Event.FENCED): State.RELEASED,
        (State.PAUSING, Event.LOG_FAILED): State.RELEASED,
        (State.PAUSING, Event.TIMED_OUT): State.RELEASED,
        (State.OPENING, Event.REVOKED): State.RELEASED,
        (State.CONFIRMING, Event.REVOKED): State.RELEASED,
        (State.BACKING_OFF, Event.REVOKED): State.RELEASED,
        # Assigned again.
        (State.PAUSED, Event.ASSIGNED): State.RESUMING,
        (State.RESUMING, Event.UNCHANGED): State.SERVING,
        (State.RESUMING, Event.CHANGED): State.OPENING,
        (State.RESUMING, Event.REVOKED): State.PAUSED,
        # Errors that end the worker; a rebalance may still come before it has ended.
        (State.OPENING, Event.CRASHED): State.FAILED,
        (State.SERVING, Event.CRASHED): State.FAILED,
        (State.CONFIRMING, Event.CRASHED): State.FAILED,
        (State.BACKING_OFF, Event.CRASHED): State.FAILED,
        (State.PAUSING, Event.CRASHED): State.FAILED,
        (State.RESUMING, Event.CRASHED): State.FAILED,
        (State.FAILED, Event.REVOKED): State.RELEASED,
        # Let go, whatever is going on.
        **{(state, Event.CLOSED): State.CLOSED for state in State if state is not State.CLOSED},
    }
)
"""Every transition there is; all others are bugs."""

AWAY: Final = frozenset({State.RELEASED, State.PAUSING, State.PAUSED, State.CLOSED})
"""The states of a partition that the group has not given to this worker, or has taken away."""


class TransitionError(Exception):
    """An event that must not happen in a state: a bug."""


def next_state(state: State, event: Event) -> State:
    """Return the state after an event; raise TransitionError if the table has none."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise TransitionError(f"{event.value} must not happen while {state.value}")
    return following
