"""Records to events: the contract's decoder, and what only the log can tell of a record."""

from collections.abc import Callable, Collection, Sequence
from functools import cache, partial
from typing import Final, NamedTuple

from schemas.common import MAX_BYTES
from schemas.dead_letter import Reason
from schemas.events import Erasure, Merge, Refusal, Tick
from schemas.hot import Decoder
from schemas.partitioner import DEFAULT, UNCHECKED, Partitioner, partition_of
from schemas.topics import Topic
from streams.core.customer.customer import unpack
from streams.core.customer.moves import Move, decode_move
from streams.core.customer.state import StateError, ruleset_of
from streams.core.partition.compiled import FITS
from streams.core.partition.partition import Record
from streams.core.watermark import GIVEN, Input
from streams.native import PurchaseDecoder, Run, make_decoder
from streams.runtime.ports import LogRecord

Known = Callable[[str], bool]
"""Tells whether a customer was accepted on this partition before."""

_WRONG_KEY: Final = Refusal(Reason.KEY_MISMATCH, "key: not the customer_id")
_TICK_KEY: Final = Refusal(Reason.KEY_MISMATCH, "key: null for a tick")
_NO_KEY: Final = Refusal(Reason.KEY_MISMATCH, "key: required, a customer_id in UTF-8")
_NO_VALUE: Final = Refusal(Reason.SCHEMA, "value: required")
_NO_MOVE: Final = Refusal(Reason.SCHEMA, "value: not a history that a worker wrote")
_ELSEWHERE: Final = Refusal(Reason.WRONG_PARTITION, "key: belongs to another partition")
_NOBODY_HERE: Final = Refusal(
    Reason.WRONG_PARTITION, "merged_into: not known in this partition, and with unchecked partitions nowhere"
)


def _nobody(_customer_id: str) -> bool:
    """Know no customer: the key is hashed then."""
    return False


class Noted(NamedTuple):
    """An accepted record with unknown fields: its bytes, and their names."""

    value: bytes
    names: Collection[str]


class RecordDecoder:
    """Decodes the records of one partition number; never raises, whatever the bytes."""

    def __init__(  # noqa: PLR0913 - all by name that have a default
        self,
        currency: str,
        partition: int,
        partitions: int,
        *,
        partitioner: Partitioner = DEFAULT,
        strict_fields: bool = False,
        compiled: bool = True,
    ) -> None:
        decoder, self._noted = _decoder(currency, strict_fields=strict_fields)
        self._decode = {one: decoder.of(one) for one in GIVEN}
        self._partition = partition
        self._partitions = partitions
        self._partitioner = partitioner
        self._unchecked = partitioner == UNCHECKED
        self._purchases: PurchaseDecoder | None = None
        if FITS and compiled:
            read = partial(self, Input.TRANSACTIONS, known=_nobody)
            self._purchases = make_decoder(currency, partition, partitions, partitioner, MAX_BYTES, read)

    def run(self, source: Input, records: Sequence[LogRecord], start: int) -> Run | None:
        """Return the plain purchases that follow one another from a place on; None if there is none.

        Each is one that this accepts, and reads as `__call__` does.
        """
        if self._purchases is None or source is not Input.TRANSACTIONS:
            return None
        return self._purchases.decode(records, start)

    def __call__(  # noqa: PLR0911 - one for each kind
        self, source: Input, raw: LogRecord, known: Known
    ) -> Record | Refusal:
        """Return the event of a record, or why it is refused.

        A refusal tells who bought only if the record has the key and the partition of that customer.
        """
        value, key = raw.value, raw.key
        if value is None:
            return self._erasure(raw) if source is Input.CUSTOMERS else _NO_VALUE
        event = self._move(value) if source is Input.MOVES else self._decode[source](value)
        if isinstance(event, Refusal):
            is_whole = event.customer_id is None or self._is_at_home(event.customer_id, key)
            return event if is_whole else Refusal(event.reason, event.detail)
        if isinstance(event, Tick):
            return event if key is None else _TICK_KEY
        customer_id = event.customer_id
        if key != customer_id.encode():
            return _WRONG_KEY
        if self._unchecked:
            return _NOBODY_HERE if isinstance(event, Merge) and not known(event.into) else event
        # Hashing costs more than all the rest, so only strangers are checked.
        if not known(customer_id) and not self._is_here(customer_id):
            return _ELSEWHERE
        return event

    def noted(self) -> list[Noted]:
        """Return the records with unknown fields since this was last asked.

        To be asked after each batch: the decoder is shared by the partitions of a process.
        """
        found = self._noted.copy()
        self._noted.clear()
        return found

    def _is_here(self, customer_id: str) -> bool:
        return partition_of(customer_id, self._partitions, self._partitioner) == self._partition

    def _is_at_home(self, customer_id: str, key: bytes | None) -> bool:
        """Return whether a record has the key of a customer, and lies in the partition of that key."""
        return key == customer_id.encode() and (self._unchecked or self._is_here(customer_id))

    @staticmethod
    def _move(value: bytes) -> Move | Refusal:
        """Return a history, all of which can be read: it is unpacked long after it was accepted."""
        move = decode_move(value)
        if move is None:
            return _NO_MOVE
        try:
            unpack(move.former, move.record)
            if move.rules is not None:
                ruleset_of(move.rules)
        except StateError:
            return _NO_MOVE
        return move

    def _erasure(self, raw: LogRecord) -> Erasure | Refusal:
        try:
            customer_id = (raw.key or b"").decode()
        except UnicodeDecodeError:
            return _NO_KEY
        return Erasure(customer_id) if customer_id else _NO_KEY


@cache
def _decoder(currency: str, *, strict_fields: bool) -> tuple[Decoder, list[Noted]]:
    """Return the one decoder of a currency: partitions share what it remembers of times and amounts.

    And the list where it notes unknown fields.
    """
    noted: list[Noted] = []

    def note(_topic: Topic, raw: bytes, names: Collection[str]) -> None:
        noted.append(Noted(raw, names))

    return Decoder(currency, strict_fields=strict_fields, note=note), noted
