"""The transactions of a random world."""

from decimal import Decimal
from random import Random

from tests.worlds.people import Person
from tests.worlds.wire import DAY, HOUR, MINUTE, SECOND, Event, Feed, stamp

_RATES = ("0.5", "0.25", "2.5", "1.005", "1.234567", "0.0067", "1")


def delay(rng: Random, dawdling: float) -> int:
    """Return how long after its time an event arrives (ms): mostly at once, at times days later."""
    if rng.random() >= dawdling:
        return rng.choice((0, 0, rng.randrange(5 * SECOND)))
    longest = rng.choice((20 * SECOND, HOUR, 8 * HOUR, DAY, 9 * DAY))
    return rng.randrange(longest)


def buy(feed: Feed, person: Person, last: int, gaps: list[tuple[int, int, str]], dawdling: float) -> None:
    """Add a person's transactions up to `last`; a gap (start, end, kind) loses, thins or holds them back."""
    rng = feed.rng
    time = person.start
    while (time := _next_purchase(rng, person, time)) < last:
        arrival = time + delay(rng, dawdling)
        gap = next(((end, kind) for start, end, kind in gaps if start <= time < end), None)
        if gap is not None:
            end, kind = gap
            if kind == "lost" or (kind == "thin" and rng.random() < 0.5):
                continue
            arrival = end + rng.randrange(HOUR) if kind == "held" else arrival
        feed.put(_purchase(feed, person, time), arrival)
        if rng.random() < 0.06:
            _take_back(feed, person, time, dawdling)
    if person.subscribed:
        _charges(feed, person, last)


def _next_purchase(rng: Random, person: Person, time: int) -> int:
    while (factor := person.rate(time)) == 0.0:
        change = person.next_change(time)
        if change is None:
            return 1 << 62
        time = change
    spread = rng.uniform(0.85, 1.15) if person.regular else rng.expovariate(1.0)
    later = time + max(1, int(person.gap_hours * spread / factor * HOUR))
    if person.on_the_hour:
        return -(-later // HOUR) * HOUR + rng.choice((0, 0, 0, 0, HOUR - 1))
    return later // MINUTE * MINUTE if rng.random() < 0.2 else later


def _purchase(feed: Feed, person: Person, time: int) -> Event:
    rng = feed.rng
    spread = 1.0 if person.fixed_amount else rng.lognormvariate(0, 0.5)
    amount = Decimal(max(1, int(person.amount_cents * spread))) / 100
    rate: str | None = None
    currency = "USD"
    if person.foreign and rng.random() < 0.7:
        currency = rng.choice(("EUR", "JPY", "GBP"))
        rate = rng.choice(_RATES)
    if rng.random() < 0.1:
        amount += Decimal(rng.choice(("0.005", "0.015", "0.004999", "0.01", "0.0050")))
    if rng.random() < 0.003:
        amount = Decimal("0.004")
    return feed.event(
        "transaction",
        person.customer_id,
        time,
        "pos",
        kind="purchase",
        amount=f"{amount:f}",
        currency=currency,
        exchange_rate=rate,
        order_id=f"o{feed.issued}" if rng.random() < 0.3 else None,
        channel=rng.choice(("web", "store", None)),
        category=None,
    )


def _take_back(feed: Feed, person: Person, bought: int, dawdling: float) -> None:
    """Add a refund or chargeback of a purchase, or of one before anything that this world holds."""
    rng = feed.rng
    time = bought + int(rng.expovariate(1 / 12) * DAY)
    origin: int | None = rng.choice((bought, bought, None))
    if rng.random() < 0.06:
        origin = person.start - rng.randrange(1, rng.choice((30, 100, 600))) * DAY
    cents = max(1, int(person.amount_cents * rng.choice((0.3, 1.0, 1.0, 4.0))))
    event = feed.event(
        "transaction",
        person.customer_id,
        time,
        "pos",
        kind=rng.choice(("refund", "refund", "refund", "chargeback")),
        amount=f"{cents / 100:.2f}",
        currency="USD",
        original_time=None if origin is None else stamp(origin, rng),
    )
    feed.put(event, time + delay(rng, dawdling))


def _charges(feed: Feed, person: Person, last: int) -> None:
    rng = feed.rng
    for time in range(person.start, last, 30 * DAY):
        kind = rng.choice(("subscription_charge", "subscription_charge", "fee"))
        event = feed.event(
            "transaction", person.customer_id, time, "billing", kind=kind, amount="19.99", currency="USD"
        )
        feed.put(event, time + delay(rng, 0.02))


def cancel(feed: Feed, person: Person, time: int, dawdling: float) -> None:
    """Add the end of a subscription."""
    event = feed.event("transaction", person.customer_id, time, "billing", kind="subscription_cancelled")
    feed.put(event, time + delay(feed.rng, dawdling))
