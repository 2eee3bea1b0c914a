"""Which ids are one customer: merges join them."""


class Identities:
    """Joins ids; the order of the merges plays no part. A merge that was taken back leaves them joined."""

    def __init__(self) -> None:
        self._into: dict[str, str] = {}

    def join(self, one: str, other: str) -> None:
        """Note that two ids are one customer."""
        first, second = self.of(one), self.of(other)
        if first != second:
            self._into[first] = second

    def of(self, customer_id: str) -> str:
        """Return the id that stands for all of the customer's."""
        into = self._into.get(customer_id)
        if into is None:
            return customer_id
        path = [customer_id]
        while into is not None:
            path.append(into)
            into = self._into.get(into)
        for one in path[:-1]:
            self._into[one] = path[-1]
        return path[-1]
