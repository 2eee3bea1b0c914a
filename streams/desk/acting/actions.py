"""Actions on their way: held back for as long as they can be undone, then written, and tried again.

They are held here and not in the page, so that a tab that is closed loses nothing. What this process loses
when it is killed, the browser that still has it sends once more: an id that is known changes nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from schemas.disposition import Disposition
from streams.desk.acting.wish import Wish
from streams.desk.board.board import Board
from streams.desk.board.entry import Entry
from streams.runtime.kafka.errors import KafkaUnavailableError

log = logging.getLogger(__name__)

_AGAIN_SECONDS: Final = 2.0
_LAST_SECONDS: Final = 12.0
"""So long the last ones may take when the desk ends."""
_MOST_HELD: Final = 2_000
_MOST_UNDONE: Final = 2_000
"""Ids that are remembered, so that an action sent again behind its undoing stays undone."""


class Phase(StrEnum):
    """Where an action stands."""

    HELD = "held"
    """It can be undone."""
    WRITTEN = "written"
    UNDONE = "undone"
    LATE = "late"
    """It could not be written yet; it is tried again."""


class Answer(StrEnum):
    """What becomes of a wish."""

    HELD = "held"
    SEEN = "seen"
    """It came before."""
    CONFLICT = "conflict"
    """The alert is not any more what somebody saw."""
    UNKNOWN = "unknown"
    """There is no such alert."""
    AWAY = "away"
    """Not now: the desk is about to end, or too much waits to be written already."""


class Writer(Protocol):
    """Where dispositions go."""

    async def write(self, disposition: Disposition) -> None:
        """Write, and return once it is there; raises KafkaUnavailableError, SettingsError."""


OnPhase = Callable[[Wish, Phase], None]


@dataclass(slots=True)
class _Held:
    wish: Wish
    entry: Entry
    before: "_Held | None"
    """What is written before it, about the same alert."""
    now: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it is to be written at once."""
    writing: bool = False
    task: asyncio.Task[None] | None = None


class Actions:
    """Those under way, on the event loop that calls it."""

    def __init__(self, board: Board, writer: Writer, on_phase: OnPhase, *, undo_seconds: float) -> None:
        self._board, self._writer, self._on_phase = board, writer, on_phase
        self._undo_seconds = undo_seconds
        self._held: dict[str, _Held] = {}
        self._undone: dict[str, None] = {}
        self._stopping = asyncio.Event()

    def act(self, wish: Wish) -> Answer:
        """Take a wish, and hold it back."""
        entry = self._board.get(wish.alert_id)
        if entry is None:
            return Answer.UNKNOWN
        known = wish.action_id in self._held or wish.action_id in self._undone
        if known or _is_written(entry, wish.action_id):
            return Answer.SEEN
        if self._stopping.is_set() or len(self._held) >= _MOST_HELD:
            return Answer.AWAY
        if entry.seen != wish.seen:
            return Answer.CONFLICT
        before = None if entry.held is None else self._held.get(entry.held.event_id)
        if before is not None:  # who goes on saw it, and wants both
            before.now.set()
        held = _Held(wish, entry, before)
        self._held[wish.action_id] = held
        self._board.hold(entry, wish.done)
        held.task = asyncio.create_task(self._write_later(held))
        self._on_phase(wish, Phase.HELD)
        return Answer.HELD

    def undo(self, action_id: str, alert_id: str) -> bool:
        """Take an action back, and return whether it is not written, and never will be.

        One that is not known, as after a crash, is not taken any more when it is sent again.
        """
        held, entry = self._held.get(action_id), self._board.get(alert_id)
        if held is None:
            if entry is not None and _is_written(entry, action_id):
                return False
        elif held.writing or held.now.is_set():
            return False
        self._undone[action_id] = None
        if len(self._undone) > _MOST_UNDONE:
            del self._undone[next(iter(self._undone))]
        if held is not None:
            held.now.set()
            self._drop(held)
        return True

    def phase(self, action_id: str) -> Phase:
        """Return where an action stands that was taken."""
        if action_id in self._undone:
            return Phase.UNDONE
        return Phase.HELD if action_id in self._held else Phase.WRITTEN

    async def stop(self) -> None:
        """Write at once what is held; what Kafka does not take in some seconds is lost, and counted."""
        self._stopping.set()
        tasks = [one.task for one in self._held.values() if one.task is not None]
        for one in self._held.values():
            one.now.set()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_LAST_SECONDS)
            for task in late:
                task.cancel()
            if self._held:
                log.error("%d dispositions were not written: Kafka did not take them", len(self._held))

    async def _write_later(self, held: _Held) -> None:
        await _passed(held.now, self._undo_seconds)
        if held.before is not None and held.before.task is not None:
            await asyncio.wait([held.before.task])
            held.before = None
        if held.wish.action_id not in self._held:
            return
        held.writing = True
        disposition = held.wish.disposition(held.entry.customer_id)
        while True:
            if self._board.get(held.wish.alert_id) is not held.entry:  # the customer was erased
                self._drop(held)
                return
            try:
                await self._writer.write(disposition)
            except Exception as error:  # noqa: BLE001 - what failed must not be lost: nobody else has it
                known = isinstance(error, KafkaUnavailableError)  # another's text may show the record
                log.warning("a disposition is not written yet: %s", error if known else type(error).__name__)
                self._on_phase(held.wish, Phase.LATE)
                if self._stopping.is_set():
                    return
                await _passed(self._stopping, _AGAIN_SECONDS)
            else:
                break
        del self._held[held.wish.action_id]
        if held.entry.held is held.wish.done:
            held.entry.held = None
        # What was just written need not be waited for.
        self._board.take_dispositions([disposition])
        self._on_phase(held.wish, Phase.WRITTEN)

    def _drop(self, held: _Held) -> None:
        del self._held[held.wish.action_id]
        if held.entry.held is held.wish.done:
            before = held.before  # it may be late, and is then what still waits
            waits = before is not None and self._held.get(before.wish.action_id) is before
            self._board.hold(held.entry, before.wish.done if before is not None and waits else None)
        self._on_phase(held.wish, Phase.UNDONE)


def _is_written(entry: Entry, action_id: str) -> bool:
    return any(one.event_id == action_id for one in entry.dispositions)


async def _passed(event: asyncio.Event, seconds: float) -> None:
    """Return when something is set, or after some seconds."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
