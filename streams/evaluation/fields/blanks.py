"""What a feed may lack: each blank takes some fields, kinds or hours out of what a world sends.

What happened stays as it was, and so does the order in which the records arrive.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl
from msgspec import structs

from streams.core.time import DAY_MS
from streams.lab.generate.journeys import ContactRecord
from streams.lab.generate.purchases import Flags
from streams.lab.generate.stories import ContactLine, NoticeLine
from streams.lab.generate.world import Arrival, World

Blank = Callable[[World], World]

LEAST: Final = ("event_id", "customer_id", "time", "source", "contact_id", "version", "channel", "attributes")
"""What every contact has; `attributes` says that it is synthetic."""
_CONTACT_TIMES: Final = ("time", "started_at", "ended_at")


def without(*names: str) -> Blank:
    """Return what leaves out some fields of every contact."""
    nothing: dict[str, object] = dict.fromkeys(names)

    def blanked(line: ContactLine | NoticeLine) -> ContactLine | NoticeLine:
        return structs.replace(line, **nothing) if isinstance(line, ContactLine) else line

    return lambda world: _with_lines(world, blanked)


def least_and(*names: str) -> Blank:
    """Return what leaves nothing of a contact but ids, time, channel and some fields, and no notice."""
    kept = (*LEAST, *names)
    blank = without(*(one for one in ContactLine.__struct_fields__ if one not in kept))

    def blanked(world: World) -> World:
        stays = np.array([isinstance(one.line, ContactLine) for one in world.contacts], bool)
        return blank(_with_contacts(world, stays))

    return blanked


def no_contacts(world: World) -> World:
    """Leave out all contacts and notices."""
    return _with_contacts(world, np.zeros(len(world.contacts), bool))


def without_kinds(*kinds: str) -> Blank:
    """Return what leaves out some kinds of transactions."""

    def blanked(world: World) -> World:
        stays = ~world.transactions["kind"].is_in(list(kinds)).to_numpy()
        table = world.transactions.filter(pl.Series(stays))
        return replace(
            world,
            transactions=table,
            transactions_arrival=_without(world.transactions_arrival, stays),
        )

    return blanked


def dates_for_times(world: World) -> World:
    """Put everything at midnight (UTC) of its day, as an export of dates has it."""

    def blanked(line: ContactLine | NoticeLine) -> ContactLine | NoticeLine:
        times = {name: getattr(line, name, None) for name in _CONTACT_TIMES}
        return structs.replace(line, **{name: _midnight(text) for name, text in times.items() if text})

    day = pl.col("time_ms", "original_ms") // DAY_MS * DAY_MS
    return replace(_with_lines(world, blanked), transactions=world.transactions.with_columns(day))


def _midnight(time: str) -> str:
    return f"{time[:10]}T00:00:00.000Z"


def _with_lines(
    world: World, blanked: Callable[[ContactLine | NoticeLine], ContactLine | NoticeLine]
) -> World:
    return replace(world, contacts=[ContactRecord(one.time_ms, blanked(one.line)) for one in world.contacts])


def _with_contacts(world: World, stays: Flags) -> World:
    kept: Iterable[ContactRecord] = (one for one, stay in zip(world.contacts, stays, strict=True) if stay)
    return replace(world, contacts=list(kept), contacts_arrival=_without(world.contacts_arrival, stays))


def _without(arrival: Arrival, stays: Flags) -> Arrival:
    """Return the arrival of those records that stay."""
    places = np.cumsum(stays) - 1
    return replace(arrival, order=places[arrival.order[stays[arrival.order]]])


EVERYTHING: Final = "everything"
BLANKS: Final[Mapping[str, Blank]] = MappingProxyType(
    {
        EVERYTHING: lambda world: world,
        "no escalation flags": without("escalation_requested", "escalation_granted"),
        "no IVR stages": without("ended_stage", "ivr_zero_outs"),
        "no surveys": without("csat", "ces", "effort"),
        "no resolution": without("resolution"),
        "no queue and hold": without("queue_seconds", "hold_seconds", "hold_count"),
        "no transfers": without("transfers_cold", "transfers_warm"),
        "no complaints, phrases, repetitions": without("complaint", "phrases", "repeated_information"),
        "the least of contacts": least_and(),
        "the least and escalation flags": least_and("escalation_requested", "escalation_granted"),
        "the least and surveys": least_and("csat", "ces", "effort"),
        "the least and how it ended": least_and("ended_by", "ended_stage"),
        "the least and resolution": least_and("resolution"),
        "the least, resolution, how it ended": least_and("resolution", "ended_by", "ended_stage"),
        "no contacts": no_contacts,
        "no refunds": without_kinds("refund", "chargeback"),
        "purchases alone": without_kinds(
            "refund", "chargeback", "fee", "subscription_charge", "subscription_cancelled"
        ),
        "dates in place of times": dates_for_times,
    }
)
"""By name, the whole first."""
