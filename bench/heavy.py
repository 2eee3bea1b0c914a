"""One id that very many share: 100,000 contacts of it in 8 days, and a million purchases.

Fed in batches of 500 with a decision and a commit after each, as a worker does. Ruleset 3 remembers 500
contacts of a customer. Beside the seconds stand the largest record of the changelog, and the most that one
commit wrote.
"""

import gc
from collections.abc import Iterator
from dataclasses import dataclass
from time import process_time

import msgspec

from bench.shared.alone import alone
from bench.shared.command_line import parser
from bench.shared.histories import START_MS
from bench.shared.machine import machine
from schemas.events import Contact, Transaction
from schemas.hot import Decoder
from schemas.times import format_ms
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import DEFAULT
from streams.core.time import DAY_MS
from streams.core.watermark import FACTS, Input

DAYS = 8
BATCH = 500


@dataclass(frozen=True)
class Measured:
    """One run: CPU seconds, bytes of the largest record and of the largest commit, and pages of ids."""

    seconds: float
    record: int
    commit: int
    pages: int


def main(arguments: list[str] | None = None) -> None:
    """Measure each in a fresh process, print."""
    options = parser(__doc__)
    options.add_argument("--contacts", type=int, default=100_000)
    options.add_argument("--purchases", type=int, default=1_000_000)
    asked = options.parse_args(arguments)
    print(machine())
    for name, measure, count in (
        ("contacts", measure_contacts, asked.contacts),
        ("purchases", measure_purchases, asked.purchases),
    ):
        found = alone(measure, count)
        print(
            f"{count:,} {name} of one id in {DAYS} days: {found.seconds:.2f} s, "
            f"{found.seconds / count * 1e6:.1f} us each; largest record {found.record:,} bytes, "
            f"largest commit {found.commit:,} bytes, {found.pages:,} pages"
        )


def measure_contacts(count: int) -> Measured:
    """Feed so many bad contacts of one id, about a dozen reasons."""
    return _feed(Input.CONTACTS, _contacts(count))


def measure_purchases(count: int) -> Measured:
    """Feed so many purchases of one id."""
    return _feed(Input.TRANSACTIONS, _purchases(count))


def _contacts(count: int) -> list[Record]:
    decode = Decoder().contacts
    found: list[Record] = []
    for at in range(count):
        line = {
            "type": "contact",
            "event_id": f"e{at}",
            "customer_id": "anonymous",
            "time": format_ms(START_MS + at * DAYS * DAY_MS // count),
            "source": "phone",
            "contact_id": f"k{at}",
            "version": 1,
            "channel": "voice",
            "reason": f"reason {at % 12}",
            "resolution": "unresolved",
        }
        event = decode(msgspec.json.encode(line))
        assert isinstance(event, Contact), event
        found.append(event)
    return found


def _purchases(count: int) -> list[Record]:
    return [
        Transaction(
            "anonymous", "shop", f"e{at}", START_MS + at * DAYS * DAY_MS // count, "purchase", 1_000, None
        )
        for at in range(count)
    ]


def _feed(source: Input, events: list[Record]) -> Measured:
    """Do with each batch what a worker does: apply it, decide, drain what changed."""
    partition = Partition(DEFAULT)
    gc.collect()
    gc.freeze()  # as the worker does
    record = commit = pages = 0
    started = process_time()
    for batch in _batches(events):
        partition.apply(source, batch)
        partition.advance(dict.fromkeys(FACTS, partition.newest + 1))
        sizes = {key[:1]: len(value or b"") for key, value in partition.drain_dirty()}
        record, commit = max(record, *sizes.values()), max(commit, sum(sizes.values()))
        pages += b"i" in sizes
    return Measured(process_time() - started, record, commit, pages)


def _batches(events: list[Record]) -> Iterator[list[Record]]:
    return (events[start : start + BATCH] for start in range(0, len(events), BATCH))


if __name__ == "__main__":
    main()
