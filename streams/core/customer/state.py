"""Keys and partition-wide record of the state that a changelog keeps; customers are packed in `customer`."""

from collections.abc import Iterable
from struct import Struct as Layout
from typing import Any, Final

from msgspec import MsgspecError, Struct, field, msgpack

from streams.core.feed.feed_guard import GuardState
from streams.core.ruleset import Ruleset, RulesetError
from streams.core.spend.population import Refresh

PARTITION_KEY: Final = b"p"
_CUSTOMER: Final = b"c"
_PAGE: Final = b"i"
_NUMBER_BYTES: Final = 4
_JOURNAL: Final = b"j"
_PLACE: Final = Layout(">QH")
_FORMAT: Final = 1
GRAVE: Final = b"\0"
"""In place of a customer's record: erased, and what the journal has from before counts for nothing."""


class StateError(ValueError):
    """State that this release does not read."""


class PartitionState(Struct, array_like=True):
    """Everything of a partition that is no customer's."""

    clocks: dict[str, tuple[int, int]]
    guard: GuardState
    refresh: Refresh | None
    next_refresh: int | None
    decided: int
    rulesets: dict[str, dict[str, Any]]
    """By hash: those that episodes opened under, and the current one."""
    format: int = _FORMAT
    alive: dict[str, int] = field(default_factory=dict)
    """When the feed of each input last showed that it lives; none in state from before this was kept."""

    def encode(self) -> bytes:
        """Return the packed record."""
        return msgpack.encode(self)


def decode_state(value: bytes) -> PartitionState:
    """Return the partition-wide state of a packed record; raises StateError."""
    try:
        state = msgpack.decode(value, type=PartitionState)
    except MsgspecError as error:
        raise StateError("a partition record that does not parse") from error
    if state.format != _FORMAT:
        raise StateError(f"partition state of format {state.format}, this release reads {_FORMAT}")
    return state


def ruleset_of(given: dict[str, Any]) -> Ruleset:
    """Return a ruleset of the state; raises StateError."""
    try:
        return Ruleset.from_mapping(given)
    except RulesetError as error:
        raise StateError(f"a ruleset that this release does not know: {error}") from error


def customer_key(customer_id: str) -> bytes:
    """Return the state key of a customer; the prefix keeps ids of any bytes apart from other kinds."""
    return _CUSTOMER + customer_id.encode()


def page_key(customer_id: str, number: int) -> bytes:
    """Return the state key of a page of a customer's ids."""
    return _PAGE + number.to_bytes(_NUMBER_BYTES, "big") + customer_id.encode()


def customer_of(key: bytes) -> str:
    """Return the customer of a state key, its own or that of a page; raises StateError."""
    try:
        return key[1 + is_page_key(key) * _NUMBER_BYTES :].decode()
    except UnicodeDecodeError as error:
        raise StateError("a customer's key that is not UTF-8") from error


def page_number_of(key: bytes) -> int:
    """Return the number of the page of a state key."""
    return int.from_bytes(key[1 : 1 + _NUMBER_BYTES], "big")


def keep_newest(state: dict[bytes, bytes], written: Iterable[tuple[bytes, bytes | None]]) -> None:
    """Keep what was written (None: forgotten) as a restore wants it: newest values, in the order of these."""
    for key, value in written:
        state.pop(key, None)
        if value is not None:
            state[key] = value


def is_customer_key(key: bytes) -> bool:
    """Return whether a state key is a customer's."""
    return key[:1] == _CUSTOMER


def is_page_key(key: bytes) -> bool:
    """Return whether a state key is that of a page of a customer's ids."""
    return key[:1] == _PAGE and len(key) > _NUMBER_BYTES


def journal_key(number: int, part: int) -> bytes:
    """Return the state key of a part of a journal record."""
    return _JOURNAL + _PLACE.pack(number, part)


def is_journal_key(key: bytes) -> bool:
    """Return whether a state key is that of a part of a journal record."""
    return key[:1] == _JOURNAL and len(key) == 1 + _PLACE.size


def journal_number_of(key: bytes) -> int:
    """Return the number of the journal record of a state key."""
    number: int = _PLACE.unpack_from(key, 1)[0]
    return number
