"""The hot decoder: bytes to events with msgspec, held to the pydantic models.

Whatever it doubts goes to `schemas.reference`, which decides and words the refusal. So it may never accept
what the models refuse, nor read another value; a differential test holds it to that, and to doubt no
sound message. Branches of the transaction are laid out for a plain purchase of the reporting currency.

A record with unknown fields is doubted at first, and read by a second quick way: the reference's own parser
says that all of it is JSON and which names are unknown, and the same decoder, with structs that skip them,
reads the rest. A record without any never goes that way.
"""

from collections.abc import Callable, Collection
from functools import partial, reduce
from operator import or_
from typing import Any, Protocol, TypeAlias

from msgspec import MsgspecError
from msgspec.json import Decoder as JsonDecoder
from pydantic_core import from_json

from schemas import events, reference
from schemas.cache import UNITS_PER_CENT, Cache, amount_units, cents, clock, home_cents, pieces, rate_units
from schemas.common import MAX_BYTES
from schemas.convert import CONVERT, merge
from schemas.line_faults import BOM
from schemas.merge import check_into
from schemas.money import check_currency
from schemas.tick import Tick
from schemas.topics import CONTACTS, CUSTOMERS, DISPOSITIONS, TRANSACTIONS, Topic
from schemas.transaction import CHANGED, OF_A_PURCHASE, PURCHASE, Transaction, check_kind, previous_price
from schemas.unknown_fields import unknown_fields
from schemas.wire import checks, structs

Decode: TypeAlias = Callable[[bytes], Any]
Decoded: TypeAlias = (
    events.Transaction
    | events.Merge
    | events.Contact
    | events.Notice
    | events.Profile
    | events.Disposition
    | events.Tick
    | events.Refusal
)

Note: TypeAlias = Callable[[Topic, bytes, Collection[str]], object]
"""Takes an accepted record with unknown fields: its topic, its bytes, their names."""

_DOUBTS = (MsgspecError, ValueError, RecursionError)


class _Maker(Protocol):
    def __call__(self, doubt: Decode, *, loose: bool = False) -> Decode:
        """Return the hot decoder of a topic."""


class Decoder:
    """Decoders of the four input topics. None of them raises, whatever the bytes; none is thread-safe.

    Unknown fields are left out, and told to `note`; with `strict_fields` they are refused.
    Raises ValueError if the reporting currency is not shaped like an ISO 4217 code.
    """

    __slots__ = ("contacts", "customers", "dispositions", "transactions")

    transactions: Callable[[bytes], events.Transaction | events.Merge | events.Tick | events.Refusal]
    contacts: Callable[[bytes], events.Contact | events.Notice | events.Tick | events.Refusal]
    customers: Callable[[bytes], events.Profile | events.Refusal]
    dispositions: Callable[[bytes], events.Disposition | events.Refusal]

    def __init__(
        self,
        reporting_currency: str = "USD",
        *,
        strict_fields: bool = False,
        note: Note = lambda _topic, _raw, _names: None,
    ) -> None:
        check_currency(reporting_currency)

        def decoder(topic: Topic, make: _Maker) -> Decode:
            slow = partial(
                reference.decode,
                topic=topic,
                reporting_currency=reporting_currency,
                strict_fields=strict_fields,
            )
            return make(slow if strict_fields else tolerant(topic, make(slow, loose=True), slow, note))

        self.transactions = decoder(TRANSACTIONS, partial(transaction_decoder, reporting_currency))
        self.contacts, self.customers, self.dispositions = (
            decoder(topic, partial(topic_decoder, topic)) for topic in (CONTACTS, CUSTOMERS, DISPOSITIONS)
        )

    def of(self, topic: str) -> Callable[[bytes], Decoded]:
        """Return the decoder of an input topic, by its name without the prefix; else KeyError."""
        decoders: dict[str, Callable[[bytes], Decoded]] = {
            TRANSACTIONS.name: self.transactions,
            CONTACTS.name: self.contacts,
            CUSTOMERS.name: self.customers,
            DISPOSITIONS.name: self.dispositions,
        }
        return decoders[topic]


