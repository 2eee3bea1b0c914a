"""Events as the lines of a directory: odd but valid spellings of times and amounts, in arrival order."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import TypeAlias
from uuid import UUID, uuid5

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

Json: TypeAlias = "str | int | float | bool | dict[str, str] | list[str] | None"
Event: TypeAlias = dict[str, Json]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSETS_MINUTES = (0, 0, 0, 60, 120, -300, -480, 330, 345, 840, -720)
_NAMESPACE = UUID("731beb54-e8c9-5a95-9036-e6143143d599")


def stamp(time: int, rng: Random | None = None) -> str:
    """Spell `time` (ms UTC) in RFC 3339; with `rng` in any offset and precision that floors to it."""
    offset = timezone(timedelta(minutes=rng.choice(_OFFSETS_MINUTES))) if rng else UTC
    moment = (_EPOCH + timedelta(milliseconds=time)).astimezone(offset)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S") + _fraction(time % SECOND, rng)
    if offset.utcoffset(None) == timedelta(0) and (rng is None or rng.random() < 0.8):
        return text + "Z"
    minutes = int(offset.utcoffset(None).total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"{text}{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _fraction(ms: int, rng: Random | None) -> str:
    if rng is not None and rng.random() < 0.15:
        return f".{ms:03}{rng.randrange(SECOND):03}"
    short = f".{ms:03}".rstrip("0")
    if short == ".":
        return "" if rng is None or rng.random() < 0.7 else ".0"
    return short


def alert_id(customer_id: str, source: str, contact_id: str) -> str:
    """Compute the id that the contract gives to the alert of an anchor."""
    name = json.dumps([customer_id, source, contact_id], ensure_ascii=False, separators=(",", ":"))
    return str(uuid5(_NAMESPACE, name))


@dataclass
class Feed:
    """The lines of one file while they are being gathered: (arrival in ms, running number, bytes)."""

    name: str
    rng: Random
    lines: list[tuple[int, int, bytes]] = field(default_factory=list)
    issued: int = 0

    def event(self, type_: str, customer_id: str, time: int, source: str, **fields: Json) -> Event:
        """Return an event with a fresh id; fields given as None are left out, or sometimes spelt null."""
        self.issued += 1
        event: Event = {
            "type": type_,
            "event_id": f"{self.name[0]}-{self.issued}",
            "customer_id": customer_id,
            "time": stamp(time, self.rng),
            "source": source,
        }
        event |= {
            key: value for key, value in fields.items() if value is not None or self.rng.random() < 0.05
        }
        if self.rng.random() < 0.05:
            event["attributes"] = {"note": "märk", "lane": str(self.rng.randrange(9))}
        return event

    def put(self, event: Event, arrival: int) -> None:
        """Add an event that arrives at `arrival` (ms); equal arrivals keep the order in which they came."""
        text = json.dumps(event, ensure_ascii=self.rng.random() < 0.5)
        self.put_bytes(text.encode(), arrival)

    def put_bytes(self, line: bytes, arrival: int) -> None:
        """Add a line as it is."""
        self.lines.append((arrival, len(self.lines), line))

    def between(self, first: int, last: int) -> None:
        """Forget what arrives outside [first, last)."""
        self.lines = [line for line in self.lines if first <= line[0] < last]

    def write(self, directory: Path) -> None:
        """Write the file in arrival order."""
        data = b"".join(line + b"\n" for _, _, line in sorted(self.lines))
        (directory / f"{self.name}.jsonl").write_bytes(data)
