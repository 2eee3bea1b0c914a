"""What senders of real worlds do besides: orders of 0.00, refusals, corrections, plans, legs, batches.

Each is added to a world that is drawn without it, by dice of its own.
"""

import json
from collections.abc import Callable
from random import Random

from tests.worlds.delays import purchase_of
from tests.worlds.people import Person
from tests.worlds.service import Known
from tests.worlds.spending import delay
from tests.worlds.wire import DAY, HOUR, MINUTE, SECOND, Feed, Json, stamp

_BATCH_SOURCE = "shop"
"""Counted in another group than `pos` and `web`."""
_NO_TALK: tuple[dict[str, Json], ...] = (
    {"answered": False},
    {"answered": False, "recovery": True, "resolution": "unresolved"},
    {"ended_by": "system", "ended_stage": "ivr"},
    {"ended_by": "system", "ended_stage": "queue", "hold_seconds": 0, "queue_seconds": 200},
    {"resolution": "unknown", "deflected_to": "web"},
    {"answered": True, "ended_by": "system"},
    {"ended_by": "agent", "complaint": True},
    {"first_reply_seconds": 90_000, "ended_by": "network"},
)
_HANDED_ON: tuple[dict[str, Json], ...] = (
    {"ended_stage": "transfer", "ended_by": "agent"},
    {"ended_stage": "transfer"},
    {"ended_by": "agent", "transfers_cold": 1},
    {"ended_by": "agent", "transfers_warm": 2, "resolution": "unresolved"},
    {"ended_stage": "transfer", "ended_by": "system"},
    {"ended_stage": "agent", "ended_by": "agent"},
)
_OUTCOMES: tuple[dict[str, Json], ...] = (
    {},
    {"complaint": True},
    {"resolution": "unresolved"},
    {"csat": 1},
    {"resolution": "resolved"},
    {"hold_seconds": 400, "ended_by": "agent", "ended_stage": "agent"},
)


