"""The table of a partition's states: its page, and the transitions that end a worker, from every state."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from streams.core.time import DAY_MS
from streams.core.watermark import Input
from streams.runtime.partition.states import TRANSITIONS, Event, State, TransitionError, next_state
from streams.runtime.partition.states_page import page
from streams.runtime.partition.supervisor import PartitionSupervisor
from streams.runtime.partition.work_loop import WorkLoop
from streams.runtime.ports import FencedError, LogError
from tests.runtime.fake_feed import FakeFeed
from tests.runtime.fake_log import FakeLog
from tests.runtime.history import NOW
from tests.runtime.inputs import Scene, scene
from tests.runtime.lines import purchase
from tests.runtime.virtual_time import run

PAGE = Path(__file__).parents[3] / "docs" / "partition-states.md"
TRICKLE = {Input.TRANSACTIONS: [(one * 0.02, purchase("a", NOW - 100 * DAY_MS + one)) for one in range(500)]}
STEPS = {
    State.OPENING: (FakeLog, "fence"),
    State.SERVING: (WorkLoop, "run"),
    State.CONFIRMING: (FakeFeed, "membership_confirmed"),
    State.BACKING_OFF: (PartitionSupervisor, "_back_off"),
    State.PAUSING: (FakeLog, "commit"),
    State.RESUMING: (FakeFeed, "committed"),
}
"""What a supervisor is waiting for in each state in which its task is at work."""


def test_the_page_is_the_table() -> None:
    """When this fails: `python -m streams.runtime.partition.states_page > docs/partition-states.md`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_what_is_not_in_the_table_is_refused() -> None:
    for state in State:
        for event in Event:
            if (state, event) in TRANSITIONS:
                assert next_state(state, event) is TRANSITIONS[state, event]
            else:
                with pytest.raises(TransitionError, match=f"{event} must not happen while {state}"):
                    next_state(state, event)


def test_every_state_can_be_reached_and_every_event_changes_something() -> None:
    reached = {State.RELEASED}
    for _ in State:
        reached |= {after for (state, _), after in TRANSITIONS.items() if state in reached}
    assert reached == set(State)
    assert {event for _, event in TRANSITIONS} == set(Event)


@asynccontextmanager
async def standing(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[PartitionSupervisor, asyncio.Event]]:
    """Give a supervisor in a state, whose step ends in a bug once the event is set."""
    gate = asyncio.Event()

    async def bug(*_: object) -> None:
        await gate.wait()
        raise ZeroDivisionError

    def hold(step: State) -> None:
        monkeypatch.setattr(*STEPS[step], bug)

    if state in {State.OPENING, State.SERVING, State.BACKING_OFF}:
        hold(state)
    async with scene(TRICKLE) as here:
        await asyncio.sleep(2)
        await REACH.get(state, _stay)(here, hold)
        await asyncio.sleep(1)
        supervisor = here.supervisor
        assert supervisor.state is state
        yield supervisor, gate
        here.worker.supervisors.clear()


async def _stay(_here: Scene, _hold: Callable[[State], None]) -> None:
    pass


async def _reach_confirming(here: Scene, hold: Callable[[State], None]) -> None:
    hold(State.CONFIRMING)
    here.broker.epoch += 1  # as if another processor had opened it


async def _reach_backing_off(here: Scene, _hold: Callable[[State], None]) -> None:
    here.broker.trouble = 1.0


async def _reach_pausing(here: Scene, hold: Callable[[State], None]) -> None:
    hold(State.PAUSING)
    revoking = asyncio.create_task(here.supervisor.revoke())
    revoking.add_done_callback(asyncio.Task.result)


async def _reach_paused(here: Scene, _hold: Callable[[State], None]) -> None:
    await here.supervisor.revoke()


async def _reach_resuming(here: Scene, hold: Callable[[State], None]) -> None:
    hold(State.RESUMING)
    await here.supervisor.revoke()
    here.supervisor.assign()


async def _reach_released(here: Scene, _hold: Callable[[State], None]) -> None:
    await here.supervisor.close()
    here.worker.supervisors[0] = here.worker._new_supervisor(0)


async def _reach_failed(here: Scene, _hold: Callable[[State], None]) -> None:
    work = here.supervisor._work
    assert work is not None
    work.inbox.append(None)  # type: ignore[arg-type] # no batch: a bug


