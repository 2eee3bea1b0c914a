"""A small mapping of purchases and contacts for tests, with what is given changed in it."""

from functools import cache
from pathlib import Path
from typing import Any, Final

from streams.mapping.config import Config, parse
from streams.mapping.mapping import Mapping
from streams.mapping.outcomes import Draft, Mapped, Memory, Meta, Refused, Skipped

META: Final = Meta(topic="orders", partition=1, offset=7)

PURCHASE: Final = {
    "event_id": '"id"',
    "customer_id": '"customer"',
    "time": '"at"',
    "kind": '{ value = "purchase" }',
    "amount": '"total"',
    "currency": '{ value = "USD" }',
}
CONTACT: Final = {
    "contact_id": '"id"',
    "customer_id": '"customer"',
    "time": '"at"',
    "channel": '{ value = "voice" }',
}
ORDER: Final[dict[str, Any]] = {
    "id": "o-1",
    "customer": "c-1",
    "at": "2024-03-01T12:00:00Z",
    "total": "12.50",
}


def config(fields: dict[str, str], *, to: str = "transaction", event: str = "", more: str = "") -> Config:
    """Return a mapping with one source and one event; texts are TOML."""
    lines = "\n".join(f"{name} = {value}" for name, value in fields.items())
    text = f"""
[source.orders]
{more}
[[source.orders.event]]
name = "it"
to = "{to}"
{event}
[source.orders.event.fields]
{lines}
"""
    return parse(text, folder=Path(), name="mapping.toml")


@cache
def purchase(*, event: str = "", more: str = "", **fields: str) -> Mapping:
    """Return a mapping of purchases with some fields changed."""
    return Mapping(config(PURCHASE | fields, event=event, more=more), "USD")


@cache
def contact(*, event: str = "", more: str = "", **fields: str) -> Mapping:
    """Return a mapping of contacts with some fields changed."""
    return Mapping(config(CONTACT | fields, to="contact", event=event, more=more), "USD")


def one(mapping: Mapping, record: dict[str, Any]) -> Draft | Skipped | Refused:
    """Return the one outcome of a record."""
    (outcome,) = mapping.map("orders", record, META)
    return outcome


def fields(mapping: Mapping, **changed: Any) -> dict[str, Any]:
    """Return the fields of the event that ORDER comes to, with some of its own changed."""
    outcome = one(mapping, ORDER | changed)
    assert isinstance(outcome, Draft), outcome
    return outcome.fields


def why(mapping: Mapping, **changed: Any) -> str:
    """Return why ORDER, with some of its fields changed, comes to nothing."""
    outcome = one(mapping, ORDER | changed)
    assert not isinstance(outcome, Draft), outcome
    return outcome.why if isinstance(outcome, Skipped) else outcome.detail


def finished(mapping: Mapping, drafts: list[Draft]) -> list[Mapped | Skipped | Refused]:
    """Return what drafts come to, one after another, with what is remembered between them."""
    memories: dict[str, Memory] = {}
    found: list[Mapped | Skipped | Refused] = []
    for draft in drafts:
        outcomes, memories[draft.state_key] = mapping.finish(draft, memories.get(draft.state_key))
        found += outcomes
    return found
