"""Small nasty directories for differential tests: the same seed gives the same files, byte for byte.

A world has no expected output. Two programs that were written apart from each other from the same text must
agree on what it means.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random

from tests.worlds import service, spending, trouble
from tests.worlds.merges import merge_customers
from tests.worlds.oddities import Oddities, deliver_by_the_week
from tests.worlds.people import Person, people, react
from tests.worlds.wire import DAY, HOUR, Feed

FIRST = 1_704_067_200_000
"""The first day of every world: 2024-01-01 (ms UTC)."""

_QUIET_START_DAYS = 90


@dataclass
class World:
    """The four files of a world while they are being made, and its dice."""

    rng: Random
    last: int
    dawdling: float
    transactions: Feed
    contacts: Feed
    customers: Feed
    dispositions: Feed

    def feeds(self) -> tuple[Feed, Feed, Feed, Feed]:
        """Return all four files."""
        return self.transactions, self.contacts, self.customers, self.dispositions


def write_world(
    directory: Path,
    seed: int,
    *,
    customers: int = 60,
    days: int = 400,
    delay: Callable[[Feed], None] | None = None,
    odd: bool = False,
) -> None:
    """Write `transactions.jsonl`, `contacts.jsonl` and often the two side inputs into `directory`.

    `delay` changes when the transactions arrive, `odd` adds what ruleset 4 is for; neither changes the dice
    of the rest.
    """
    rng = Random(seed)
    world = World(
        rng,
        FIRST + days * DAY,
        rng.choice((0.0, 0.03, 0.15)),
        *(Feed(name, rng) for name in ("transactions", "contacts", "customers", "dispositions")),
    )
    inhabitants = people(rng, customers, FIRST, days)
    known = [item for person in inhabitants for item in _served(world, person)]
    gaps = _gaps(rng, days)
    for person in inhabitants:
        spending.buy(world.transactions, person, world.last, gaps, world.dawdling)
    _side_inputs(world, inhabitants, known)
    _unsettle(world)
    _cut(world, days)
    if odd:
        _add_oddities(world, inhabitants, known, Random(f"{seed} odd"))
    if delay:
        delay(world.transactions)
    directory.mkdir(parents=True, exist_ok=True)
    for feed in world.feeds():
        if feed.lines or feed in (world.transactions, world.contacts):
            feed.write(directory)
        else:
            (directory / f"{feed.name}.jsonl").unlink(missing_ok=True)


def _served(world: World, person: Person) -> list[service.Known]:
    """Give a person contacts, and a new rhythm or a cancellation after some of them."""
    rng = world.rng
    known: list[service.Known] = []
    span = world.last - FIRST - _QUIET_START_DAYS * DAY
    for _ in range(rng.randint(3, 9) if person.heavy else rng.choice((0, 0, 1, 2))):
        moment = FIRST + _QUIET_START_DAYS * DAY + rng.randrange(max(1, span))
        if rng.random() < 0.2:
            moment = moment // HOUR * HOUR
        if known and rng.random() < 0.4:
            moment = min(service.echo(rng, rng.choice(known)), world.last)
        known.append(service.contact(world.contacts, person, moment, world.dawdling))
        if rng.random() < 0.8:
            react(rng, person, moment)
        if rng.random() < 0.1:
            spending.cancel(
                world.transactions, person, moment + rng.randrange(rng.choice((2, 100)) * DAY), world.dawdling
            )
    return known


def _add_oddities(world: World, inhabitants: list[Person], known: list[service.Known], rng: Random) -> None:
    """Add what is odd, and let purchases come in batches in half of the worlds."""
    for feed in (world.transactions, world.contacts):
        feed.rng = rng
    oddities = Oddities(rng, world.transactions, world.contacts, FIRST, world.last)
    for person in inhabitants:
        oddities.of_person(person, [item for item in known if item.person is person])
    if rng.random() < 0.5:
        deliver_by_the_week(world.transactions, rng)
    merge_customers(world.feeds(), inhabitants, known, Random(rng.random()))


def _gaps(rng: Random, days: int) -> list[tuple[int, int, str]]:
    """Return spans in which everybody's purchases are lost, thinned, or held back until the end."""
    gaps = []
    for _ in range(rng.choice((0, 1, 1, 3))):
        start = FIRST + int(rng.uniform(0.2, 0.95) * days * DAY)
        start = start // HOUR * HOUR if rng.random() < 0.5 else start
        gaps.append((start, start + int(rng.uniform(0.5, 3.5) * DAY), rng.choice(("lost", "thin", "held"))))
    return gaps


def _side_inputs(world: World, inhabitants: list[Person], known: list[service.Known]) -> None:
    rng = world.rng
    if rng.random() < 0.7:
        for person in rng.sample(inhabitants, len(inhabitants) // 2):
            for _ in range(rng.choice((1, 1, 3))):
                service.profile(world.customers, person, FIRST + rng.randrange(world.last - FIRST))
    if rng.random() < 0.7:
        for item in known:
            for _ in range(rng.choice((0, 0, 1, 1, 3))):
                service.disposition(world.dispositions, item, known)


def _unsettle(world: World) -> None:
    rng = world.rng
    times = {
        event_id: _ms(text)
        for feed in world.feeds()
        for _, _, line in feed.lines
        for event_id, text in [_id_and_time(line)]
    }
    for feed in (world.transactions, world.contacts):
        trouble.on_the_limits(feed, times, rng.choice((0, 10, 60)))
        trouble.repeat(feed, rng.choice((0.0, 0.01, 0.05)))
        trouble.refused(feed, FIRST, world.last, rng.choice((0, 5, 30)))
    for feed in (world.customers, world.dispositions):
        trouble.repeat(feed, rng.choice((0.0, 0.05)))
        trouble.refused(feed, FIRST, world.last, rng.choice((0, 3)))
    if rng.random() < 0.5:
        every = rng.choice((6 * HOUR, DAY, 12 * DAY))
        trouble.tick(world.transactions, FIRST, world.last, every)
        trouble.tick(world.contacts, FIRST, world.last, every)


def _id_and_time(line: bytes) -> tuple[str, str]:
    event = json.loads(line)
    return event["event_id"], event["time"]


def _ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000


def _cut(world: World, days: int) -> None:
    """Let the two main files cover the same span, or end early, start late, or hold nothing."""
    rng = world.rng
    ever = 1 << 62
    early = FIRST + int(rng.uniform(0.5, 0.9) * days * DAY)
    late = FIRST + int(rng.uniform(0.1, 0.4) * days * DAY)
    if rng.random() < 0.8:
        for feed in world.feeds():
            feed.between(0, world.last)
    match rng.choices(range(7), weights=(8, 2, 2, 2, 2, 1, 1))[0]:
        case 1:
            world.contacts.between(0, early)
        case 2:
            world.transactions.between(0, early)
        case 3:
            world.contacts.between(late, ever)
        case 4:
            world.transactions.between(late, ever)
        case 5:
            world.contacts.lines.clear()
        case 6:
            world.transactions.between(late, early)
        case _:
            pass
