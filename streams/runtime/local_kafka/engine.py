"""What a local broker can run on."""

import secrets
import socket
from abc import ABC, abstractmethod


class Engine(ABC):
    """Runs one broker on loopback for one folder. All raise LocalKafkaError when they can't."""

    name: str

    @abstractmethod
    def start(self, port: int) -> str:
        """Start the broker on `127.0.0.1:port` with the data it had, and return what identifies it."""

    @abstractmethod
    def is_running(self, identity: str) -> bool:
        """Return whether `identity` is a broker of this folder; false for whatever took its place."""

    @abstractmethod
    def stop(self, identity: str) -> None:
        """End the broker cleanly, by force if it doesn't."""

    @abstractmethod
    def kill(self, identity: str) -> None:
        """End the broker at once, as a crash does."""

    @abstractmethod
    def erase(self) -> None:
        """Forget the data of a broker that is down."""

    @abstractmethod
    def last_words(self, identity: str) -> str:
        """Return in one line why a broker ended."""


def free_port(wished: int = 0) -> int:
    """Return the wished port of loopback if it is free, else one that is."""
    port = wished or _any_port()
    while not is_free(port):
        port = _any_port()
    return port


def is_free(port: int) -> bool:
    """Return whether a broker could listen on that port of loopback."""
    with socket.socket() as probe:
        # As the broker does, so that connections of a former broker that linger don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _any_port() -> int:
    # Below the range of outgoing connections: the port of a broker that is down stays free.
    return secrets.randbelow(12_000) + 20_000
