"""Reads what `generate` wrote, for the tests."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from pathlib import Path
from typing import Any

from schemas.events import Contact, Notice, Profile, Refusal, Transaction
from schemas.hot import Decoder
from schemas.times import parse_ms
from streams.lab.generate import GenerateOptions, GenerateSummary, generate

DAY_MS = 86_400_000


def lines(directory: Path, name: str) -> list[bytes]:
    """Lines of a file, in order of arrival."""
    return (directory / f"{name}.jsonl").read_bytes().splitlines()


@dataclass
class Generated:
    """A generated directory: every line decoded under the contract, in order of arrival."""

    directory: Path
    options: GenerateOptions
    summary: GenerateSummary

    @cached_property
    def transactions(self) -> list[Transaction]:
        """All transactions; a refused line fails."""
        decode = Decoder().transactions
        return [accepted(decode(line), Transaction) for line in lines(self.directory, "transactions")]

    @cached_property
    def contacts(self) -> list[Contact | Notice]:
        """All contact versions and notices; a refused line fails."""
        decode = Decoder().contacts
        return [accepted(decode(line), Contact | Notice) for line in lines(self.directory, "contacts")]

    @cached_property
    def profiles(self) -> list[Profile]:
        """All profiles; a refused line fails."""
        decode = Decoder().customers
        return [accepted(decode(line), Profile) for line in lines(self.directory, "customers")]

    @cached_property
    def truth(self) -> list[dict[str, Any]]:
        """The truth, with moments as ms."""
        return [_moments(json.loads(line)) for line in lines(self.directory, "truth")]

    @cached_property
    def purchases(self) -> dict[str, list[Transaction]]:
        """Purchases of each customer by time, each once."""
        once = {event.event_id: event for event in self.transactions if event.kind == "purchase"}
        by_customer: dict[str, list[Transaction]] = {}
        for event in sorted(once.values(), key=lambda event: event.time):
            by_customer.setdefault(event.customer_id, []).append(event)
        return by_customer

    def bought(self, customer_id: str, start_ms: int, end_ms: int) -> list[Transaction]:
        """Purchases of a customer in [start_ms, end_ms)."""
        mine = self.purchases.get(customer_id, [])
        return [event for event in mine if start_ms <= event.time < end_ms]

    def boycotts(self, shape: str) -> Iterator[tuple[str, int, int]]:
        """Yield customer, start and end of each boycott of that shape, cut at the history's end."""
        for line in self.truth:
            if line["boycott"] == shape:
                yield line["customer_id"], line["start"], line["end"] or self.summary.end_ms


def make(directory: Path, options: GenerateOptions) -> Generated:
    """Generate into `directory`."""
    return Generated(directory, options, generate(directory, options))


def near(count: int, trials: int, share: float) -> bool:
    """Return whether a count is within 4.5 standard deviations: a false alarm in 150,000 seeds."""
    return abs(count - trials * share) <= 4.5 * sqrt(trials * share * (1 - share))


def accepted(event: object, kind: Any) -> Any:
    """Return the event; fail when the contract refuses its line."""
    assert not isinstance(event, Refusal), event
    assert isinstance(event, kind)
    return event


def _moments(line: dict[str, Any]) -> dict[str, Any]:
    for name in ("first_moment", "last_moment", "recovered_at", "start", "end"):
        line[name] = None if line[name] is None else parse_ms(line[name])
    return line
