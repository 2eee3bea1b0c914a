"""The weights of frustration, from what turned out: a logistic regression with the ruleset as its prior.

Each signal's weight gets a factor: 1 by the prior, with a spread of a half, never below 0. A closed alert
says whether the customer was leaving. Its L is that of its record, with the frustration shared out among the
signals by their decayed nats (so that the cap and recoveries count as they did), each share times its factor.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from types import MappingProxyType
from typing import Final

import numpy as np

from schemas.alert import Alert
from schemas.events import Disposition
from schemas.times import parse_ms
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS
from streams.lab.calibrate.measures.windows import Floats

LEAST_OUTCOMES: Final = 200
LEAST_OF_EACH: Final = 30
_LEAVING: Final = ("confirmed", "already_left")
_STAYING: Final = ("benign", "returned", "wrong_customer")
_SPREAD: Final = 0.5
"""Standard deviation of a factor by the prior."""
_STEPS: Final = 200
_ENOUGH: Final = 1e-10
_PLACES: Final = 3

_OUTCOMES: Final = ("unresolved", "worst_score", "escalation_refused", "complaint", "slow_reply")
_SIGNS: Final = (
    "long_hold", "deflected", "ivr_dead_end", "hung_up_on", "zero_outs", "queue_abandoned",
    "repeated_information", "powerless_phrase", "self_service", "repeat", "unnotified_change",
)  # fmt: skip

KEYS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        **{signal: (f"outcome_{signal}",) for signal in _OUTCOMES},
        **{signal: (signal,) for signal in _SIGNS},
        "transfers": ("transfer_first", "transfer_further"),
    }
)
"""The keys of a ruleset that a signal's nats are taken from."""


@dataclass(frozen=True, slots=True)
class Case:
    """A closed alert: the frustration in its L by signal, the rest of L, and whether it was real."""

    parts: Mapping[str, float]
    offset: float
    leaving: bool


@dataclass(frozen=True, slots=True)
class Weights:
    """The factor of each signal that occurred; none where there were too few outcomes."""

    leaving: int
    staying: int
    factors: Mapping[str, float]

    @property
    def enough(self) -> bool:
        """Return whether there were enough outcomes of both kinds to learn from."""
        fewest = min(self.leaving, self.staying)
        return self.leaving + self.staying >= LEAST_OUTCOMES and fewest >= LEAST_OF_EACH

    def changes(self, rules: Ruleset) -> dict[str, float]:
        """Return the keys of a ruleset that change, with their new nats."""
        scaled = {
            key: round(getattr(rules, key) * factor, _PLACES)
            for signal, factor in self.factors.items()
            for key in KEYS[signal]
        }
        return {key: nats for key, nats in scaled.items() if nats != getattr(rules, key)}


def weights(cases: Sequence[Case]) -> Weights:
    """Return the factors that closed alerts call for."""
    leaving = sum(case.leaving for case in cases)
    found = Weights(leaving, len(cases) - leaving, {})
    if not found.enough:
        return found
    signals = sorted({signal for case in cases for signal in case.parts})
    parts = np.array([[case.parts.get(signal, 0.0) for signal in signals] for case in cases], np.float64)
    offsets = np.array([case.offset for case in cases], np.float64)
    outcome = np.array([case.leaving for case in cases], np.float64)
    factors = _regress(parts, offsets, outcome)
    return replace(found, factors=dict(zip(signals, factors.tolist(), strict=True)))


def _regress(parts: Floats, offsets: Floats, outcome: Floats) -> Floats:
    """Return the factors of the columns: the penalised maximum of the likelihood, which is concave.

    One factor at a time takes a Newton step, and stops at 0.
    """
    factors = np.ones(parts.shape[1])
    for _ in range(_STEPS):
        before = factors.copy()
        for at in range(len(factors)):
            chance = 1 / (1 + np.exp(-(offsets + parts @ factors)))
            slope = parts[:, at] @ (outcome - chance) - (factors[at] - 1) / _SPREAD**2
            bend = (parts[:, at] ** 2) @ (chance * (1 - chance)) + 1 / _SPREAD**2
            factors[at] = max(0.0, factors[at] + slope / bend)
        if np.abs(factors - before).max() < _ENOUGH:
            break
    return factors


def cases(
    alerts: Iterable[Alert],
    dispositions: Iterable[Disposition],
    moments: Mapping[tuple[str, str], int],
    rules: Ruleset,
) -> list[Case]:
    """Return the closed alerts of the contact rule with an outcome that says something.

    `moments` (ms) are those of the contacts, by customer and contact id. What counts is the last record sent
    before the alert was closed, and the last outcome given.
    """
    records: defaultdict[str, list[Alert]] = defaultdict(list)
    for alert in sorted(alerts, key=attrgetter("alert_id", "revision")):
        if alert.rule == "contact" and alert.state != "resolved":
            records[alert.alert_id].append(alert)
    found = []
    for alert_id, closing in _closings(dispositions).items():
        sent = [alert for alert in records.get(alert_id, ()) if parse_ms(alert.time) <= closing.time]
        if sent:
            found.append(_case(sent[-1], closing, moments, rules))
    return found


def _closings(dispositions: Iterable[Disposition]) -> dict[str, Disposition]:
    """Return the last disposition of each alert that closed it with an outcome that says something."""
    in_order = sorted(dispositions, key=attrgetter("time", "event_id"))
    return {
        one.alert_id: one
        for one in in_order
        if one.status == "closed" and one.outcome in (*_LEAVING, *_STAYING)
    }


def _case(alert: Alert, closing: Disposition, moments: Mapping[tuple[str, str], int], rules: Ruleset) -> Case:
    nats: defaultdict[str, float] = defaultdict(float)
    for reason in alert.reasons:
        moment = moments.get((alert.customer_id, reason.contact_id or ""))
        if moment is not None and reason.signal in KEYS:
            days = (parse_ms(alert.time) - moment) / DAY_MS
            nats[reason.signal] += reason.nats * 2.0 ** (-days / rules.frustration_half_life_days)
    total = sum(nats.values())
    odds = alert.log_odds
    shares = {signal: odds.frustration * part / total for signal, part in nats.items()} if total > 0 else {}
    rest = odds.prior + odds.silence + (0.0 if shares else odds.frustration)
    return Case(shares, rest, closing.outcome in _LEAVING)
