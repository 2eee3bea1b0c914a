"""What `publish` writes: each line of a directory where Kafka would put it, and the ticks in between."""

import heapq
from collections import deque
from collections.abc import Iterator
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from schemas.events import Refusal, Tick
from schemas.hot import Decoder
from schemas.partitioner import DEFAULT, Partitioner, Routes
from schemas.times import format_ms
from streams.core.watermark import FACTS, GIVEN, NEVER, Input
from streams.files import WHOLE_BYTES, batches
from streams.runtime.tools.prescan import Prescan

ALL_PARTITIONS: Final = -1
"""Instead of a partition: the entry goes to each."""
TICK_SOURCE: Final = "publish"


_NO_KEY: Final = dict.fromkeys(Input) | {Input.CUSTOMERS: b""}
"""A compacted topic takes no record without a key."""


class Entry(NamedTuple):
    """What is to be published, and the event time (ms) that its file has reached with it."""

    reached: int
    source: Input
    partition: int
    key: bytes | None
    value: bytes
    is_line: bool = True


class _Keyed(msgspec.Struct):
    customer_id: str


def entries(
    prescanned: Prescan,
    partitions: int,
    currency: str,
    *,
    partitioner: Partitioner = DEFAULT,
    strict_fields: bool = False,
) -> Iterator[Entry]:
    """Yield all there is to publish: side inputs, then facts and their ticks merged by time, then the end.

    Raises InputError.
    """
    reader = _Reader(
        prescanned, Decoder(currency, strict_fields=strict_fields), Routes(partitions, partitioner)
    )
    for source in (Input.CUSTOMERS, Input.DISPOSITIONS):
        yield from reader.entries(source)
    yield from heapq.merge(*map(reader.entries, FACTS), key=attrgetter("reached"))
    if prescanned.newest != NEVER:
        for source in FACTS:
            yield tick(prescanned.newest, source, prescanned.newest + 1)


def tick(reached: int, source: Input, time_ms: int, *, by: str = TICK_SOURCE) -> Entry:
    """Return a tick of a time (ms) for each partition of an input; event time has `reached` another (ms)."""
    value = msgspec.json.encode({"type": "tick", "time": format_ms(time_ms), "source": by})
    return Entry(reached, source, ALL_PARTITIONS, None, value, is_line=False)


class _Reader:
    def __init__(self, prescanned: Prescan, decoder: Decoder, routes: Routes) -> None:
        self._prescanned = prescanned
        self._decode = {one: decoder.of(one) for one in GIVEN}
        self._routes = routes

    def entries(self, source: Input) -> Iterator[Entry]:
        """Yield the lines of an input in their order, and its ticks where they may stand."""
        ticks = deque(self._prescanned.ticks.get(source, ()))
        reached = NEVER
        newest = self._prescanned.newest if source in FACTS else NEVER
        for number, raw in self._lines(source):
            while ticks and ticks[0].after < number:
                reached = max(reached, ticks[0].time)
                yield tick(reached, source, ticks.popleft().time)
            if len(raw) <= WHOLE_BYTES:
                time_ms, partition, key = self._route(source, raw)
                if reached < time_ms <= newest:  # what lies beyond is refused
                    reached = time_ms
                yield Entry(reached, source, partition, key, raw)
        for one in ticks:
            reached = max(reached, one.time)
            yield tick(reached, source, one.time)

    def _lines(self, source: Input) -> Iterator[tuple[int, bytes]]:
        path = self._prescanned.paths.get(source)
        ahead = self._prescanned.ahead.get(source, set())
        for batch in batches(path) if path else ():
            for number, raw in zip(batch.numbers, batch.lines, strict=True):
                if number not in ahead:
                    yield number, raw

    def _route(self, source: Input, raw: bytes) -> tuple[int, int, bytes | None]:
        """Return time, partition and key of a line; of a refused one what can be read of them."""
        event = self._decode[source](raw)
        if isinstance(event, Tick):
            return event.time, ALL_PARTITIONS, None
        if not isinstance(event, Refusal):
            return event.time, self._routes[event.customer_id], event.customer_id.encode()
        customer_id = event.customer_id or _customer_of(raw)
        if customer_id is None:
            return NEVER, 0, _NO_KEY[source]
        return NEVER, self._routes[customer_id], customer_id.encode()


def _customer_of(raw: bytes) -> str | None:
    """Return the customer id of a line that is refused, if it has one that could be a key."""
    try:
        customer_id = msgspec.json.decode(raw, type=_Keyed).customer_id
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return customer_id if 0 < len(customer_id) <= 128 else None
