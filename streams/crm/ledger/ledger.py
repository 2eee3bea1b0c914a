"""The ledger as the bridge sees it."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection
from threading import Lock
from types import TracebackType
from typing import Final, Self

from typing_extensions import override

from streams.crm.cases.policy import Policy
from streams.crm.cases.standing import Standing
from streams.crm.ledger import admission, answers, deliveries, erasure, intake, listing
from streams.crm.ledger.file import lock, make_or_open, open_existing, reading, transaction
from streams.crm.ledger.rows import (
    Admission,
    AlertRead,
    Figures,
    Listed,
    Message,
    ProfileRead,
    Refreshable,
    Resent,
    Taken,
)
from streams.crm.wire import Rendered

_BACK_MS: Final = 60_000
"""By less a clock is set right all the time."""


class _Opened:
    """An open file, and what anybody may ask of it. All methods may raise LedgerError."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turn = Lock()

    def close(self) -> None:
        """Close the file."""
        with self._turn:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def figures(self) -> Figures:
        """Return what the metrics tell."""
        with self._reading() as connection:
            return listing.figures(connection)

    def listing(
        self, *, standings: Collection[Standing] = (), limit: int = 100, customers: bool = False
    ) -> list[Listed]:
        """Return cases, of some standings only, highest value first; customer ids only if asked for."""
        with self._reading() as connection:
            return listing.listing(connection, standings, limit, customers=customers)

    def given_up(self, *, limit: int = 100, customers: bool = False) -> list[Listed]:
        """Return the messages that were given up, oldest first, each with its case."""
        with self._reading() as connection:
            return listing.given_up(connection, limit, customers=customers)

    def resend(self, message_ids: Collection[str] | None, now_ms: int) -> Resent:
        """Queue messages that were given up again, or all of them (None), with a body that is made anew.

        Only the newest message of an alert goes, and while it is open or to close it: anything older would
        tell the CRM what is no longer so. The others are dropped.
        """
        with self._writing() as connection:
            return deliveries.resend(connection, message_ids, now_ms)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._turn, reading(self._connection) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._turn, transaction(self._connection) as connection:
            yield connection


