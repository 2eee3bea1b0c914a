"""Who lives in a random world: ids that meet in one partition, rhythms, budgets, and how they react."""

from dataclasses import dataclass, field
from random import Random

from aiokafka.partitioner import murmur2

from tests.worlds.wire import DAY, HOUR

_CLASSES = 12  # customers equal modulo 12 share a partition among 1, 2, 3 and 4 partitions
_NAMES = ("c", "zoë ", "客-", "a/b:", "O'X ")


@dataclass
class Person:
    """A customer: one purchase about every `gap_hours`, of about `amount_cents`, from `start` on."""

    customer_id: str
    gap_hours: float
    amount_cents: int
    regular: bool
    on_the_hour: bool
    fixed_amount: bool
    heavy: bool
    start: int
    foreign: bool
    subscribed: bool
    rates: list[tuple[int, float]] = field(default_factory=list)
    """From each time on (ms), how many times the usual rate this customer buys; later entries rule."""

    def rate(self, time: int) -> float:
        """Return the rate that holds at `time`; 1 before the first change."""
        known = [factor for since, factor in sorted(self.rates) if since <= time]
        return known[-1] if known else 1.0

    def next_change(self, time: int) -> int | None:
        """Return the first change of rate after `time`."""
        return min((since for since, _ in self.rates if since > time), default=None)


def people(rng: Random, customers: int, first: int, days: int) -> list[Person]:
    """Return `customers` people; in most worlds most of them share a partition, however many there are."""
    crowd = rng.random() < 0.75
    home = rng.randrange(_CLASSES)
    lively = rng.choice((0.5, 1.0, 2.0))
    made: list[Person] = []
    number = 0
    while len(made) < customers:
        number += 1
        customer_id = f"{rng.choice(_NAMES) if rng.random() < 0.1 else 'c'}{number:04}"
        at_home = (murmur2(customer_id.encode()) & 0x7FFFFFFF) % _CLASSES == home
        if crowd and not at_home and len(made) % 3 != 0:
            continue
        made.append(_person(rng, customer_id, first, days, lively))
    return made


def _person(rng: Random, customer_id: str, first: int, days: int, lively: float) -> Person:
    heavy = rng.random() < 0.3
    slowest = 300.0 if heavy else 900.0
    gap_hours = min(slowest, max(6.0, rng.lognormvariate(4.0 if heavy else 4.8, 0.9))) / lively
    daily_cents = rng.lognormvariate(9.3 if heavy else 6.5, 0.6)
    late_joiner = rng.random() < 0.15
    return Person(
        customer_id=customer_id,
        gap_hours=gap_hours,
        amount_cents=max(1, int(daily_cents * gap_hours / 24)),
        regular=rng.random() < 0.5,
        on_the_hour=rng.random() < 0.2,
        fixed_amount=rng.random() < 0.4,
        heavy=heavy,
        start=first + int(rng.random() * (days / 2 if late_joiner else 12) * DAY),
        foreign=rng.random() < 0.15,
        subscribed=rng.random() < 0.25,
    )


def react(rng: Random, person: Person, moment: int) -> None:
    """Change a person's rate after a contact at `moment`: stop, halve, return, or nothing at all."""
    mood = rng.choice(
        ("stop", "stop", "stop", "leave and return", "quarter", "half", "more", "as before", "as before")
    )
    since = moment + rng.choice((0, HOUR, int(rng.random() * 10 * DAY)))
    if mood == "stop":
        person.rates.append((since, 0.0))
        if rng.random() < 0.7:
            person.rates.append((since + int(rng.uniform(30, 150) * DAY), 1.0))
    elif mood == "leave and return":
        person.rates.append((since, 0.0))
        person.rates.append((since + int(rng.uniform(4, 70) * DAY), rng.choice((0.5, 1.0, 2.5))))
    elif mood != "as before":
        person.rates.append((since, {"quarter": 0.25, "half": 0.5, "more": 2.0}[mood]))