REACH: dict[State, Callable[[Scene, Callable[[State], None]], Awaitable[None]]] = {
    State.CONFIRMING: _reach_confirming,
    State.BACKING_OFF: _reach_backing_off,
    State.PAUSING: _reach_pausing,
    State.PAUSED: _reach_paused,
    State.RESUMING: _reach_resuming,
    State.RELEASED: _reach_released,
    State.FAILED: _reach_failed,
}


@pytest.mark.parametrize("state", [state for state, event in TRANSITIONS if event is Event.CRASHED])
def test_a_bug_in_any_state_ends_the_worker(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        async with standing(state, monkeypatch) as (supervisor, gate):
            gate.set()
            await asyncio.sleep(0.1)
            assert supervisor.state is State.FAILED
            assert isinstance(supervisor.failure.result(), ZeroDivisionError)
            assert supervisor.busy_since is None
            await supervisor.close()

    run(go())


@pytest.mark.parametrize("state", [state for state, event in TRANSITIONS if event is Event.CLOSED])
def test_it_can_be_closed_in_any_state(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        async with standing(state, monkeypatch) as (supervisor, _):
            await supervisor.close()
            assert supervisor.state is State.CLOSED
            assert supervisor.processor is None
            assert not any(map(supervisor.wants, Input))

    run(go())


def test_a_rebalance_after_a_failure_releases_the_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker ends, but the group may come first."""

    async def go() -> None:
        async with standing(State.FAILED, monkeypatch) as (supervisor, _):
            await supervisor.revoke()
            assert supervisor.state is State.RELEASED
            await supervisor.close()

    run(go())


@pytest.mark.parametrize("state", [State.PAUSING, State.PAUSED, State.RELEASED])
def test_what_is_not_assigned_can_be_revoked(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker may end while the group takes the partition away."""

    async def go() -> None:
        async with standing(state, monkeypatch) as (supervisor, _):
            await supervisor.revoke()
            assert supervisor.state is state
            await supervisor.close()

    run(go())


def test_it_can_be_closed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        async with standing(State.SERVING, monkeypatch) as (supervisor, _):
            await asyncio.gather(supervisor.close(), supervisor.close())
            assert supervisor.state is State.CLOSED

    run(go())


@pytest.mark.parametrize("state", [State.SERVING, State.FAILED, State.PAUSING])
def test_what_the_group_cannot_mean_is_refused(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        async with standing(state, monkeypatch) as (supervisor, _):
            with pytest.raises(TransitionError):
                supervisor.assign()
            assert supervisor.state is state
            await supervisor.close()

    run(go())


def test_who_is_fenced_while_it_opens_waits_for_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fenced(_: FakeLog) -> None:
        raise FencedError

    async def go() -> None:
        monkeypatch.setattr(FakeLog, "fence", fenced)
        async with scene(TRICKLE) as here:
            await asyncio.sleep(0.1)
            assert here.supervisor.state is State.CONFIRMING

    run(go())


def test_a_restore_is_busy_from_its_last_record_on_however_often_it_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The watchdog ends a restore that has not come on for long, not one that takes long."""

    async def slow(_: FakeLog) -> AsyncIterator[list[tuple[bytes, bytes | None]]]:
        for _record in range(3):
            await asyncio.sleep(10)
            yield [(b"key", None)]
        await asyncio.sleep(1_000)

    async def go() -> list[float | None]:
        monkeypatch.setattr(FakeLog, "restore", slow)
        seen = []
        async with scene(TRICKLE) as here:
            await asyncio.sleep(1)
            for _ in range(8):
                await asyncio.sleep(5)
                seen += [here.supervisor.busy_since] * 2
        return seen

    assert run(go()) == [at for at in (0, 10, 10, 20, 20, 30, 30, 30) for _ in range(2)]


def test_a_failed_restore_is_not_busy_while_its_log_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fencing may take as long as the watchdog allows; what follows must not be counted on top."""

    async def fails(_: FakeLog) -> None:
        await asyncio.sleep(60)
        raise LogError("no answer in time")

    async def slow(_: FakeLog) -> None:
        await asyncio.sleep(5)

    async def go() -> None:
        monkeypatch.setattr(FakeLog, "fence", fails)
        monkeypatch.setattr(FakeLog, "close", slow)
        async with scene(TRICKLE) as here:
            await asyncio.sleep(59)
            assert here.supervisor.busy_since is not None
            await asyncio.sleep(2)
            assert here.supervisor.state is State.OPENING
            assert here.supervisor.busy_since is None

    run(go())
