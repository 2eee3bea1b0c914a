"""What a pending transaction does to what is known of its customer's money.

Decides nothing. Under rules before `as_meant` only purchases above 0 and what was taken back come here.
"""

from typing import NamedTuple

from schemas.events import Transaction
from streams.core.customer.customer import Customer
from streams.core.feed.delivery import DELAYED_MS
from streams.core.feed.feed_guard import group_of
from streams.core.ruleset import Ruleset
from streams.core.spend.rare_facts import PlanEvent
from streams.core.time import SECOND_MS, hour_of


class SpendChange(NamedTuple):
    """Cents that a pane has got, below 0 if they were taken back; `charge` tells of a subscription."""

    hour: int
    cents: int
    charge: bool = False


def fold_transaction(
    customer: Customer, event: Transaction, effective_time: int, rules: Ruleset
) -> SpendChange | None:
    """Fold a purchase, a charge or a change of one, at its effective time (ms); None for one of 0.00."""
    hour = hour_of(event.time)
    match event.kind:
        case "purchase":
            return _fold_purchase(customer, event, hour, effective_time, rules)
        case "subscription_charge":
            customer.rare_facts().charge(event.time, hour, event.cents)
            return SpendChange(hour, event.cents, charge=True)
        case "correction":
            return _fold_change(customer, event, event.cents - (event.previous_cents or 0), begins=False)
        case _:
            if rules.as_meant and event.original_time is None:
                customer.rare_facts().refund(hour, event.cents)
            return _fold_change(customer, event, -event.cents, begins=not rules.as_meant)


def _fold_purchase(
    customer: Customer, event: Transaction, hour: int, effective_time: int, rules: Ruleset
) -> SpendChange | None:
    if rules.as_meant and effective_time - event.time >= DELAYED_MS:
        customer.rare_facts().deliver(group_of(event.source), hour)
    if rules.as_meant and event.cents == 0:
        customer.rare_facts().visit(hour)
        return None
    customer.add(hour, event.cents)
    return SpendChange(hour, event.cents)


def _fold_change(customer: Customer, event: Transaction, cents: int, *, begins: bool) -> SpendChange:
    hour = hour_of(event.time if event.original_time is None else event.original_time)
    customer.add(hour, cents, begins=begins)
    return SpendChange(hour, cents)


def fold_cancellation(customer: Customer, event: Transaction, rules: Ruleset) -> bool:
    """Note a cancellation; False, and nothing is noted, if it is one half of a plan change."""
    rare = customer.rare_facts()
    if rare.is_renewed(event.time, rules.plan_change_seconds * SECOND_MS):
        return False
    rare.note_plan(PlanEvent(event.time, event.event_id, 0.0))
    return True


def fold_plan_change(customer: Customer, event: Transaction) -> None:
    """Note that a subscription has another price; a higher one is none the less kept."""
    rare = customer.rare_facts()
    kept = min(1.0, event.cents / event.previous_cents) if event.previous_cents else 1.0
    rare.renew(event.time)
    rare.note_plan(PlanEvent(event.time, event.event_id, kept))
