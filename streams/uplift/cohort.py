"""Who takes part: one row a customer, their first alert in the time looked at.

Every alert that was raised counts in its arm, whoever was called (intention to treat).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from schemas.alert import Alert
from schemas.times import parse_ms
from streams.core.alerts.arm import Arm, arm
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS
from streams.uplift.identities import Identities

WINDOW_DAYS: Final = 90
"""So many days after an alert was first raised its customer's spend counts."""
WINDOW_MS: Final = WINDOW_DAYS * DAY_MS

LeftOut = Literal[
    "backfill", "began_unseen", "outside", "earlier", "other_share", "erased_treated", "erased_holdout"
]
"""Why alerts or customers take no part."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert as it was first raised; money in cents of the reporting currency."""

    customer_id: str
    arm: Arm
    time_ms: int
    level: Literal["watch", "alert"]
    usual_cents: int
    """Usual spend a day."""
    at_risk_cents: int
    trailing_cents: int
    ruleset: str


@dataclass(frozen=True, slots=True)
class Period:
    """The time looked at, `[since_ms, until_ms)`; None is without a bound."""

    since_ms: int | None = None
    until_ms: int | None = None

    def __contains__(self, time_ms: int) -> bool:
        return (self.since_ms is None or time_ms >= self.since_ms) and (
            self.until_ms is None or time_ms < self.until_ms
        )


@dataclass(slots=True)
class _Known:
    """What is kept of an alert: whether its first revision was seen, and the first one that counts."""

    began: bool = False
    counting: int | None = None
    raised: Raised | None = None


@dataclass(frozen=True, slots=True)
class Cohort:
    """The customers of a trial."""

    rows: dict[str, Raised]
    """By the id that stands for all of a customer's: the first alert in the time looked at."""
    left_out: Counter[LeftOut]
    """Alerts that take no part, by why; of the erased, customers."""
    crossed: int
    """Customers with ids in both arms, because two were merged; the first alert says which counts."""
    alerted: list[tuple[int, str]]
    """When (ms) every alert that counts was raised, and whose it is."""


@dataclass
class Alerts:
    """Takes alert records of both arms in any order; keeps a few figures of each alert."""

    with_backfill: bool
    """Whether those count that were decided long after the fact, and so were delivered to nobody."""
    _known: dict[str, _Known] = field(default_factory=dict)
    _erased: set[str] = field(default_factory=set)

    def take(self, alert: Alert) -> None:
        """Take a record in."""
        known = self._known.setdefault(alert.alert_id, _Known())
        known.began |= alert.revision == 1
        if alert.resolution == "erased":
            self._erased.add(alert.customer_id)
        counts = alert.state != "resolved" and (self.with_backfill or not alert.backfill)
        if counts and (known.counting is None or alert.revision < known.counting):
            known.counting, known.raised = alert.revision, _raised(alert)

    def cohort(self, identities: Identities, rules: Ruleset, period: Period) -> Cohort:
        """Return the customers with an alert that was first raised in a period, under the same shares.

        Where the rules hold nobody out, alerts of any share take part. Whoever had an alert under the trial
        before the period takes no part: among the treated those who alert again are those whom acting did not
        bring back, among the held out they are anybody.
        """
        left_out: Counter[LeftOut] = Counter()
        erased = {identities.of(one) for one in self._erased}
        foreign = self._foreign(rules) if rules.holdout_share else set()
        rows: dict[str, Raised] = {}
        arms: dict[str, set[Arm]] = {}
        alerted: list[tuple[int, str]] = []
        earlier: set[str] = set()
        for one in sorted(self._begun(left_out), key=lambda one: (one.time_ms, one.customer_id)):
            customer = identities.of(one.customer_id)
            if one.time_ms not in period:
                left_out["outside"] += 1
                if rules.holdout_share and one.ruleset not in foreign:
                    earlier.add(customer)
            elif one.ruleset in foreign:
                left_out["other_share"] += 1
            elif customer in earlier:
                left_out["earlier"] += 1
            else:
                rows.setdefault(customer, one)
                arms.setdefault(customer, set()).add(one.arm)
                alerted.append((one.time_ms, customer))
        for customer in erased & rows.keys():
            left_out["erased_treated" if rows.pop(customer).arm == "treated" else "erased_holdout"] += 1
        crossed = sum(len(arms[customer]) > 1 for customer in rows)
        return Cohort(rows, left_out, crossed, [one for one in alerted if one[1] in rows])

    def _begun(self, left_out: Counter[LeftOut]) -> Iterator[Raised]:
        for known in self._known.values():
            if not known.began:
                left_out["began_unseen"] += 1
            elif known.raised is None:
                left_out["backfill"] += 1
            else:
                yield known.raised

    def _foreign(self, rules: Ruleset) -> set[str]:
        """Return the rulesets that put somebody into another arm than these rules do."""
        return {
            one.ruleset
            for one in (known.raised for known in self._known.values())
            if one is not None and one.arm != arm(one.customer_id, rules)
        }


def cents_of(amount: str) -> int:
    """Return the cents of an amount as alert records have it, with 2 places."""
    return int(amount.replace(".", ""))


def _raised(alert: Alert) -> Raised:
    return Raised(
        alert.customer_id,
        alert.arm,
        parse_ms(alert.time),
        alert.level,
        cents_of(alert.usual_spend_per_day),
        cents_of(alert.value_at_risk),
        cents_of(alert.trailing_spend),
        alert.ruleset,
    )
