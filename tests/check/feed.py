"""A healthy little feed as lines, and what can be wrong with one."""

import json
from collections.abc import Callable, Iterable
from random import Random
from typing import Any, Final

from schemas.hot import Decoder
from schemas.times import format_ms, parse_ms
from streams.check.answer import Answer
from streams.check.check import Check
from streams.core.ruleset import DEFAULT
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input

START: Final = parse_ms("2024-01-04T00:00:00Z")
NOW: Final = parse_ms("2025-06-01T00:00:00Z")
WEEKS: Final = 20
CUSTOMERS: Final = 147

Line = dict[str, Any]
Feed = dict[Input, list[Line]]
Change = Callable[[Feed], None]


def purchase(customer: str, time: int, number: object, **other: Any) -> Line:
    """Return a purchase of 20.00; `other` replaces fields."""
    line = {"type": "transaction", "event_id": f"t{number}", "customer_id": customer, "time": format_ms(time)}
    line |= {"source": "shop", "kind": "purchase", "amount": "20.00", "currency": "USD"}
    return line | other


def contact(customer: str, time: int, number: object, **other: Any) -> Line:
    """Return a contact that has every field; `other` replaces fields."""
    line: Line = {"type": "contact", "event_id": f"k{number}", "customer_id": customer}
    line |= {"time": format_ms(time), "source": "phone", "contact_id": f"c{number}", "version": 1}
    line |= {"channel": "voice", "resolution": "unresolved", "escalation_requested": False}
    line |= {"ended_by": "agent", "csat": 2, "transfers_cold": 1, "queue_seconds": 30, "complaint": False}
    line |= {"phrases": ["policy"], "self_served": False, "first_reply_seconds": 20}
    return line | other


def healthy(*, weeks: int = WEEKS) -> Feed:
    """Return a feed in which nothing is wrong: everybody buys once a week, and half get in touch once."""
    rng = Random(3)
    ids = [f"zq-{1000 + one}" for one in range(CUSTOMERS)]
    bought = [
        (START + week * 7 * DAY_MS + (one % 7) * DAY_MS + rng.randrange(8 * HOUR_MS, 20 * HOUR_MS), who)
        for week in range(weeks)
        for one, who in enumerate(ids)
    ]
    # Half of them spend more, so that some are of high value.
    purchases = [
        purchase(who, time, number, amount=f"{10 + ids.index(who)}.50")
        for number, (time, who) in enumerate(sorted(bought))
    ]
    talks = sorted((START + rng.randrange(30 * DAY_MS, weeks * 7 * DAY_MS), who) for who in ids[::2])
    contacts = [contact(who, time, number) for number, (time, who) in enumerate(talks)]
    return {Input.TRANSACTIONS: purchases, Input.CONTACTS: contacts}


def encoded(feed: Feed) -> dict[Input, list[bytes]]:
    """Return the lines as bytes."""
    return {source: [json.dumps(line).encode() for line in lines] for source, lines in feed.items()}


def asked(lines: dict[Input, list[bytes]], *, partitions: int = 1, sampled: bool = False) -> list[Answer]:
    """Return the answers about some lines."""
    check = Check(DEFAULT, currency="USD", partitions=partitions, now_ms=NOW, sampled=sampled)
    decoder = Decoder("USD")
    for source in FACTS:
        for raw in lines.get(source, ()):
            check.take(source, raw, decoder.of(source)(raw))
    return check.answers()


def every(feed: Feed, source: Input, **fields: Any) -> None:
    """Set fields of all lines of an input; None takes one away."""
    for line in feed[source]:
        line.update({name: value for name, value in fields.items() if value is not None})
        for name in (name for name, value in fields.items() if value is None):
            line.pop(name, None)


def with_ids(feed: Feed, form: Callable[[str], str], lines: Iterable[Line] | None = None) -> None:
    """Write the ids of contacts in another form."""
    for line in feed[Input.CONTACTS] if lines is None else lines:
        line["customer_id"] = form(line["customer_id"])


def at(feed: Feed, source: Input, moved: Callable[[int, int], int]) -> None:
    """Give each line of an input another time (ms), by its number and its time."""
    for number, line in enumerate(feed[source]):
        line["time"] = format_ms(moved(number, parse_ms(line["time"])))
