"""A model of the bridge's cases that is written from the plan alone: slow, in memory, without a line of SQL.

It looks at everything, always. Names are short: a case is a plain object with what the plan says of it.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from schemas.alert import Alert


@dataclass
class Post:
    """A message to the CRM."""

    id: str
    kind: str
    state: str = "queued"
    at: int = 0


@dataclass
class Known:
    """A case."""

    alert: Alert
    standing: str = "waiting"
    why: str | None = None
    ready: int | None = None
    deferred_as: str | None = None
    posts: list[Post] = field(default_factory=list)
    in_crm: bool = False
    deleted: bool = False
    unclear: int = 0
    closed: int | None = None
    looked: int | None = None
    erased: bool = False

    @property
    def queue(self) -> list[Post]:
        """What is still to be sent."""
        return [post for post in self.posts if post.state == "queued"]

    @property
    def open(self) -> bool:
        """Whether it is not resolved."""
        return self.alert.state != "resolved"


class Naive:
    """All cases."""

    def __init__(
        self, *, budgets: dict[str, int | None], window: int, zone: str, quiet: int, backfill: bool
    ) -> None:
        self.budgets, self.window, self.quiet, self.backfill = budgets, window, quiet, backfill
        self.zone = ZoneInfo(zone)
        self.cases: dict[str, Known] = {}
        self.accounts: dict[str, str] = {}
        self.doubted: set[str] = set()
        self.spent: dict[tuple[str, str], int] = {}

    def day(self, now: int) -> str:
        """Return the day of the budget."""
        return str(datetime.fromtimestamp(now // 1000, tz=UTC).astimezone(self.zone).date())

    def end(self, now: int) -> int:
        """Return the end of the window."""
        return now - now % self.window + self.window

    def when(self, case: Known, now: int) -> int:
        """Return when a candidate of now is looked at."""
        waits = self.budgets.get(case.alert.level) is not None and not _canary(case)
        return self.end(now) if waits else now

    def read(self, alert: Alert, now: int) -> None:
        """Take a record of the topic."""
        case = self.cases.get(alert.alert_id)
        if case is None:
            case = self.cases[alert.alert_id] = Known(alert, standing="new")
        elif alert.revision <= case.alert.revision:
            return
        was_open = case.open and case.standing not in {"new", "never"}
        case.alert = alert
        if was_open and case.standing == "admitted":
            self._further(case, now)
        elif not case.open:
            if was_open or case.standing == "new":
                case.standing, case.why, case.ready, case.deferred_as = "never", None, None, None
        else:
            self._candidate(case, now, fresh=not was_open)
        if alert.resolution == "erased":
            self.erase(alert.customer_id)
        self._forget(case)

    def _candidate(self, case: Known, now: int, *, fresh: bool) -> None:
        if fresh:
            case.deferred_as, case.erased = None, False
        if case.alert.backfill and not self.backfill and not _canary(case):
            case.standing, case.why, case.ready = "held", "backfill", None
        elif fresh or case.why == "backfill":
            case.standing, case.why, case.ready = "waiting", None, self.when(case, now)
        else:
            assert case.ready is not None
            case.ready = min(case.ready, self.when(case, now))

    def _further(self, case: Known, now: int) -> None:
        """Take a revision of a case that was admitted."""
        has = case.in_crm or bool(case.queue)
        if not case.open and not has and not case.unclear:
            case.standing = "never"
            return
        kind = "close" if not case.open else "update" if has else "create"
        self._post(case, case.alert.event_id, kind, now)

    def _post(self, case: Known, id_: str, kind: str, now: int) -> None:
        case.posts.append(Post(id_, kind, at=now))

    def erase(self, customer: str) -> None:
        """Take it that the customer is gone."""
        self.accounts.pop(customer, None)
        for case in self.cases.values():
            if case.alert.customer_id == customer:
                case.erased = True
                if case.standing in {"waiting", "deferred", "held"}:
                    case.standing, case.why, case.ready, case.deferred_as = "never", None, None, None
                self._forget(case)

    def _forget(self, case: Known) -> None:
        """Drop what was given up with its customer, unless the CRM still has to close it."""
        for post in case.posts if _gone(case) else ():
            if post.state == "given_up":
                post.state = "dropped"

    def start(self, now: int) -> None:
        """Begin: all was read since a start."""
        for case in self.cases.values():
            if case.standing in {"waiting", "deferred", "held"}:
                case.ready = self.when(case, now)

    def admit(self, now: int) -> None:
        """Look at those whose time has come."""
        ready = [case for case in self.cases.values() if case.ready is not None and case.ready <= now]
        overtaking = [c for c in ready if c.deferred_as == "watch" and c.alert.level == "alert"]
        deferred = [c for c in ready if c.deferred_as and c not in overtaking]
        new = [c for c in ready if not c.deferred_as]
        for group in (overtaking, deferred, new):
            for case in sorted(group, key=lambda c: (-float(c.alert.value_at_risk), c.alert.alert_id)):
                self._decide(case, now)

    def _decide(self, case: Known, now: int) -> None:
        level, customer = case.alert.level, case.alert.customer_id
        closed = [c.closed for c in self.cases.values() if c.alert.customer_id == customer and not _gone(c)]
        last = max((at for at in closed if at is not None), default=None)
        account = self.accounts.get(customer)
        busy = {
            c.alert.level
            for c in self.cases.values()
            if c.standing == "admitted" and (c.in_crm or c.queue)
            and account is not None and self.accounts.get(c.alert.customer_id) == account
        }  # fmt: skip
        budget, day = self.budgets.get(level), self.day(now)
        canary = _canary(case)
        case.why = None
        if case.queue:
            case.standing, case.why, case.ready = "held", "closing", self.end(now)
        elif case.alert.backfill and not self.backfill and not canary:
            case.standing, case.why, case.ready = "held", "backfill", None
        elif not canary and self.quiet and last is not None and now < last + self.quiet:
            case.standing, case.why, case.ready = "held", "quiet", self.when(case, last + self.quiet)
        elif not canary and ("alert" in busy or (busy and level == "watch")):
            case.standing, case.why, case.ready = "held", "account", self.end(now)
        elif not canary and budget is not None and self.spent.get((day, level), 0) >= budget:
            case.standing, case.ready = "deferred", self.end(now)
            case.deferred_as = case.deferred_as or level
        else:
            if not canary and budget is not None:
                self.spent[day, level] = self.spent.get((day, level), 0) + 1
            case.standing, case.ready, case.deferred_as, case.looked = "admitted", None, None, None
            self._post(case, case.alert.event_id, "create", now)

    def due(self, now: int) -> list[tuple[str, str]]:
        """Return ids and kinds of what is to be sent."""
        first = [case.queue[0] for case in self.cases.values() if case.queue]
        return sorted((post.id, post.kind) for post in first if post.at <= now)

    def _find(self, id_: str) -> tuple[Known, Post]:
        return next((case, post) for case in self.cases.values() for post in case.posts if post.id == id_)

    def sent(self, id_: str) -> None:
        """Take it that it goes out now."""
        case, post = self._find(id_)
        case.unclear += post.kind == "create"

    def delivered(self, id_: str, now: int) -> None:
        """Take it that the CRM has it."""
        case, post = self._find(id_)
        post.state, case.unclear, case.deleted = "delivered", 0, False
        case.in_crm, case.looked = post.kind != "close", now
        if post.kind == "close":
            self._closed(case, now)
        self._next(case, now)

    def retry(self, id_: str, at: int, *, untaken: bool) -> None:
        """Put it off; `untaken`: it has done nothing."""
        case, post = self._find(id_)
        post.at = at
        case.unclear -= untaken and post.kind == "create"

    def give_up(self, id_: str, now: int, *, untaken: bool, gone: bool) -> None:
        """Drop it for now; `gone`: somebody has deleted the case."""
        case, post = self._find(id_)
        case.unclear -= untaken and post.kind == "create"
        post.state, case.looked = "given_up", now
        if post.kind == "close":
            case.in_crm = False
            self._closed(case, now)
        if post.kind == "create" and case.unclear:
            self.doubted.add(case.alert.alert_id)
        if gone:
            case.in_crm, case.deleted = False, True
        if (post.kind == "create" or gone) and case.queue:
            following = case.queue[0]
            if following.kind != "close":
                following.kind = "create"
            elif not case.unclear:
                following.state = "dropped"
                if case.standing == "admitted":
                    case.standing = "never"
        self._next(case, now)

    def _closed(self, case: Known, now: int) -> None:
        case.closed, case.unclear = now, 0
        if case.standing == "admitted":
            case.standing = "done"

    def _next(self, case: Known, now: int) -> None:
        if case.queue:
            case.queue[0].at = now
        self._forget(case)

    def resend(self, now: int) -> None:
        """Send again all that was given up and is still so."""
        for case in self.cases.values():
            for post in case.posts:
                if post.state == "given_up":
                    still = post is case.posts[-1] and (
                        post.kind == "close" or (case.open and case.standing == "admitted")
                    )
                    if not case.in_crm and still and post.kind == "update":
                        post.kind = "create"
                    elif not case.in_crm and post.kind == "refresh":
                        still = False
                    post.state, post.at = ("queued", now) if still else ("dropped", post.at)
            self._forget(case)

    def refresh(self, now: int, every: int) -> list[str]:
        """Queue how things stand now, about all that were told nothing for so long."""
        found = [
            case
            for case in self.cases.values()
            if case.standing == "admitted" and case.open and case.in_crm and not case.queue
            and not case.erased and case.looked is not None and case.looked <= now - every
        ]  # fmt: skip
        for case in found:
            case.looked = now
            self._post(case, f"{case.alert.event_id}/now/{now}", "refresh", now)
        return sorted(case.alert.alert_id for case in found)


def _canary(case: Known) -> bool:
    return case.alert.customer_id.startswith("retention-canary-")


def _gone(case: Known) -> bool:
    """Whether nobody knows any more whose case it was."""
    pending = [post for post in case.posts if post.state == "queued"]
    lost = [post for post in case.posts if post.state == "given_up" and post.kind == "close"]
    return case.erased and case.standing in {"never", "done"} and not pending and not lost
