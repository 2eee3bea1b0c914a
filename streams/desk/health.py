"""Whether what the desk shows can be trusted: what it heard of Kafka and of the workers, in one line.

A list that is empty because something is broken must not look like one of happy customers.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from streams.lab.report.words import count

_LAG_SECONDS: Final = 900.0
_LAG_RECORDS: Final = 1_000
_CONTACTS_SECONDS: Final = 7 * 86_400.0


class Trust(IntEnum):
    """How far what is shown can be trusted; the worst of all counts."""

    GOOD = 0
    LESS = 1
    """It may be behind, or a part is missing for a moment."""
    NONE = 2
    """Alerts are missing: an empty list means nothing."""


@dataclass(slots=True)
class ReaderSeen:
    """How reading the topics goes. Times are seconds of a steady clock."""

    caught_up: bool = False
    lag: int = 0
    read: int = 0
    """Records of alerts so far."""
    why: str | None = None
    """Why Kafka is not read."""


@dataclass(slots=True)
class WorkerSeen:
    """What a worker last told."""

    address: str
    heard_at: float | None = None
    why: str = "not asked yet"
    """Why it did not answer the last time; empty when it did."""
    absent: bool = False
    """Whether nothing has its name: a worker that there may be, and that is not started."""
    partitions: Mapping[int, str] = field(default_factory=dict)
    """The state of each: opening, ready, stopped."""
    stalled: AbstractSet[str] = frozenset()
    """Inputs that are so old that time stands still."""
    feed_broken: bool = False
    time_stopped: bool = False
    contacts_age: float | None = None
    """How long ago (s) the newest contact was appended, of those that are not the canary's."""
    event_time_lag: float | None = None
    lag: int = 0


@dataclass(frozen=True, slots=True)
class Health:
    """How far to trust the page, and why, in sentences: the worst first."""

    trust: Trust
    sentences: tuple[str, ...]

    @property
    def word(self) -> str:
        """Return it in a word."""
        return ("Live", "Caution", "Broken")[self.trust]


def health_of(  # noqa: PLR0913 - all that it follows from
    reader: ReaderSeen,
    workers: Sequence[WorkerSeen],
    *,
    partitions: int,
    now: float,
    began: float,
    silent_seconds: float,
    history: bool,
) -> Health:
    """Return how things stand at a time (s of a steady clock); `history`: time is moved by records alone."""
    found = [*_of_reader(reader), *_of_silence(workers, now, began, silent_seconds)]
    heard = [one for one in workers if one.heard_at is not None and now - one.heard_at <= silent_seconds]
    if heard:
        found += _of_partitions(heard, partitions, young=now - began < silent_seconds)
        found += _of_feeds(heard, history=history)
    found.sort(key=lambda one: -one[0])
    if not found:
        return Health(Trust.GOOD, (_all_well(heard, partitions, history=history),))
    return Health(found[0][0], tuple(sentence for _, sentence in found))


_Found = Iterable[tuple[Trust, str]]


def _of_reader(reader: ReaderSeen) -> _Found:
    if reader.why is not None:
        yield Trust.NONE, f"Kafka is not read: {reader.why}. What you see is as it was."
    elif not reader.caught_up:
        yield Trust.LESS, f"Reading what the topics hold: {count(reader.read, 'record')} so far."
    elif reader.lag > _LAG_RECORDS:
        yield Trust.LESS, f"{count(reader.lag, 'alert record')} are not read yet."


def _of_silence(workers: Sequence[WorkerSeen], now: float, began: float, silent_seconds: float) -> _Found:
    silent = [one for one in workers if one.why]
    if not silent:
        return
    since = min(now - (began if one.heard_at is None else one.heard_at) for one in workers)
    if len(silent) == len(workers):
        trust = Trust.NONE if since >= silent_seconds else Trust.LESS
        many = "No worker has" if len(workers) > 1 else "The worker has not"
        heard = "been heard of" if any(one.heard_at for one in workers) else "answered"
        yield (
            trust,
            f"{many} {heard} for {_seconds(since)} ({silent[0].why}): an empty list would mean nothing.",
        )
    # Of workers that are scaled by load some are usually not there: what they would have, others have.
    elif known := [one for one in silent if not one.absent]:
        names = ", ".join(one.address for one in known)
        yield Trust.LESS, f"No answer from {names}: {known[0].why}."


def _of_partitions(heard: Sequence[WorkerSeen], partitions: int, *, young: bool) -> _Found:
    ready = {number for one in heard for number, state in one.partitions.items() if state == "ready"}
    stopped = {number for one in heard for number, state in one.partitions.items() if state == "stopped"}
    opening = {number for one in heard for number, state in one.partitions.items() if state == "opening"}
    if stopped:
        yield Trust.NONE, f"{_partitions(stopped)} stopped: no alerts about their customers."
    missing = set(range(partitions)) - ready - stopped
    if missing - opening:
        trust = Trust.LESS if young else Trust.NONE
        yield trust, f"{_partitions(missing - opening)} with no worker: no alerts about their customers."
    if opening - ready:
        yield Trust.LESS, f"{_partitions(opening - ready)} opening."


def _of_feeds(heard: Sequence[WorkerSeen], *, history: bool) -> _Found:
    stalled = sorted({name for one in heard for name in one.stalled})
    if stalled:
        names = " and ".join(stalled)
        yield (
            Trust.NONE,
            f"The feed of {names} is stalled: who goes quiet raises no alert until it comes again.",
        )
    if any(one.time_stopped for one in heard):
        yield Trust.NONE, "The clocks disagree: time stands still, and who goes quiet raises no alert."
    if any(one.feed_broken for one in heard):
        yield Trust.LESS, "The purchase feed looks broken: nothing is raised from silence until it is whole."
    ages = [one.contacts_age for one in heard if one.contacts_age is not None]
    if ages and min(ages) > _CONTACTS_SECONDS and not history:
        yield Trust.LESS, f"No contact has come for {_seconds(min(ages))}: nobody can be found by one."
    lag = max((one.event_time_lag for one in heard if one.event_time_lag is not None), default=None)
    if lag is not None and lag > _LAG_SECONDS and not history:
        yield Trust.LESS, f"The worker is {_seconds(lag)} behind."


def _all_well(heard: Sequence[WorkerSeen], partitions: int, *, history: bool) -> str:
    lags = [one.event_time_lag for one in heard if one.event_time_lag is not None]
    behind = f", {_seconds(max(lags))} behind now" if lags and not history else ""
    waiting = sum(one.lag for one in heard)
    unread = f", {count(waiting, 'record')} to read" if waiting else ", nothing unread"
    return f"{count(len(heard), 'worker')}, {count(partitions, 'partition')}{behind}{unread}."


def _partitions(numbers: AbstractSet[int]) -> str:
    listed = ", ".join(map(str, sorted(numbers)))
    return f"Partition {listed}:" if len(numbers) == 1 else f"Partitions {listed}:"


def _seconds(seconds: float) -> str:
    if seconds < 120:
        return f"{max(0, seconds):.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"
