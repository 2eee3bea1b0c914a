"""The ledger as the bridge sees it."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.crm.cases.policy import Policy
from streams.crm.cases.standing import Standing
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


class Visit:
    """A ledger that may belong to a running bridge: what the commands beside it read, and `resend`.

    Takes no lock. All methods may raise LedgerError.
    """

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a ledger that exists. Raises LedgerError."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def figures(self) -> Figures:
        """Return what the metrics tell."""
        raise NotImplementedError

    def listing(
        self, *, standings: Collection[Standing] = (), limit: int = 100, customers: bool = False
    ) -> list[Listed]:
        """Return cases, of some standings only, of highest rank first; customer ids only if asked for."""
        raise NotImplementedError

    def given_up(self, *, limit: int = 100) -> list[Listed]:
        """Return the messages that were given up, oldest first, each with its case."""
        raise NotImplementedError

    def resend(self, message_ids: Collection[str] | None, now_ms: int) -> Resent:
        """Queue messages that were given up again, or all of them (None), with a body that is made anew.

        Only the newest message of an alert goes, and while it is open or to close it: anything older would
        tell the CRM what is no longer so. The others are dropped.
        """
        raise NotImplementedError


class Ledger(Visit):
    """The ledger of a running bridge: one at a time, by a lock on `{path}.lock`.

    Every method is one transaction: done wholly, and on disk, or not at all. Threads may share it. All
    methods may raise LedgerError. Its clock is the caller's `now_ms`.
    """

    @classmethod
    def open(cls, path: Path, *, policy: Policy) -> Self:  # type: ignore[override]
        """Open a ledger, or make it. Raises LockedError if another has it; LedgerError."""
        raise NotImplementedError

    # What is read ---------------------------------------------------------------------------------------

    def positions(self) -> Mapping[tuple[str, int], int]:
        """Return the next offset to read by topic and partition; those never read from are not in it."""
        raise NotImplementedError

    def rewind(self, topic: str, partition: int, offset: int) -> None:
        """Set the next offset to read, for a topic that was made anew: else what is below it counts as known."""
        raise NotImplementedError

    def take(self, records: Iterable[AlertRead], now_ms: int) -> Taken:
        """Take alert records, in the order of the topic, and their positions.

        Known ones, by position or revision, change nothing. A revision of an admitted case makes a message,
        any other changes what waits.
        """
        raise NotImplementedError

    def take_profiles(self, records: Iterable[ProfileRead], now_ms: int) -> None:
        """Take what is known of customers, and positions. Erases customers whose record is null."""
        raise NotImplementedError

    def caught_up(self, now_ms: int) -> None:
        """Say that the topics were read to where they ended at the start: from now on cases are admitted.

        All candidates are looked at anew, at the end of the present window where there is a budget.
        """
        raise NotImplementedError

    # What goes out --------------------------------------------------------------------------------------

    def admit(self, now_ms: int) -> Admission:
        """Look at the candidates whose time has come. Nothing before `caught_up`. Cheap if there are none."""
        raise NotImplementedError

    def due(self, now_ms: int, most: int, under_way: Collection[str] = ()) -> list[Message]:
        """Return up to `most` messages to send now, the longest due first, one an alert.

        `under_way` are the alert_ids about which the caller is sending something.
        """
        raise NotImplementedError

    def store_body(self, message_id: str, rendered: Rendered, now_ms: int) -> None:
        """Keep what is about to be sent for the first time."""
        raise NotImplementedError

    def delivered(self, message_id: str, now_ms: int, told: str | None = None) -> None:
        """Say that the CRM has a message; `told` is a fingerprint of what it told, None: as before.

        The next of the alert is due at once. After a close the case is done. The body goes.
        """
        raise NotImplementedError

    def retry(self, message_id: str, next_ms: int, reason: str) -> None:
        """Say that a try failed, and when the next is due."""
        raise NotImplementedError

    def give_up(self, message_id: str, reason: str, now_ms: int) -> None:
        """Say that a message is not tried any more; it is kept for `resend`. The next of the alert is due.

        After a create the next one becomes the create, unless it is a close: then there is nothing to close.
        """
        raise NotImplementedError

    def refresh_due(self, now_ms: int, every_ms: int, most: int = 100) -> list[Refreshable]:
        """Return open cases in the CRM with nothing queued, not snoozed, told or looked at `every_ms` ago."""
        raise NotImplementedError

    def queue_refresh(self, alert_id: str, now_ms: int) -> str | None:
        """Queue how things stand now, and return its message id; None if the case is not fit for it now."""
        raise NotImplementedError

    def nothing_new(self, alert_id: str, now_ms: int) -> None:
        """Say that a case of `refresh_due` was looked at, and that there is nothing to tell."""
        raise NotImplementedError

    # What comes back ------------------------------------------------------------------------------------

    def customer_of(self, alert_id: str) -> str | None:
        """Return whose alert it is; None if it is unknown, or its customer erased."""
        raise NotImplementedError

    def disposition_seen(self, webhook_id: str) -> bool:
        """Return whether a disposition was done; ids are kept for 400 days."""
        raise NotImplementedError

    def disposition_done(
        self, webhook_id: str, alert_id: str, *, snooze_until_ms: int | None, now_ms: int
    ) -> float | None:
        """Say that a disposition was written to the topic; `snooze_until_ms` None: as before.

        Return the seconds from the delivery of the case if this is its first, else None. Once an id.
        """
        raise NotImplementedError

    # Upkeep ---------------------------------------------------------------------------------------------

    def tidy(self, now_ms: int) -> int:
        """Delete what ended more than 400 days ago; return how many cases."""
        raise NotImplementedError