def tolerant(topic: Topic, loose: Decode, slow: Decode, note: Note) -> Decode:
    """Return what reads a record that the hot decoder doubts: by `loose` if it has unknown fields.

    The names of those that are accepted are told to `note`. All else is answered by `slow`.
    """

    def doubted(raw: bytes) -> Any:
        if len(raw) > MAX_BYTES:
            return slow(raw)
        try:
            names = unknown_fields(from_json(raw.removeprefix(BOM), allow_inf_nan=False), topic)
        except ValueError:
            return slow(raw)
        if not names:
            return slow(raw)
        event = loose(raw)
        if event.__class__ is not events.Refusal:
            note(topic, raw, names)
        return event

    return doubted


def transaction_decoder(reporting_currency: str, doubt: Decode, *, loose: bool = False) -> Decode:
    """Return the decoder of the transactions topic; what it cannot vouch for is answered by `doubt`.

    A `loose` one skips unknown fields.
    """
    wires = structs(TRANSACTIONS.models.values(), loose=loose)
    decode = JsonDecoder(reduce(or_, wires)).decode
    money_wire: Any = next(wire for wire, model in wires.items() if model is Transaction)
    tick_wire: Any = next(wire for wire, model in wires.items() if model is Tick)
    hours, seconds, tails = pieces()
    home = Cache(home_cents)
    odd_money = _odd_money(reporting_currency, home)
    event, tick = events.Transaction, events.Tick
    to_hour, to_second, beyond = slice(13), slice(13, 19), slice(19, None)  # made once, not for each message

    def transactions(raw: bytes) -> Any:
        if len(raw) > MAX_BYTES:
            return doubt(raw)
        try:
            wire: Any = decode(raw)
            text = wire.time
            time = hours[text[to_hour]] + seconds[text[to_second]] + tails[text[beyond]]
            if wire.__class__ is not money_wire:
                if wire.__class__ is tick_wire:
                    return tick(wire.source, time)
                check_into(wire)
                return merge(wire, lambda _text: time)
            amount, kind, original = wire.amount, wire.kind, wire.original_time
            if (
                wire.currency != reporting_currency
                or wire.exchange_rate is not None
                or amount is None
                or kind != PURCHASE
                or wire.previous_amount is not None
                or wire.corrects is not None
            ):
                money, previous = odd_money(wire)
            else:
                money, previous = home[amount], None
            if original is not None:
                original = hours[original[to_hour]] + seconds[original[to_second]] + tails[original[beyond]]
                if original > time and kind in OF_A_PURCHASE:
                    return doubt(raw)
            return event(wire.customer_id, wire.source, wire.event_id, time, kind, money, original, previous)
        except _DOUBTS:
            return doubt(raw)

    return transactions


def _odd_money(reporting_currency: str, home: Cache) -> Callable[[Any], tuple[int, int | None]]:
    """Return the reading of the money of anything but a plain purchase in the reporting currency.

    It gives the hundredths of `amount` and `previous_amount`.
    """
    rates, amounts = Cache(rate_units), Cache(amount_units)

    def converted(amount: str, factor: int | None) -> int:
        if factor is None:
            raise ValueError("exchange_rate: required")
        return cents(amounts[amount] * factor, UNITS_PER_CENT)

    def odd_money(wire: Any) -> tuple[int, int | None]:
        amount, previous = wire.amount, wire.previous_amount
        currency, rate = wire.currency, wire.exchange_rate
        check_kind(wire)
        if currency is not None:
            check_currency(currency)
        factor = None if rate is None else rates[rate]
        read = home.__getitem__ if currency == reporting_currency else partial(converted, factor=factor)
        now = 0 if amount is None else read(amount)
        before = None if previous is None else read(previous)
        return now, previous_price(before) if wire.kind == CHANGED else before

    return odd_money


def topic_decoder(topic: Topic, doubt: Decode, *, loose: bool = False) -> Decode:
    """Return the decoder of another topic; what it cannot vouch for is answered by `doubt`.

    A `loose` one skips unknown fields.
    """
    wires = structs(topic.models.values(), loose=loose)
    rules = {wire: (checks(model), CONVERT[model]) for wire, model in wires.items()}
    decode = JsonDecoder(reduce(or_, wires)).decode
    ms = clock()

    def events_of(raw: bytes) -> Any:
        if len(raw) > MAX_BYTES:
            return doubt(raw)
        try:
            wire = decode(raw)
            unchecked, convert = rules[wire.__class__]
            for field, check in unchecked:
                text = getattr(wire, field)
                if text is not None:
                    check(text)
            event = convert(wire, ms)
        except _DOUBTS:
            return doubt(raw)
        if event.__class__ is events.Contact and event.moment > event.time:
            return doubt(raw)
        return event

    return events_of
