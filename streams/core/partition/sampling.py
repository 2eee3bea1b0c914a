"""Which customers of a partition are in its population, and what it has to know of their spend."""

from collections.abc import Iterable

from streams.core.customer.customer import Customer, unpack
from streams.core.customer.customer_codec import FLAGS_AT, MERGED, SAMPLED, WITHOUT_PANE
from streams.core.customer.customer_store import CustomerStore
from streams.core.customer.transactions import SpendChange
from streams.core.ruleset import Ruleset
from streams.core.spend.population import Population, Refresh, Spending


class Sampling:
    """Keeps a population in step with the customers of a store. An id whose history has left is in none."""

    def __init__(self, rules: Ruleset, customers: CustomerStore) -> None:
        self._customers = customers
        self._population = Population(rules, customers.mark_sampled)

    def fold(self, customer: Customer, change: SpendChange) -> None:
        """Note spend that was folded; before a first purchase nothing counts."""
        hour, cents, charge = change
        if charge or customer.first_pane is not None:
            self.add(customer.customer_id, hour, cents, charge=charge)

    def add(self, customer_id: str, hour: int, cents: int, *, charge: bool = False) -> None:
        """Note spend, or of a subscription charge, in a pane."""
        record = self._customers.records[customer_id]
        if record[FLAGS_AT] & WITHOUT_PANE and not _has_left(customer_id, record):
            record[FLAGS_AT] &= ~WITHOUT_PANE
            self._population.offer(customer_id)
        if record[FLAGS_AT] & SAMPLED:
            self._population.add(customer_id, hour, cents, charge=charge)

    def refresh(self, hour: int) -> Refresh:
        """Return what the population comes to at an hour."""
        return self._population.refresh(hour, self._spending_of)

    def erase(self, customer_id: str) -> None:
        """Forget a customer."""
        self._population.erase(customer_id, self._customers.spenders())

    def leave(self, customer_id: str) -> None:
        """Let an id go whose history has left."""
        self.erase(customer_id)
        self._customers.records[customer_id][FLAGS_AT] |= WITHOUT_PANE

    def take_over(self, customer: Customer) -> None:
        """Note a customer who got the history of another id."""
        merged = customer.body.merged
        if (merged is not None and merged.left) or customer.spending is None:
            return
        customer_id, record = customer.customer_id, self._customers.records[customer.customer_id]
        if record[FLAGS_AT] & WITHOUT_PANE:
            record[FLAGS_AT] &= ~WITHOUT_PANE
            self._population.offer(customer_id)
        elif record[FLAGS_AT] & SAMPLED:
            self._population.renew(customer_id)

    def restore(self, customer_id: str, flags: int) -> None:
        """Note a customer whose record was restored, with these flags."""
        record = self._customers.records[customer_id]
        if _has_left(customer_id, record):
            record[FLAGS_AT] |= WITHOUT_PANE
        elif not flags & WITHOUT_PANE:
            self._population.offer(customer_id)

    def offer(self, customers: Iterable[str]) -> None:
        """Note customers who spent, and whose history has not left."""
        for customer_id in customers:
            self._population.offer(customer_id)

    def _spending_of(self, customer_id: str) -> Spending | None:
        record = self._customers.records.get(customer_id)
        if record is None or _has_left(customer_id, record):
            return None
        return unpack(customer_id, record).spending


def _has_left(customer_id: str, record: bytes | bytearray) -> bool:
    """Return whether an id ended, and its history has left it."""
    if not record[FLAGS_AT] & MERGED:
        return False
    merged = unpack(customer_id, record).body.merged
    return merged is not None and merged.left
