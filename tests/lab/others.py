"""Data as other people have them: small inputs to spoil, and what a person reads of a replay of them."""

import html
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from streams.lab.generate import GenerateOptions, Population, generate
from tests.lab.datasets import Done, lines_of, run, write_lines

START: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""Early enough that two years ahead is not yet the future of whoever runs this."""

Event = dict[str, Any]


@dataclass(frozen=True)
class Read:
    """What a person is left with after a replay."""

    code: int
    said: str
    """All that was printed, in lower case, one blank between words."""
    letters: list[Event]
    report: str
    """The report's text, as `said`."""
    alerts: bytes
    raw: str
    """Everything printed and written, untouched, but for the alerts."""

    def details(self) -> str:
        """Return what the dead letters say, in lower case."""
        return " | ".join(letter["detail"] for letter in self.letters).lower()

    def places(self) -> list[tuple[str, int, str]]:
        """Return file, line and reason of each dead letter."""
        return [(letter["file"], letter["line"], letter["reason"]) for letter in self.letters]


def moment(hours: float) -> str:
    """Return the time so many hours after the start."""
    return (START + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def sale(number: int, **changes: object) -> Event:
    """Return a purchase, half a day after the one before; 30 customers take turns."""
    return {
        "type": "transaction",
        "event_id": f"t-{number}",
        "customer_id": f"c-{number % 30}",
        "time": moment(12 * number),
        "source": "shop",
        "kind": "purchase",
        "amount": f"{10 + number % 7}.00",
        "currency": "USD",
    } | changes


def call(number: int, **changes: object) -> Event:
    """Return a contact, two days after the one before."""
    return {
        "type": "contact",
        "event_id": f"k-{number}",
        "customer_id": f"c-{number % 30}",
        "time": moment(48 * number),
        "source": "phone",
        "contact_id": f"call-{number}",
        "version": 1,
        "channel": "voice",
    } | changes


def without(event: Event, *names: str) -> Event:
    """Return an event that lacks some fields."""
    return {name: value for name, value in event.items() if name not in names}


def spelled(events: Iterable[Event]) -> list[bytes]:
    """Return events as the lines of a file."""
    return [json.dumps(event, ensure_ascii=False).encode() for event in events]


def sales(count: int) -> list[bytes]:
    """Return the lines of so many purchases."""
    return spelled(sale(number) for number in range(count))


def calls(count: int) -> list[bytes]:
    """Return the lines of so many contacts."""
    return spelled(call(number) for number in range(count))


def folder(
    path: Path, transactions: list[bytes] | bytes | None, contacts: list[bytes] | bytes | None
) -> Path:
    """Write a directory of inputs: lines, or bytes as they are; None leaves one out."""
    path.mkdir(exist_ok=True)
    for name, content in (("transactions.jsonl", transactions), ("contacts.jsonl", contacts)):
        if isinstance(content, bytes):
            (path / name).write_bytes(content)
        elif content is not None:
            write_lines(path / name, content)
    return path


def read(directory: Path, *options: object) -> Read:
    """Replay a directory and gather what there is to read; the other outputs go beside it."""
    beside = directory.parent / f"{directory.name}-read"
    beside.mkdir()
    dead, report, alerts = beside / "dead.jsonl", beside / "report.html", beside / "alerts.jsonl"
    done = run("replay", directory, "--dead-letters", dead, "--report", report, "--alerts", alerts, *options)
    assert "Traceback" not in done.out + done.err
    letters = [json.loads(line) for line in lines_of(dead)] if dead.exists() else []
    page = report.read_text(encoding="utf-8") if report.exists() else ""
    raw = "\n".join([done.out, done.err, page, dead.read_text() if dead.exists() else ""])
    return Read(
        done.code, words(done), letters, _text(page), alerts.read_bytes() if alerts.exists() else b"", raw
    )


def words(done: Done) -> str:
    """Return all that a command printed, in lower case, one blank between words, numbers without commas."""
    return _even(f"{done.out} {done.err}")


def _even(text: str) -> str:
    return re.sub(r"(?<=\d),(?=\d{3})", "", " ".join(text.split()).lower())


def _text(page: str) -> str:
    body = re.sub(r"<(style|script)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return _even(html.unescape(re.sub(r"<[^>]*>", " ", body)))


def write_small_dataset(directory: Path) -> None:
    """Write a small dataset with alerts, so long ago that two years after it have passed."""
    options = GenerateOptions(
        population=Population.SYNTHETIC,
        customers=20,
        days=200,
        seed=5,
        start=START.date(),
        contact_rate=8.0,
        severe_share=0.5,
    )
    generate(directory, options)


def alerts_of(directory: Path, rules: Path, *options: object) -> bytes:
    """Return the alerts that a replay of a directory writes."""
    path = directory.parent / f"{directory.name}.alerts"
    done = run("replay", directory, "--ruleset", rules, "--alerts", path, *options)
    assert "Traceback" not in done.out + done.err
    assert path.exists(), done
    return path.read_bytes()