def deliver_by_the_week(feed: Feed, rng: Random) -> None:
    """Let a second source bring the purchases of some customers once a week or, in some worlds, a night."""
    every, at = rng.choice(((7 * DAY, 6 * HOUR), (7 * DAY, 6 * HOUR), (DAY, 3 * HOUR)))
    share = rng.choice((0.2, 0.5, 1.0))
    chosen: dict[str, bool] = {}
    lines = []
    for arrival, number, line in feed.lines:
        event = purchase_of(line)
        if event and chosen.setdefault(str(event["customer_id"]), rng.random() < share):
            text = json.dumps(event | {"source": _BATCH_SOURCE}).encode()
            lines.append((arrival // every * every + every + at, number, text))
        else:
            lines.append((arrival, number, line))
    feed.lines = lines


class Oddities:
    """Adds them to the transactions and contacts of a world."""

    def __init__(self, rng: Random, transactions: Feed, contacts: Feed, first: int, last: int) -> None:
        self._rng = rng
        self._transactions = transactions
        self._contacts = contacts
        self._first = first
        self._last = last

    def of_person(self, person: Person, known: list[Known]) -> None:
        """Give one customer some of all that is odd, most of it near their contacts."""
        rng = self._rng
        moments = [item.moment for item in known] or [rng.randrange(self._first, self._last)]
        habits: tuple[Callable[[Person, int], None], ...] = (
            self._visits,
            self._refusals,
            self._corrections,
            self._undated,
            self._plan,
            self._dialer,
        )
        for moment in moments:
            for habit in rng.sample(habits, rng.choice((0, 1, 2, 3))):
                habit(person, moment)
        for item in known:
            if rng.random() < 0.5:
                self._legs(item)
        if rng.random() < 0.3:
            self._subscribe(person)

    def _near(self, moment: int, days: float = 40) -> int:
        return moment + int(self._rng.uniform(-0.2, 1.0) * days * DAY)

    def _visits(self, person: Person, moment: int) -> None:
        for _ in range(self._rng.choice((1, 3, 12))):
            time = self._near(moment, self._rng.choice((1, 10, 60)))
            amount = self._rng.choice(("0", "0.00", "0.001"))
            self._put_purchase(person, time, amount=amount, currency="USD")

    def _refusals(self, person: Person, moment: int) -> None:
        faults: tuple[dict[str, Json], ...] = (
            {"currency": "CHF"},
            {"currency": "CHF"},
            {"amount": "-5.00"},
            {"amount": "1e3"},
            {"order_id": 7},
            {"amount": "999999999999", "currency": "EUR", "exchange_rate": "999"},
            {"kind": "refund", "amount": "0.00"},
        )
        for _ in range(self._rng.choice((1, 2, 9))):
            time = self._near(moment, self._rng.choice((1, 10, 60)))
            fault = self._rng.choice(faults)
            late = self._rng.choice((0, 0, 0, HOUR, 9 * DAY))
            self._put_purchase(person, time, late, **{"amount": "10.00", "currency": "USD", **fault})

    def _put_purchase(self, person: Person, time: int, late: int = 0, **fields: Json) -> None:
        rng = self._rng
        event = self._transactions.event(
            "transaction", person.customer_id, time, "pos", **{"kind": "purchase", **fields}
        )
        self._transactions.put(event, time + late + delay(rng, 0.1))

    def _corrections(self, person: Person, moment: int) -> None:
        rng = self._rng
        for at, _, line in rng.sample(self._transactions.lines, min(400, len(self._transactions.lines))):
            bought = purchase_of(line)
            if not bought or "time" not in bought:  # it is to be refused
                continue
            if bought["customer_id"] == person.customer_id and abs(at - moment) < 60 * DAY:
                time = at + rng.choice((MINUTE, 3 * HOUR, 5 * DAY))
                event = self._transactions.event(
                    "transaction",
                    person.customer_id,
                    time,
                    "pos",
                    kind="correction",
                    amount=rng.choice(("0", "1.00", f"{person.amount_cents / 50:.2f}")),
                    previous_amount=f"{person.amount_cents / 100:.2f}",
                    currency="USD",
                    original_time=str(bought["time"]),
                    corrects=str(bought["event_id"]),
                )
                self._transactions.put(event, time + delay(rng, 0.1))

    def _undated(self, person: Person, moment: int) -> None:
        rng = self._rng
        time = self._near(moment, rng.choice((1, 10, 60)))
        event = self._transactions.event(
            "transaction",
            person.customer_id,
            time,
            "pos",
            kind=rng.choice(("refund", "chargeback")),
            amount=f"{max(1, int(person.amount_cents * rng.choice((0.5, 1, 5)))) / 100:.2f}",
            currency="USD",
            original_time=None,
        )
        self._transactions.put(event, time + delay(rng, 0.1))

    def _plan(self, person: Person, moment: int) -> None:
        """Cancel or change a subscription before, in or after a contact, at times with a charge beside it."""
        rng = self._rng
        for _ in range(rng.choice((1, 1, 2, 3))):
            time = moment + rng.choice((-7 * DAY, -7 * DAY - 1, -HOUR, 1, HOUR, rng.randrange(50 * DAY)))
            kind = rng.choice(("subscription_cancelled", "subscription_changed", "subscription_changed"))
            self._put_plan(person, time, kind)
            if rng.random() < 0.4:
                near = rng.choice((-300, -301, -10, 0, 10, 299, 300, 301)) * SECOND
                self._put_plan(
                    person, time + near, rng.choice(("subscription_charge", "subscription_changed"))
                )

    def _put_plan(self, person: Person, time: int, kind: str) -> None:
        rng = self._rng
        fields: dict[str, Json] = {}
        if kind != "subscription_cancelled":
            fields = {"amount": rng.choice(("5.00", "9.99", "19.99")), "currency": "USD"}
        if kind == "subscription_changed":
            fields["amount"] = rng.choice(("0", "5.00", "15.00", "30.00"))
            fields["previous_amount"] = rng.choice((None, "20.00", "0.001"))
        event = self._transactions.event(
            "transaction", person.customer_id, time, "billing", kind=kind, **fields
        )
        self._transactions.put(event, time + delay(rng, 0.1))

    def _subscribe(self, person: Person) -> None:
        rng = self._rng
        every = rng.choice((30 * DAY, 30 * DAY, 7 * DAY, 150 * DAY))
        amount = rng.choice(("9.99", "49.00", "500.00"))
        for time in range(person.start, self._last, every):
            event = self._transactions.event(
                "transaction",
                person.customer_id,
                time,
                "billing",
                kind="subscription_charge",
                amount=amount,
                currency="USD",
            )
            self._transactions.put(event, time + delay(rng, 0.05))

    def _dialer(self, person: Person, moment: int) -> None:
        for _ in range(self._rng.choice((1, 2, 5))):
            time = self._near(moment, 20)
            fields = {"direction": "outbound", **self._rng.choice(_NO_TALK)}
            self._put_contact(person, f"d{self._contacts.issued}", time, time, fields)

    def _legs(self, item: Known) -> None:
        """Add a call of several legs soon after a contact: by parent, by time, or not quite."""
        rng = self._rng
        moment = item.moment + rng.choice((MINUTE, HOUR, 3 * DAY))
        call = f"c{self._contacts.issued}"
        direction = rng.choice((None, "inbound", "outbound"))
        reason = rng.choice((None, "billing"))
        for leg in range(rng.choice((2, 2, 3))):
            fields: dict[str, Json] = {"direction": direction, "reason": reason}
            fields |= rng.choice(_OUTCOMES) | (rng.choice(_HANDED_ON) if rng.random() < 0.8 else {})
            fields["case_id"] = rng.choice((None, None, "case-1", "case-2"))
            if leg and rng.random() < 0.4:
                fields["parent_contact_id"] = rng.choice((f"{call}-{leg - 1}", f"{call}-0", "elsewhere"))
            start = moment + rng.choice((-MINUTE, 0, 30 * MINUTE, 30 * MINUTE + 1) if leg else (0,))
            moment = max(start, moment) + rng.choice((MINUTE, 20 * MINUTE, 40 * MINUTE))
            self._put_contact(item.person, f"{call}-{leg}", start, moment, fields)

    def _put_contact(
        self, person: Person, contact_id: str, start: int, moment: int, fields: dict[str, Json]
    ) -> None:
        rng = self._rng
        time = moment + rng.choice((0, 0, HOUR, 2 * DAY))
        started = stamp(start) if rng.random() < 0.7 else None
        event = self._contacts.event(
            "contact",
            person.customer_id,
            time,
            "crm",
            contact_id=contact_id,
            version=1,
            channel="voice",
            started_at=started,
            ended_at=stamp(moment),
            **fields,
        )
        self._contacts.put(event, time + delay(rng, 0.1))
