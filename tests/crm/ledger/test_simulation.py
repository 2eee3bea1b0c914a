"""Random histories, batches, crashes and outcomes against a naive model, and what has to hold of them all."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from typing_extensions import override

from schemas.alert import Alert
from streams.crm.cases.policy import Policy
from streams.crm.cases.standing import Standing
from streams.crm.ledger.ledger import Ledger
from streams.crm.ledger.rows import AlertRead, Listed, ProfileRead
from streams.crm.wire import Kind, Rendered, Request
from tests.crm.ledger.naive import Naive
from tests.crm.ledger.records import CUSTOMERS, DAY, NOON, TOPIC, alert, id_of, quick, words

HOUR: Final = 3_600_000
WINDOW: Final = 600_000
ZONES: Final = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
# Shortly before a clock changes, somewhere.
STARTS: Final = (NOON, NOON + 8 * DAY, NOON + 15 * DAY, NOON + 198 * DAY, NOON + 218 * DAY, NOON + 225 * DAY)


class Crash(BaseException):
    """The process ends here."""


class Fragile(sqlite3.Connection):
    """A connection whose process may end before or after any statement."""

    left = -1
    """How many statements are left; below 0: endless."""
    after = False
    """Whether it ends after the last one rather than before."""
    committed = False
    """Whether that was the end of a transaction, and it was done."""

    @override
    def execute(self, *args: Any) -> sqlite3.Cursor:
        return self._run(super().execute, *args)

    @override
    def executemany(self, *args: Any) -> sqlite3.Cursor:
        return self._run(super().executemany, *args)

    @override
    def rollback(self) -> None:
        raise Crash  # who is dead does not tidy up

    def _run(self, run: Callable[..., sqlite3.Cursor], statement: str, *args: Any) -> sqlite3.Cursor:
        Fragile.left -= 1
        if Fragile.left == 0 and not Fragile.after:
            raise Crash
        cursor = run(statement, *args)
        if Fragile.left == 0:
            Fragile.committed = statement == "COMMIT"
            raise Crash
        return cursor


class World:
    """A topic, a ledger that reads it, a CRM, and the model."""

    def __init__(self, path: Path, seed: int) -> None:
        self.random = Random(seed)
        draw = self.random
        self.now = draw.choice(STARTS) + draw.randrange(HOUR)
        budgets: dict[Any, int | None] = {
            "alert": draw.choice([None, 0, 1, 3]),
            "watch": draw.choice([None, 0, 2]),
        }
        quiet, backfill, zone = draw.choice([0, DAY]), draw.random() < 0.2, draw.choice(ZONES)
        self.model = Naive(budgets=budgets, window=WINDOW, zone=zone, quiet=quiet, backfill=backfill)
        self.policy = Policy(budgets, WINDOW, self.model.zone, quiet, backfill)
        self.path = path
        self.topic: list[Alert | None] = []
        self.newest: dict[str, Alert] = {}
        self.profiles: list[ProfileRead] = []
        self.erased: set[str] = set()
        self.read_to = 0
        self.told_profiles = 0
        self.caught_up = False
        self.received: dict[str, bytes] = {}
        self.ever: set[str] = set()
        self.order: dict[str, list[tuple[str, int]]] = defaultdict(list)
        self.admissions: dict[tuple[str, int], str] = {}
        self.admitted: Counter[tuple[str, str]] = Counter()
        self.crashes = 0
        self.ledger = quick(Ledger.open(path, policy=self.policy))

    # The worlds beside the bridge

    def write(self) -> None:
        """Let a few things happen to customers."""
        for _ in range(self.random.randrange(1, 6)):
            name = f"a{self.random.randrange(24)}"
            customer = "retention-canary-1" if name == "a0" else f"customer-{int(name[1:]) // 2:02}."
            if self.random.random() < 0.05:
                self.topic.append(None)  # what is no alert
            if customer not in self.erased:
                self.topic.append(self._revision(name, customer))
        if self.random.random() < 0.15:
            self._profile(f"customer-{self.random.randrange(12):02}.")

    def _revision(self, name: str, customer: str, *, erased: bool = False) -> Alert:
        before = self.newest.get(name)
        opens = before is None or before.state == "resolved"
        resolved = erased or (not opens and self.random.random() < 0.3) or self.random.random() < 0.02
        was_alert = before is not None and before.level == "alert" and not opens
        new = alert(
            name,
            (before.revision if before else 0) + 1,
            "resolved" if resolved else "raised" if opens else "updated",
            customer=customer,
            value=self.random.randrange(100, 2_000),
            level="alert" if was_alert or self.random.random() < 0.5 else "watch",
            backfill=self.random.random() < 0.15,
            **({"resolution": "erased"} if erased else {}),
        )
        self.newest[name] = new
        return new

    def _profile(self, customer: str) -> None:
        if customer in self.erased:
            return
        at = len(self.profiles)
        if self.random.random() < 0.15:
            self.erased.add(customer)
            self.profiles.append(ProfileRead(CUSTOMERS, 0, at, customer, erased=True))
            for name, newest in list(self.newest.items()):
                if newest.customer_id == customer and newest.state != "resolved":
                    self.topic.append(self._revision(name, customer, erased=True))
        else:
            account = self.random.choice(["x", "y", None])
            self.profiles.append(ProfileRead(CUSTOMERS, 0, at, customer, account_id=account))

    # The bridge

    def do(self, real: Callable[[], Any], model: Callable[[], Any]) -> bool:
        """Do something in both; the real one may crash in the middle. Return whether it was not."""
        Fragile.committed = False
        Fragile.left = self.random.randrange(1, 25) if self.random.random() < 0.12 else -1
        Fragile.after = self.random.random() < 0.5
        try:
            real()
        except Crash:
            self.crashes += 1
            if Fragile.committed:
                model()
            Fragile.left = -1
            self.start_again()
            return False
        Fragile.left = -1
        model()
        return True

    def start_again(self) -> None:
        """Open the ledger as a new process does."""
        self.ledger.close()
        self.ledger = quick(Ledger.open(self.path, policy=self.policy))
        self.caught_up = False
        positions = self.ledger.positions()
        self.read_to = positions.get((TOPIC, 0), 0)
        self.told_profiles = positions.get((CUSTOMERS, 0), 0)

    def read(self) -> None:
        """Read on, perhaps some of it again, up to somewhere."""
        first = max(0, self.read_to - self.random.choice([0, 0, 0, 1, 5]))
        until = self.random.randint(self.read_to, len(self.topic)) if self.caught_up else len(self.topic)
        batch = [AlertRead(TOPIC, 0, first + at, one) for at, one in enumerate(self.topic[first:until])]
        now = self.now

        def model() -> None:
            for one in batch:
                if one.alert is not None:
                    self.model.read(one.alert, now)

        if self.do(lambda: self.ledger.take(batch, now), model):
            self.read_to = until
        profiles = self.profiles[max(0, self.told_profiles - self.random.choice([0, 2])) :]
        if self.do(lambda: self.ledger.take_profiles(profiles, now), partial(self._model_profiles, profiles)):
            self.told_profiles = len(self.profiles)
        if (self.read_to, self.told_profiles) == (len(self.topic), len(self.profiles)) and not self.caught_up:
            self.caught_up = self.do(lambda: self.ledger.caught_up(now), lambda: self.model.start(now))

    def _model_profiles(self, profiles: list[ProfileRead]) -> None:
        for one in profiles:
            assert one.customer_id is not None
            if one.offset < self.told_profiles:
                continue
            if one.erased:
                self.model.erase(one.customer_id)
            elif one.account_id is None:
                self.model.accounts.pop(one.customer_id, None)
            else:
                self.model.accounts[one.customer_id] = one.account_id

    def admit(self) -> None:
        """Admit, if all was read since the start."""
        caught_up, now = self.caught_up, self.now
        self.do(lambda: self.ledger.admit(now), lambda: self.model.admit(now) if caught_up else None)

    def send(self) -> None:
        """Send some of what is due, with luck or without."""
        due = self.ledger.due(self.now, 1_000)
        assert sorted((one.message_id, one.kind.value) for one in due) == self.model.due(self.now)
        for message in due[: self.random.randrange(1, 8)]:
            rendered = message.rendered
            if rendered is None:
                body = f"{message.kind} {message.alert.value_at_risk} {self.random.random()}"
                rendered = Rendered(Request("POST", "/", body.encode()))
            kept = partial(self.ledger.store_body, message.message_id, rendered, self.now)
            if not self.do(kept, partial(self.model.sent, message.message_id)):
                return
            luck = self.random.random()
            if luck < 0.75:
                self._receive(message.message_id, message.kind.value, rendered.request.body)
                outcome: tuple[Callable[[], Any], Callable[[], Any]] = (
                    partial(self.ledger.delivered, message.message_id, self.now),
                    partial(self.model.delivered, message.message_id, self.now),
                )
            elif luck < 0.9:
                if luck < 0.82:  # it came, but the answer did not
                    self._receive(message.message_id, message.kind.value, rendered.request.body)
                later, untaken = self.now + self.random.randrange(HOUR), luck > 0.86
                outcome = (
                    partial(self.ledger.retry, message.message_id, later, "timeout", untaken=untaken),
                    partial(self.model.retry, message.message_id, later, untaken=untaken),
                )
            else:
                if luck < 0.93:
                    self._receive(message.message_id, message.kind.value, rendered.request.body)
                end, untaken = partial(self.ledger.give_up, message.message_id, "a word"), luck > 0.95
                gone = luck > 0.98 and message.kind in {Kind.UPDATE, Kind.REFRESH}
                outcome = (
                    partial(end, self.now, untaken=untaken, gone=gone),
                    partial(self.model.give_up, message.message_id, self.now, untaken=untaken, gone=gone),
                )
            if not self.do(*outcome):
                return

    def _receive(self, message_id: str, kind: str, body: bytes) -> None:
        """Let the CRM have a message: one that comes again has the same bytes."""
        if message_id in self.received:
            assert self.received[message_id] == body
            return
        self.received[message_id] = body
        alert_id, revision, *_ = message_id.split("/")
        if message_id not in self.ever:
            self.ever.add(message_id)
            self.order[alert_id].append((kind, int(revision)))

    def refresh(self) -> None:
        """Tell how things stand."""
        now, every = self.now, 3 * HOUR
        due = sorted(one.alert_id for one in self.ledger.refresh_due(now, every))

        def real() -> None:
            for alert_id in due:
                assert self.ledger.queue_refresh(alert_id, now)

        Fragile.left = -1
        real()
        assert due == self.model.refresh(now, every)

    def resend(self) -> None:
        """Send again what was given up; a body that is made anew counts as another."""
        given_up = {one.message_id for one in self.ledger.given_up(limit=1_000)}
        for message_id in given_up:
            self.received.pop(message_id or "", None)
        now = self.now
        self.do(lambda: self.ledger.resend(None, now), lambda: self.model.resend(now))

    def step(self) -> None:
        """Let something happen, and compare."""
        act = self.random.choices(
            [self.write, self.read, self.admit, self.send, self.refresh, self.resend, self.wait],
            [4, 6, 6, 6, 1, 0.3, 4],
        )[0]
        act()
        self.compare()

    def wait(self) -> None:
        """Let time pass."""
        self.now += self.random.choice([1, 1_000, WINDOW // 3, WINDOW - self.now % WINDOW, HOUR, 7 * HOUR])

    # What has to hold

    def compare(self) -> None:
        """Compare with the model, and look at who is newly admitted."""
        listed = self.ledger.listing(limit=10_000, customers=True)
        seen = {one.alert_id: (one.revision, one.standing.value, one.why, _state(one)) for one in listed}
        assert seen == {
            alert_id: (
                case.alert.revision,
                case.standing,
                case.why,
                (case.posts[-1].id, case.posts[-1].kind, case.posts[-1].state) if case.posts else None,
            )
            for alert_id, case in self.model.cases.items()
        }
        assert set(seen) == {one.alert_id for one in self.topic[: self.read_to] if one is not None}
        for one in listed:
            admission = (one.alert_id, one.admitted_ms or 0)
            if one.admitted_ms is not None and admission not in self.admissions:
                assert one.admitted_ms == self.now
                self.admissions[admission] = one.level
                if one.alert_id != id_of("a0"):
                    self.admitted[self.model.day(self.now), one.level] += 1
        for (_, level), count in self.admitted.items():
            budget = self.model.budgets.get(level)
            assert budget is None or count <= budget

    def finish(self) -> None:
        """Deliver all that can be, and look back."""
        self.start_again()
        while not self.caught_up:
            self.read()
        while self.ledger.given_up():
            self.resend()
            while not self.caught_up:
                self.read()
        self.compare()
        for alert_id, order in self.order.items():
            revisions = [revision for _, revision in order]
            assert revisions == sorted(revisions), alert_id
            before = "close"
            for kind, _ in order:  # create, then others, then close; a lost close is followed by a create
                assert kind != "close" or before != "close" or alert_id in self.model.doubted, order
                before = kind
        for _ in range(1_000):
            due = self.ledger.due(self.now, 1_000)
            for message in due:
                self.ledger.delivered(message.message_id, self.now)
                self.model.delivered(message.message_id, self.now)
                body = message.rendered.request.body if message.rendered else b""
                self._receive(message.message_id, message.kind.value, body)
            self.now += 0 if due else HOUR
            if not self.ledger.figures().queued:
                break
        assert self.ledger.figures().queued == 0
        self.compare()
        self._nothing_lost()

    def _nothing_lost(self) -> None:
        """Each revision since an admission went, or was given up, or was dropped with its create."""
        rows = self.ledger._connection.execute("SELECT message_id, state FROM messages").fetchall()
        states = {row["message_id"]: row["state"] for row in rows}
        for case in self.model.cases.values():
            order = self.order[case.alert.alert_id]
            closed = case.deleted or not order or order[-1][0] == "close"
            assert case.open or closed, order  # none stays open in the CRM
            for post in case.posts:
                assert states[post.id] == post.state, post
                assert post.state != "delivered" or post.id in self.received
            if case.standing == "admitted" and case.open:
                assert case.posts[-1].id.split("/")[1] == str(case.alert.revision)
            if case.standing in {"admitted", "done"}:
                last = max(at for at, post in enumerate(case.posts) if post.kind == "create")
                since = [int(post.id.split("/")[1]) for post in case.posts[last:] if post.kind != "refresh"]
                assert since == list(range(since[0], since[0] + len(since)))
        kept = words(self.path)
        assert not [customer for customer in self.erased if customer in kept]


def _state(one: Listed) -> tuple[str | None, str | None, str | None] | None:
    return None if one.message_id is None else (one.message_id, one.kind and one.kind.value, one.state)


@pytest.fixture(autouse=True)
def _fragile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Fragile))
    monkeypatch.setattr(Fragile, "left", -1)


def _play(tmp_path: Path, seed: int, steps: int) -> World:
    print(f"seed {seed}")
    world = World(tmp_path / f"{seed}.ledger", seed)
    try:
        for _ in range(steps):
            world.step()
        world.finish()
    finally:
        world.ledger.close()
    return world


def test_the_ledger_is_as_the_model_through_crashes(tmp_path: Path) -> None:
    worlds = [_play(tmp_path, seed, 150) for seed in range(8)]
    assert sum(world.crashes for world in worlds) > 20
    assert sum(len(world.ever) for world in worlds) > 100
    standings = {case.standing for world in worlds for case in world.model.cases.values()}
    assert standings == {standing.value for standing in Standing}


@pytest.mark.slow
@pytest.mark.parametrize("tens", range(10))
def test_the_ledger_is_as_the_model_in_many_worlds(tmp_path: Path, tens: int) -> None:
    for seed in range(100 + tens * 10, 110 + tens * 10):
        _play(tmp_path, seed, 400)
