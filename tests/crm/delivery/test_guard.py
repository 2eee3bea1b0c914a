"""Which addresses may be talked to, however they are spelt."""

import asyncio
import socket

import pytest
from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from streams.crm.delivery.guard import (
    AddressRefusedError,
    GuardedResolver,
    Place,
    check_literal,
    is_allowed,
    place_of,
)

PUBLIC = ("93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8")
PRIVATE = (
    *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fc00::1", "fd12:3456::1"),
    *("::ffff:10.0.0.1", "::ffff:c0a8:101", "64:ff9b::10.0.0.1", "64:ff9b::c0a8:0101"),
)
LOOPBACK = ("127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "64:ff9b::7f00:1")
FORBIDDEN = (
    *(
        "169.254.169.254",
        "169.254.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "fe80::1",
        "fe80::1%1",
    ),
    *("100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"),
    *("0.0.0.0", "0.1.2.3", "::", "255.255.255.255", "240.0.0.1"),  # noqa: S104 - nobody listens
    *("224.0.0.1", "239.255.255.255", "ff02::1"),
    *(
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "2001:db8::1",
        "3fff::1",
        "100::1",
        "5f00::1",
    ),
    *(
        "2002:7f00:1::",
        "2002:a00:1::",
        "2001:0:1::",
        "64:ff9b:1::a00:1",
        "::10.0.0.1",
        "::127.0.0.1",
        "fec0::1",
    ),
    *("::ffff:0:127.0.0.1", "192.88.99.1"),
)


def test_private_addresses_refused_unless_allowed() -> None:
    for place, addresses in {
        Place.PUBLIC: PUBLIC,
        Place.PRIVATE: PRIVATE,
        Place.LOOPBACK: LOOPBACK,
        Place.FORBIDDEN: FORBIDDEN,
    }.items():
        for address in addresses:
            assert place_of(address) is place, address
            allowed = place is Place.PUBLIC
            assert is_allowed("crm.example.com", address, allow_private=False) is allowed, address
            allowed |= place is Place.PRIVATE
            assert is_allowed("crm.example.com", address, allow_private=True) is allowed, address


def test_loopback_only_for_a_url_that_names_it_and_nothing_else_for_that() -> None:
    for host in ("localhost", "LOCALHOST", "127.0.0.1", "::1"):
        assert is_allowed(host, "127.0.0.1", allow_private=False)
        for address in (*PUBLIC, *PRIVATE, *FORBIDDEN):
            assert not is_allowed(host, address, allow_private=True)


def test_literals_are_checked_names_are_left_to_the_resolver() -> None:
    for name in ("crm.example.com", "localhost", "2130706433", "0x7f.1", "127.1", "0177.0.0.1", *PUBLIC):
        check_literal(name, allow_private=False)
    for address in (*PRIVATE, *FORBIDDEN, "::ffff:127.0.0.1"):
        with pytest.raises(AddressRefusedError):
            check_literal(address, allow_private=False)


class Fixed(AbstractResolver):
    """Gives the same addresses for any name."""

    def __init__(self, *addresses: str) -> None:
        self.addresses, self.closed = addresses, False

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0)
            for one in self.addresses
        ]

    @override
    async def close(self) -> None:
        self.closed = True


def test_of_the_addresses_of_a_name_only_those_allowed_are_connected_to() -> None:
    async def resolved(*addresses: str) -> list[str]:
        inner = Fixed(*addresses)
        guarded = GuardedResolver(inner, allow_private=False)
        found = await guarded.resolve("crm.example.com", 443)
        await guarded.close()
        assert inner.closed
        return [one["host"] for one in found]

    assert asyncio.run(resolved("10.0.0.1", "8.8.8.8", "127.0.0.1")) == ["8.8.8.8"]
    with pytest.raises(AddressRefusedError):
        asyncio.run(resolved("10.0.0.1", "127.0.0.1"))
    with pytest.raises(socket.gaierror):
        asyncio.run(resolved())


def test_odd_spellings_of_loopback_are_resolved_and_refused() -> None:
    """The system's resolver knows them, hence they are judged by what they lead to."""

    async def refused(name: str) -> bool:
        try:
            await GuardedResolver(ThreadedResolver(), allow_private=True).resolve(name, 443)
        except AddressRefusedError:
            return True
        except socket.gaierror:
            return True  # not a name here
        return False

    for name in ("2130706433", "0x7f.1", "127.1", "0177.0.0.1", "127.0.0.1.", "localhost.", "0"):
        assert asyncio.run(refused(name)), name