class Visit(_Opened):
    """A ledger that may belong to a running bridge: what the commands beside it read, and `resend`.

    Takes no lock.
    """

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a ledger that exists. Raises LedgerError."""
        return cls(open_existing(path))


class Ledger(_Opened):
    """The ledger of a running bridge: one at a time, by a lock on `{path}.lock`.

    Every method is one transaction: done wholly, and on disk, or not at all. Threads may share it. Its clock
    is the caller's `now_ms`.
    """

    def __init__(self, connection: Connection, policy: Policy, lock_descriptor: int) -> None:
        super().__init__(connection)
        self._policy = policy
        self._lock_descriptor = lock_descriptor
        self._caught_up = False
        self._admitted_ms = 0

    @classmethod
    def open(cls, path: Path, *, policy: Policy) -> Self:
        """Open a ledger, or make it. Raises LockedError if another has it; LedgerError."""
        descriptor = lock(path)
        try:
            return cls(make_or_open(path), policy, descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    @override
    def close(self) -> None:
        """Close the file, and give the lock back."""
        super().close()
        if self._lock_descriptor >= 0:
            os.close(self._lock_descriptor)
            self._lock_descriptor = -1

    # What is read ---------------------------------------------------------------------------------------

    def positions(self) -> Mapping[tuple[str, int], int]:
        """Return the next offset to read by topic and partition; those never read from are not in it."""
        with self._reading() as connection:
            return intake.positions(connection)

    def topic_ids(self, ids: Mapping[str, str]) -> Mapping[str, str]:
        """Return the ids that these topics, by name, had when they were first read; now, if that is now."""
        with self._writing() as connection:
            return intake.topic_ids(connection, ids)

    def take(self, records: Iterable[AlertRead], now_ms: int) -> Taken:
        """Take alert records, in the order of the topic, and their positions.

        Known ones, by position or revision, change nothing. A revision of an admitted case makes a message,
        any other changes what waits.
        """
        with self._writing() as connection:
            return intake.take(connection, self._policy, records, now_ms)

    def take_profiles(self, records: Iterable[ProfileRead], now_ms: int) -> None:
        """Take what is known of customers, and positions. Erases customers whose record is null."""
        with self._writing() as connection:
            intake.take_profiles(connection, records, now_ms)

    def caught_up(self, now_ms: int) -> None:
        """Say that the topics were read to where they ended at the start: from now on cases are admitted.

        All candidates are looked at anew, at the end of the present window where there is a budget.
        """
        with self._writing() as connection:
            admission.look_anew(connection, self._policy, now_ms)
        self._caught_up = True

    # What goes out --------------------------------------------------------------------------------------

    def admit(self, now_ms: int) -> Admission:
        """Look at the candidates whose time has come. Nothing before `caught_up`. Cheap if there are none.

        If the clock went back, what was planned by it is planned anew.
        """
        went_back, self._admitted_ms = now_ms < self._admitted_ms - _BACK_MS, now_ms
        if went_back and self._caught_up:
            self.caught_up(now_ms)
        with self._reading() as connection:
            if not self._caught_up or not admission.waits(connection, now_ms):
                return Admission()
        with self._writing() as connection:
            return admission.admit(connection, self._policy, now_ms)

    def due(
        self,
        now_ms: int,
        most: int,
        under_way: Collection[str] = (),
        *,
        canary: bool | None = None,
        least_tried: bool = False,
    ) -> list[Message]:
        """Return up to `most` messages to send now, the longest due first, one an alert.

        `under_way` are the alert_ids about which the caller is sending something. `canary` asks for those of
        the canary only, or for all others; `least_tried` for what was tried least before the longest due.
        """
        with self._reading() as connection:
            return deliveries.due(connection, now_ms, most, under_way, canary=canary, least_tried=least_tried)

    def store_body(self, message_id: str, rendered: Rendered, now_ms: int) -> None:
        """Keep what is about to be sent; of a create also that the CRM may have it from now on."""
        with self._writing() as connection:
            deliveries.store_body(connection, message_id, rendered, now_ms)

    def delivered(self, message_id: str, now_ms: int, told: str | None = None) -> None:
        """Say that the CRM has a message; `told` is a fingerprint of what it told, None: as before.

        The next of the alert is due at once. After a close the case is done. The body goes.
        """
        with self._writing() as connection:
            deliveries.delivered(connection, message_id, now_ms, told)

    def retry(self, message_id: str, next_ms: int, reason: str, *, untaken: bool = False) -> None:
        """Say that a try failed, and when the next is due; `untaken`: the CRM has clearly done nothing."""
        with self._writing() as connection:
            deliveries.retry(connection, message_id, next_ms, reason, untaken=untaken)

    def give_up(
        self, message_id: str, reason: str, now_ms: int, *, untaken: bool = False, gone: bool = False
    ) -> None:
        """Say that a message is not tried any more; it is kept for `resend`. The next of the alert is due.

        After a create the next one becomes the create. A close is dropped then, unless a try of the create
        had no clear answer: the CRM may have the case. `untaken`: the last try has clearly done nothing.
        `gone`: the CRM says that it does not have the case any more; the next revision creates it.
        """
        with self._writing() as connection:
            deliveries.give_up(connection, message_id, reason, now_ms, untaken=untaken, gone=gone)

    def refresh_due(self, now_ms: int, every_ms: int, most: int = 100) -> list[Refreshable]:
        """Return open cases in the CRM with nothing queued, not snoozed, told or looked at `every_ms` ago.

        Those of customers whose wish not to be contacted has changed at once, and snoozed ones too.
        """
        with self._reading() as connection:
            return deliveries.refresh_due(connection, now_ms, every_ms, most)

    def queue_refresh(self, alert_id: str, now_ms: int) -> str | None:
        """Queue how things stand now, and return its message id; None if the case is not fit for it now."""
        with self._writing() as connection:
            return deliveries.queue_refresh(connection, alert_id, now_ms)

    def nothing_new(self, alert_id: str, now_ms: int) -> None:
        """Say that a case of `refresh_due` was looked at, and that there is nothing to tell."""
        with self._writing() as connection:
            deliveries.nothing_new(connection, alert_id, now_ms)

    # What comes back ------------------------------------------------------------------------------------

    def customer_of(self, alert_id: str) -> str | None:
        """Return whose alert it is; None if it is unknown, or its customer erased."""
        with self._reading() as connection:
            return answers.customer_of(connection, alert_id)

    def disposition_seen(self, webhook_id: str) -> bool:
        """Return whether a disposition was done; ids are kept for 400 days."""
        with self._reading() as connection:
            return answers.disposition_seen(connection, webhook_id)

    def disposition_done(
        self, webhook_id: str, alert_id: str, *, snooze_until_ms: int | None, now_ms: int
    ) -> float | None:
        """Say that a disposition was written to the topic; `snooze_until_ms` None: as before.

        Return the seconds from the delivery of the case if this is its first, else None. Once an id.
        """
        with self._writing() as connection:
            return answers.disposition_done(connection, webhook_id, alert_id, snooze_until_ms, now_ms)

    # Upkeep ---------------------------------------------------------------------------------------------

    def tidy(self, now_ms: int) -> int:
        """Delete what ended more than 400 days ago; return how many cases. Once a day is enough.

        Then who was erased is no longer in the file's journal either.
        """
        with self._writing() as connection:
            cases = erasure.tidy(connection, now_ms)
        with self._reading() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return cases
