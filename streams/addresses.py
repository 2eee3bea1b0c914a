"""Network addresses as people write them."""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

HTTPS: Final = "https://"


def split_address(text: str) -> tuple[str, int]:
    """Return host and port of `host:port` or `[v6]:port`; else ValueError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ValueError(f"{text!r} is not host:port")
    return host.removeprefix("[").removesuffix("]"), int(port)


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, as far as its name tells without asking anyone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def names_loopback(host_header: str) -> bool:
    """Return whether a Host header names this machine."""
    try:
        return is_loopback(urlsplit(f"//{host_header}").hostname or "")
    except ValueError:
        return False


def worker_url(address: str) -> str:
    """Return the URL of a worker's address: `host:port`, or `https://host:port`."""
    return address if address.startswith(HTTPS) else f"http://{address}"
