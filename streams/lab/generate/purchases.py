"""The purchases of a population, as columns."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

DAY_MS = 86_400_000
_CUSTOMER_BITS = 42  # 2**42 ms is 139 years: room for any history beside the customer's number


@dataclass(frozen=True, slots=True)
class Purchases:
    """Purchases sorted by (customer, time, as read).

    `customer` is the index into `customer_ids`, `time_ms` is UTC, `cents` > 0, `number` names the purchase
    within the source. The history spans [start_ms, end_ms).
    """

    source: str
    customer_ids: list[str]
    start_ms: int
    end_ms: int
    customer: Ints
    time_ms: Ints
    cents: Ints
    number: Ints
    read: int
    """Baskets read from the source, those of 0.00 included."""
    worthless: int
    """Baskets of 0.00: they are left out, as the amount of a purchase is above 0."""

    def position(self, customer: Ints, time_ms: Ints) -> Ints:
        """Return the index of the first purchase of `customer` at or after `time_ms`, element by element."""
        # One sorted key makes a pair of look-ups out of a search per customer.
        inside = np.clip(time_ms - self.start_ms, 0, 1 << _CUSTOMER_BITS)
        key = (self.customer << _CUSTOMER_BITS) + (self.time_ms - self.start_ms)
        return np.searchsorted(key, (customer << _CUSTOMER_BITS) + inside).astype(np.int64)


def assemble(  # noqa: PLR0913 -- the columns of a table
    *,
    source: str,
    customer_ids: list[str],
    span_ms: tuple[int, int],
    customer: Ints,
    time_ms: Ints,
    cents: Ints,
    number: Ints,
) -> Purchases:
    """Sort the columns, leave out purchases of 0 cents and count them."""
    order = np.lexsort((number, time_ms, customer))
    order = order[cents[order] > 0]
    return Purchases(
        source=source,
        customer_ids=customer_ids,
        start_ms=span_ms[0],
        end_ms=span_ms[1],
        customer=customer[order],
        time_ms=time_ms[order],
        cents=cents[order],
        number=number[order],
        read=len(cents),
        worthless=len(cents) - len(order),
    )
