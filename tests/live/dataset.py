"""A dataset over 400 days, hour by hour in Berlin's time, and the arrivals of what happens there.

Forty customers buy, at a till or on the web, about twice a day while the shops are open. After 120 days of
history, which are there when live time begins, half of them call some day and are left alone with a problem:
they buy no more, or less, or come back weeks later, or buy on. Every line is appended one to three seconds
after what it tells of.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from json import dumps
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from streams.core.time import DAY_MS
from tests.runtime.history import NOW

BERLIN: Final = ZoneInfo("Europe/Berlin")
FIRST_DAY: Final = datetime.fromtimestamp(NOW / 1000, BERLIN).replace(hour=0, minute=0)
"""Live time begins in the morning of this day, in January."""
HISTORY_DAYS: Final = 120
DAYS: Final = 400
"""Summer time begins and ends in them, and there is a Christmas."""
CUSTOMERS: Final = 40
SOURCES: Final = ("till", "web")
OPEN_HOURS: Final = (8, 20)


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened, when (ms), and when its line was appended (ms)."""

    time: int
    source: str
    customer_id: str
    nature: str
    """`purchase`, `trouble` or `question`."""
    number: int
    appended: int

    @property
    def line(self) -> bytes:
        """The event as its source writes it, with the offset of local time."""
        return _line(self.time, self.source, self.customer_id, self.nature, self.number)

    def later(self, ms: int) -> "Happening":
        """Return the same, appended so much later."""
        return replace(self, appended=self.appended + ms)


@cache
def _line(time: int, source: str, customer_id: str, nature: str, number: int) -> bytes:
    local = datetime.fromtimestamp(time / 1000, BERLIN)
    common = {
        "event_id": f"{nature}-{number}",
        "customer_id": customer_id,
        "time": local.isoformat(timespec="milliseconds"),
        "source": source,
    }
    return dumps(common | _particulars(nature, number)).encode()


def _particulars(nature: str, number: int) -> dict[str, object]:
    if nature == "purchase":
        amount = f"{20 + number % 7}.00"
        return {"type": "transaction", "kind": "purchase", "amount": amount, "currency": "USD"}
    solved = "unresolved" if nature == "trouble" else "resolved"
    told = {"channel": "voice", "resolution": solved}
    return {"type": "contact", "contact_id": f"k-{number}", "version": 1, **told}


@dataclass(frozen=True, slots=True)
class Life:
    """What a customer does after a bad contact on some day: how long nothing, and what share after that."""

    customer_id: str
    source: str
    trouble_day: int | None
    quiet_days: int
    share_after: float


def lives(rng: Random) -> Iterator[Life]:
    """Yield the customers: half of them at the till, every other one with trouble on some day."""
    for at in range(CUSTOMERS):
        source = SOURCES[at % 4 < 2]
        day = rng.randrange(10, DAYS - 90) if at % 2 == 0 else None
        quiet, after = rng.choice([(1_000, 0.0), (1_000, 0.0), (45, 1.0), (0, 1.0), (0, 0.2)])
        yield Life(f"c{at}", source, day, quiet, after)


def happenings(seed: int = 1, *, weekends: bool = True) -> list[Happening]:
    """Return all that happens, in order of time; without `weekends` nobody calls then, nor at Christmas."""
    rng = Random(seed)
    found: list[tuple[int, str, str, str]] = []
    for life in list(lives(rng)):
        found += ((time, life.source, life.customer_id, "purchase") for time in _purchases(life, rng))
        if life.trouble_day is not None:
            day = FIRST_DAY + timedelta(days=life.trouble_day)
            while not weekends and not _is_working(day):
                day += timedelta(days=1)
            found += ((_at(day, hour, rng), "phone", life.customer_id, "trouble") for hour in (9, 14))
    for at in range(-HISTORY_DAYS, DAYS):
        day = FIRST_DAY + timedelta(days=at)
        if weekends or _is_working(day):
            found += (
                (_at(day, hour, rng), "phone", f"c{rng.randrange(CUSTOMERS)}", "question")
                for hour in (10, 16)
            )
    return [
        Happening(*one, number, one[0] + rng.randrange(1_000, 3_000))
        for number, one in enumerate(sorted(found))
    ]


def _purchases(life: Life, rng: Random) -> Iterator[int]:
    for at in range(-HISTORY_DAYS, DAYS):
        since = -1 if life.trouble_day is None else at - life.trouble_day
        share = 1.0 if since <= 0 else 0.0 if since <= life.quiet_days else life.share_after
        day = FIRST_DAY + timedelta(days=at)
        for _ in range(rng.choice((1, 2, 3))):
            time = _at(day, rng.randrange(*OPEN_HOURS), rng)
            if rng.random() < share:
                yield time


def _at(day: datetime, hour: int, rng: Random) -> int:
    """Return a moment (ms) in an hour of a day, as the clocks of the dataset have it."""
    local = day.replace(hour=hour, minute=rng.randrange(60), second=rng.randrange(60))
    return round(local.timestamp() * 1000) + rng.randrange(1_000)


def _is_working(day: datetime) -> bool:
    christmas = (day.month, day.day) >= (12, 20) or (day.month, day.day) <= (1, 6)
    return day.weekday() < 5 and not christmas


def is_live(one: Happening) -> bool:
    """Return whether it happened after live time began."""
    return one.appended > NOW


def days_after_start(one: Happening) -> float:
    """Return how many days after the beginning of live time it happened."""
    return (one.time - NOW) / DAY_MS


def contacts(all_: Iterable[Happening]) -> list[Happening]:
    """Return the contacts."""
    return [one for one in all_ if one.nature != "purchase"]


def purchases(all_: Iterable[Happening]) -> list[Happening]:
    """Return the purchases."""
    return [one for one in all_ if one.nature == "purchase"]
