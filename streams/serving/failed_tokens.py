"""How often a wrong token may come from one address. Memory is bounded, whoever asks."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

MOST_FAILURES: Final = 10
WINDOW_SECONDS: Final = 60.0
MOST_ADDRESSES: Final = 4_096
_MOST_CHARACTERS: Final = 64
_IPV6_NETWORK: Final = 64
"""Whoever has one address of it has all of them."""


class FailedTokens:
    """Remembers wrong tokens by address: after ten within a minute none is looked at until it is over.

    Not even a right one is: else guessing would go on at full speed. Of more addresses than it keeps, it
    forgets those that failed longest ago.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failed)

    def wait_seconds(self, address: str) -> int:
        """Return for how many seconds an address has to wait; 0 if its token is looked at."""
        began, failures = self._failed.get(_group(address), (0.0, 0))
        left = began + WINDOW_SECONDS - self._clock()
        return math.ceil(left) if failures >= MOST_FAILURES and left > 0 else 0

    def note(self, address: str) -> None:
        """Take that a token of this address was wrong."""
        group, now = _group(address), self._clock()
        began, failures = self._failed.pop(group, (now, 0))
        if now - began >= WINDOW_SECONDS:
            began, failures = now, 0
        self._failed[group] = began, failures + 1
        if len(self._failed) > MOST_ADDRESSES:
            self._failed.popitem(last=False)


def client_address(peer: str | None, forwarded_for: Sequence[str], *, behind_proxy: bool) -> str:
    """Return whose request it is: the peer, or behind a proxy the last of X-Forwarded-For, which it wrote.

    `forwarded_for` are all headers of that name: some proxies add one of their own after that of the client.
    """
    if behind_proxy and forwarded_for:
        return forwarded_for[-1].rpartition(",")[2].strip()
    return peer or ""


def _group(address: str) -> str:
    """Return what is counted as one: an IPv4 address, or a network of IPv6 that one has as a whole."""
    try:
        found = ip_address(_without_port(address))
    except ValueError:
        return address[:_MOST_CHARACTERS]
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(IPv6Network((int(found), _IPV6_NETWORK), strict=False) if mapped is None else mapped)
    return str(found)


def _without_port(address: str) -> str:
    """Return an address without the port that some proxies write; raises ValueError."""
    if address.count(":") == 1 or address.startswith("["):
        return urlsplit(f"//{address}").hostname or ""
    return address
