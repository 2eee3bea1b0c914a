"""Pages: the ids of customers with very many events, in state records of their own.

A customer's record is written whole whenever it changes, so it must stay small. Once its tail is long, the
entries go to a page, which is written once and never changed: the cents of purchases are in the panes by
then. A page is forgotten when none of its ids can make a duplicate any more.
"""

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from streams.core.customer.customer_codec import ENTRY, INPUTS, PAGE_BYTES, Entry, Horizon
from streams.core.customer.state import StateError, page_key
from streams.core.time import HOUR_MS

_FORMAT: Final = b"\x01"


class _Page(NamedTuple):
    """A page as it is kept, and the newest effective time (ms) in it by the place of the input."""

    value: bytes
    newest: dict[int, int]


class Pages:
    """The pages of the customers of a partition, and which of them changed."""

    __slots__ = ("_changed", "_hours", "_pages")

    def __init__(self) -> None:
        self._pages: dict[str, dict[int, _Page]] = {}
        self._changed: dict[tuple[str, int], None] = {}
        self._hours: tuple[int, ...] = ()
        """Up to which hours pages were forgotten."""

    @property
    def customers(self) -> Collection[str]:
        """Return the customers with pages."""
        return self._pages.keys()

    @property
    def changed(self) -> int:
        """Return how many records the next drain gives."""
        return len(self._changed)

    def add(self, customer_id: str, entries: bytes, horizon: Horizon) -> None:
        """Keep packed entries without cents in new pages, and forget the customer's old ones."""
        self._expire(customer_id, horizon)
        pages = self._pages.setdefault(customer_id, {})
        number = max(pages, default=-1)
        for start in range(0, len(entries), PAGE_BYTES):
            number += 1
            pages[number] = _page(_FORMAT + entries[start : start + PAGE_BYTES])
            self._changed[customer_id, number] = None

    def restore(self, customer_id: str, number: int, value: bytes) -> bytes:
        """Restore a page, and return its packed entries; raises StateError."""
        if value[:1] != _FORMAT:
            raise StateError("a page of ids in a format that this release does not read")
        if len(value) % ENTRY.size != 1:
            raise StateError("a page of ids that is cut off")
        page = _page(value)
        self._pages.setdefault(customer_id, {})[number] = page
        return value[1:]

    def entries(self, customer_id: str) -> Iterator[Entry]:
        """Yield the entries in the pages of a customer."""
        for page in self._pages.get(customer_id, {}).values():
            yield from _entries(page)

    def values(self, customer_id: str) -> Iterator[bytes]:
        """Yield the pages of a customer as bytes, a byte before the entries."""
        return (page.value for page in self._pages.get(customer_id, {}).values())

    def erase(self, customer_id: str) -> None:
        """Forget the pages of a customer."""
        for number in self._pages.pop(customer_id, ()):
            self._changed[customer_id, number] = None

    def drain(self, horizon: Horizon) -> list[tuple[bytes, bytes | None]]:
        """Return the pages that changed since the last call by state key; None for a forgotten one."""
        hours = tuple(effective_time // HOUR_MS for effective_time in horizon.oldest_effective_times)
        if hours != self._hours:
            self._hours = hours
            for customer_id in list(self._pages):
                self._expire(customer_id, horizon)
        drained = [(page_key(*place), self._value(*place)) for place in self._changed]
        self._changed.clear()
        return drained

    def _value(self, customer_id: str, number: int) -> bytes | None:
        page = self._pages.get(customer_id, {}).get(number)
        return None if page is None else page.value

    def _expire(self, customer_id: str, horizon: Horizon) -> None:
        """Forget those pages of a customer in which no id can make a duplicate any more."""
        pages, oldest = self._pages.get(customer_id, {}), horizon.oldest_effective_times
        for number, page in list(pages.items()):
            if all(effective_time < oldest[at] for at, effective_time in page.newest.items()):
                del pages[number]
                self._changed[customer_id, number] = None
        if not pages:
            self._pages.pop(customer_id, None)


def _page(value: bytes) -> _Page:
    newest: dict[int, int] = {}
    for effective_time, mark, _ in ENTRY.iter_unpack(memoryview(value)[1:]):
        at = -1 - mark
        if not 0 <= at < len(INPUTS):
            raise StateError("a page of ids that does not parse")
        newest[at] = max(effective_time, newest.get(at, effective_time))
    return _Page(value, newest)


def _entries(page: _Page) -> Iterator[Entry]:
    return ENTRY.iter_unpack(memoryview(page.value)[1:])
