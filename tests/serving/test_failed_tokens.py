"""How often a wrong token may come from one address."""

import pytest

from streams.serving.failed_tokens import MOST_ADDRESSES, FailedTokens, client_address


class Clock:
    """Stands still until it is told."""

    now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def failed(times: int, address: str = "198.51.100.1") -> tuple[FailedTokens, Clock]:
    clock = Clock()
    tokens = FailedTokens(clock)
    for _ in range(times):
        tokens.note(address)
    return tokens, clock


def test_ten_wrong_ones_within_a_minute_are_the_last_until_it_is_over() -> None:
    assert failed(9)[0].wait_seconds("198.51.100.1") == 0
    tokens, clock = failed(10)
    assert tokens.wait_seconds("198.51.100.1") == 60
    assert tokens.wait_seconds("198.51.100.2") == 0
    clock.now += 59.5
    assert tokens.wait_seconds("198.51.100.1") == 1
    clock.now += 0.5
    assert tokens.wait_seconds("198.51.100.1") == 0
    tokens.note("198.51.100.1")
    assert tokens.wait_seconds("198.51.100.1") == 0


def test_slow_mistakes_never_block() -> None:
    tokens, clock = failed(0)
    for _ in range(100):
        tokens.note("198.51.100.1")
        assert tokens.wait_seconds("198.51.100.1") == 0
        clock.now += 7


def test_a_network_of_ipv6_is_one_address_and_a_mapped_one_is_ipv4() -> None:
    tokens, _ = failed(10, "2001:db8::1")
    assert tokens.wait_seconds("2001:db8::2:3") == 60
    assert tokens.wait_seconds("2001:db8:0:1::1") == 0
    assert failed(10, "::ffff:198.51.100.1")[0].wait_seconds("198.51.100.1") == 60


@pytest.mark.parametrize("address", ["198.51.100.1:{}", "[2001:db8::1]:{}", "[2001:db8::1]"])
def test_a_port_that_the_proxy_tells_does_not_make_another_address(address: str) -> None:
    tokens, _ = failed(0)
    for port in range(50_000, 50_010):
        tokens.note(address.format(port))
    assert tokens.wait_seconds(address.format(50_010)) == 60


@pytest.mark.parametrize("address", ["", "unknown", "[", "[x", "x:1", "1.2.3.4:5:6", "x" * 100_000])
def test_what_is_no_address_counts_as_itself(address: str) -> None:
    assert failed(10, address)[0].wait_seconds(address) == 60


def test_memory_is_bounded_and_the_newest_are_kept() -> None:
    tokens, _ = failed(10, "203.0.113.1")
    for number in range(MOST_ADDRESSES - 1):
        tokens.note(f"10.0.{number >> 8}.{number & 255}")
    assert tokens.wait_seconds("203.0.113.1") == 60
    for number in range(1000):
        tokens.note(f"10.1.{number >> 8}.{number & 255}")
        assert len(tokens) == MOST_ADDRESSES
    assert tokens.wait_seconds("203.0.113.1") == 0


def test_the_proxy_says_whose_request_it_is_and_nobody_else() -> None:
    assert client_address("10.0.0.1", ["1.2.3.4, 5.6.7.8"], behind_proxy=True) == "5.6.7.8"
    assert client_address("10.0.0.1", ["1.2.3.4, 5.6.7.8"], behind_proxy=False) == "10.0.0.1"
    assert client_address("10.0.0.1", [], behind_proxy=True) == "10.0.0.1"
    assert client_address(None, [], behind_proxy=False) == ""


def test_a_header_of_the_client_before_that_of_the_proxy_is_not_believed() -> None:
    """Some proxies add a header instead of adding to that which is there."""
    assert client_address("10.0.0.1", ["1.2.3.4", "5.6.7.8"], behind_proxy=True) == "5.6.7.8"
