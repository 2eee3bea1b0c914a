"""Which addresses the bridge may talk to, so that a URL or a name cannot lead it into the network around it.

Names are resolved here, each address is judged, and only those that pass are handed to the connection: a name
cannot point elsewhere between the check and the connection.
"""

import socket
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from streams.addresses import is_loopback


class Place(StrEnum):
    """Where an address is."""

    PUBLIC = "public"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    FORBIDDEN = "forbidden"
    """Nobody's web server: link-local, multicast, reserved, or where clouds keep what machines may know."""


class AddressRefusedError(OSError):
    """A name leads, or a URL points, to an address that is not allowed; the message shows neither."""


_PRIVATE: Final = tuple(
    map(
        IPv4Network,
        # The last is shared address space, RFC 6598: what providers and clusters use inside.
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
    )
)
_UNIQUE_LOCAL: Final = IPv6Network("fc00::/7")
_METADATA: Final = frozenset(map(ip_address, ("100.100.100.200", "fd00:ec2::254", "fd20:ce::254")))
"""Metadata services at addresses that are otherwise private; the well-known one is link-local."""
_SPECIAL: Final = tuple(
    # Protocol assignments, a metadata service among them; and the relays of 6to4, which are gone. Older
    # releases of Python call both global.
    map(IPv4Network, ("192.0.0.0/24", "192.88.99.0/24"))
)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_NO_UNICAST: Final = tuple(
    # Of those, 6to4, whose relays are gone, and an address for documentation that is newer than some Pythons.
    map(IPv6Network, ("2002::/16", "3fff::/20"))
)
_NAT64: Final = IPv6Network("64:ff9b::/96")


def place_of(address: str) -> Place:
    """Return where an address is, also one that stands within another. Raises ValueError for a name."""
    found = ip_address(address)
    if isinstance(found, IPv4Address):
        return _place_of_v4(found)
    if found.is_loopback:
        return Place.LOOPBACK
    within = _within(found)
    if within is not None:
        return _place_of_v4(within)
    if found in _METADATA:
        return Place.FORBIDDEN
    if found in _UNIQUE_LOCAL:
        return Place.PRIVATE
    is_unicast = found in _GLOBAL_UNICAST and not any(found in one for one in _NO_UNICAST)
    return Place.PUBLIC if is_unicast and found.is_global else Place.FORBIDDEN


def _place_of_v4(address: IPv4Address) -> Place:
    if address.is_loopback:
        return Place.LOOPBACK
    if address in _METADATA or any(address in one for one in _SPECIAL):
        return Place.FORBIDDEN
    if any(address in one for one in _PRIVATE):
        return Place.PRIVATE
    return Place.PUBLIC if address.is_global and not address.is_multicast else Place.FORBIDDEN


def _within(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 one stands for: by mapping, or by a translator on the way."""
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else address.ipv4_mapped


def is_allowed(host: str, address: str, *, allow_private: bool) -> bool:
    """Return whether a URL with this host may be talked to at this address.

    Loopback is for URLs that name it, and they are for loopback alone: http is allowed there.
    """
    place = place_of(address)
    if is_loopback(host):
        return place is Place.LOOPBACK
    return place is Place.PUBLIC or (allow_private and place is Place.PRIVATE)


def check_literal(host: str, *, allow_private: bool) -> None:
    """Raise AddressRefusedError if a host is an address that is not allowed; a name is for the resolver."""
    try:
        allowed = is_allowed(host, host, allow_private=allow_private)
    except ValueError:
        return
    if not allowed:
        raise AddressRefusedError("the address is not allowed")


class GuardedResolver(AbstractResolver):
    """Resolves names by another resolver, and gives only the addresses that are allowed."""

    def __init__(self, resolver: AbstractResolver, *, allow_private: bool) -> None:
        self._resolver, self._allow_private = resolver, allow_private

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the allowed addresses; raises AddressRefusedError if there are others only."""
        found = await self._resolver.resolve(host, port, family)
        allowed = [one for one in found if is_allowed(host, one["host"], allow_private=self._allow_private)]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        if not allowed:
            raise AddressRefusedError("the name leads to an address that is not allowed")
        return allowed

    @override
    async def close(self) -> None:
        await self._resolver.close()
