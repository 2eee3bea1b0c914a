"""R13 and the bridge: a CRM that is slow and fails, a bridge and a broker that are killed as they deliver."""

import random
import sqlite3
import time
from contextlib import ExitStack, closing
from typing import Any, Final

from bench.chaos.outcome import Outcome
from bench.chaos.place import Place, Say, Scale
from bench.chaos.rows import Row
from bench.chaos.wire import Differs
from schemas.alert import Alert
from streams.runtime.local_kafka.broker import FragileBroker
from streams.settings import Settings
from tests.kafka.commands import until
from tests.kafka.crm.processes import Bridge, Crm, send_alerts
from tests.kafka.crm.test_bridge import cases_in, in_turns, record

_UPDATED, _RESOLVED = 0.15, 0.15
_SLOW: Final = ("--rate", 50, "--fail", 0.05, "--hang", 0.01, "--slow", 0.02, "--slow-seconds", 0.3)
_QUICK: Final = ("--fail", 0.05, "--hang", 0.002, "--slow", 0.05, "--slow-seconds", 0.2)
_LIMITS: Final[dict[str, Any]] = {"requests_per_second": 80, "concurrency": 16, "timeout_seconds": 1}
_UNHURRIED: Final[dict[str, Any]] = {"requests_per_second": 400, "concurrency": 16, "timeout_seconds": 1}
_AWAY_SECONDS: Final = 2.0
_PATIENCE: Final = 600.0
_TESTS: Final = "tests/kafka/crm"


def slow_crm(place: Place, scale: Scale, say: Say) -> Outcome:
    """Deliver to a CRM that takes 50 requests a second, and kill the bridge between effect and commit."""
    alerts, kills = scale.of(small=(150, 2), long=(10_000, 20))
    with ExitStack() as stack:
        run = _Delivery(place, place.settings(), stack, _SLOW, _LIMITS, say)
        chunks = _chunks(run.histories(alerts), 1, place.rng)
        run.send(chunks[0])
        while run.between < kills:
            assert run.kills < 5 * kills, "it is never killed between effect and commit"
            run.kill()
        run.finish(alerts)
        return run.outcome("R13")


def killed(place: Place, scale: Scale, say: Say) -> Outcome:
    """Kill bridge and broker in turns while alerts come in."""
    alerts, kills, outages = scale.of(small=(400, 2, 1), long=(10_000, 20, 5))
    with place.own_broker() as broker, ExitStack() as stack:
        run = _Delivery(place, place.settings(broker), stack, _QUICK, _UNHURRIED, say)
        chunks = _chunks(run.histories(alerts), kills + outages, place.rng)
        turns = place.rng.sample(["bridge"] * kills + ["broker"] * outages, kills + outages)
        for turn, chunk in zip(turns, chunks, strict=True):
            run.send(chunk)
            if turn == "bridge":
                run.kill(behind=5)
            else:
                run.outage(broker, clean=bool(place.rng.random() < 0.3))
        run.finish(alerts)
        return run.outcome("bridge")


class _Delivery:
    """A sandbox, and one bridge after the other with the same ledger."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a delivery is made of
        self,
        place: Place,
        settings: Settings,
        stack: ExitStack,
        faults: tuple[object, ...],
        limits: dict[str, Any],
        say: Say,
    ) -> None:
        self._settings, self._rng, self._limits, self._say = settings, place.rng, limits, say
        self._crm = Crm(settings, place.folder, *faults, "--after-effect", "--seed", place.seed % 1000)
        stack.callback(self._crm.sandbox.kill)
        self._bridge: Bridge = self._crm.bridge(**limits)
        stack.callback(self._end)
        until(lambda: self._bridge.ready)
        self._histories: list[list[Alert]] = []
        self.kills = 0
        self.between = 0
        """Kills that came after an effect in the CRM of which the ledger did not know."""
        self._crashes = self._restarts = 0
        self._began = time.monotonic()

    def _end(self) -> None:
        self._bridge.kill()

    def histories(self, alerts: int) -> list[list[Alert]]:
        """Draw the records of so many alerts: raised, perhaps updated, perhaps resolved."""
        for number in range(alerts):
            states = ["raised", *["updated"] * (self._rng.random() < _UPDATED)]
            states += ["resolved"] * (self._rng.random() < _RESOLVED)
            self._histories.append([record(number, at, state) for at, state in enumerate(states, 1)])
        return self._histories

    def send(self, records: list[Alert]) -> None:
        """Write alert records as a worker does."""
        send_alerts(self._settings, records)

    def kill(self, behind: int = 20) -> None:
        """Kill the bridge at any moment once it has delivered so many more messages, and start the next."""
        before = self._requests()
        until(lambda: self._requests() > before + behind or self._bridge.is_quiet)
        time.sleep(self._rng.random() / 4)
        self._bridge.kill()
        self.kills += 1
        unknown = self._unknown()
        self.between += unknown > 0
        self._say(
            f"{self.kills} killed, {self.between} of them between effect and commit ({unknown} messages); "
            f"{len(self._crm.messages()):,} messages there"
        )
        self._bridge = self._crm.bridge(**self._limits)
        until(lambda: self._bridge.ready)

    def outage(self, broker: FragileBroker, *, clean: bool) -> None:
        """End the broker as the bridge is at work, and start it again."""
        (broker.stop if clean else broker.kill)()
        self._restarts, self._crashes = self._restarts + clean, self._crashes + (not clean)
        time.sleep(_AWAY_SECONDS)
        broker.restart()
        self._say(f"the broker is back ({'restarted' if clean else 'killed'})")
        until(lambda: self._bridge.ready, 120)

    def finish(self, alerts: int) -> None:
        """Wait until all is delivered, and end."""
        # Not yet quiet while the last alerts are not read: all that is known must have come to an end.
        until(lambda: cases_in(self._crm).total() == alerts and self._bridge.is_quiet, _PATIENCE)
        self._bridge.kill()
        self._crm.sandbox.kill()

    def outcome(self, row: str) -> Outcome:
        """Compare what the CRM has with what was sent."""
        found: dict[str, list[dict[str, Any]]] = {}
        for message in self._crm.messages():
            found.setdefault(message["alert_id"], []).append(message)
        differs, never = Differs(), 0
        for history in self._histories:
            there = found.pop(history[0].alert_id, [])
            never += not there
            differs = differs.plus(_differs(there, history))
        phantom = sum(map(len, found.values()))
        tries = self._crm.tries()
        faults = {f"request that met: {name}": number for name, number in tries.items() if name is not None}
        faults |= {"SIGKILL of the bridge": self.kills, "between effect and commit": self.between}
        if row != "R13":
            faults |= {"crash or clean restart of the broker": self._crashes + self._restarts}
        messages = self._crm.messages()
        return Outcome(
            row=row,
            what="",
            trials=self.kills + self._crashes + self._restarts,
            events=sum(map(len, self._histories)),
            faults=faults,
            lost=differs.lost,
            doubled=differs.doubled,
            phantom=differs.phantom + phantom,
            figures={
                "alerts": len(self._histories),
                "messages": len(messages),
                "requests": sum(tries.values()),
                "requests that changed nothing, the CRM had them": sum(tries.values()) - len(messages),
                "alerts resolved before they were delivered": never,
                "messages a second": len(messages) / (time.monotonic() - self._began),
            },
        )

    def _requests(self) -> int:
        return sum(self._crm.tries().values())

    def _unknown(self) -> int:
        """Return how many messages the CRM has of which the ledger does not know that."""
        with closing(sqlite3.connect(self._crm.ledger)) as ledger:
            queued = {
                one for (one,) in ledger.execute("SELECT message_id FROM messages WHERE state = 'queued'")
            }
        return sum(message["webhook_id"] in queued for message in self._crm.messages())


def _differs(there: list[dict[str, Any]], history: list[Alert]) -> Differs:
    """Compare the messages of an alert with its records.

    What came before a case was admitted is in its first message; after that each revision is one. One that
    was resolved before has none.
    """
    wanted = [one.event_id for one in history]
    ids = [message["webhook_id"] for message in there]
    if not there:
        return Differs(lost=int(history[-1].state != "resolved"))
    suffix = wanted[-len(set(ids) & set(wanted)) :]
    again = len(ids) - len(set(ids)) + max(0, sum(message["kind"] == "create" for message in there) - 1)
    strange = len(set(ids) - set(wanted))
    missing = len(set(suffix) - set(ids))
    in_order = [one for one in ids if one in suffix] == suffix and there[0]["kind"] == "create"
    return Differs(missing or int(not in_order), again, strange)


def _chunks(histories: list[list[Alert]], many: int, rng: random.Random) -> list[list[Alert]]:
    """Return all records in turns, in so many parts: those of an alert stay in their order."""
    records = in_turns(histories, rng)
    size = -(-len(records) // many)
    return [records[at * size : (at + 1) * size] for at in range(many)]


ROWS: Final = (
    Row(
        "R13",
        "a CRM of 50 requests/s, errors and time-outs after the effect, the bridge killed before it knew",
        slow_crm,
        (f"{_TESTS}/test_bridge.py::test_each_alert_is_delivered_once_whatever_fails",),
    ),
    Row(
        "bridge",
        "bridge and broker killed in turns while alerts come in, and a CRM that fails after the effect",
        killed,
        (f"{_TESTS}/test_bridge.py", f"{_TESTS}/test_outage.py"),
    ),
)
