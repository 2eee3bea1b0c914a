"""A synthetic year in the shape of two systems each: one alert, for the customer whose story tells it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from streams.lab.replay import replay_directory
from tests.adapt.exports import CUSTOMERS, LEAVER, segment_and_zendesk, shopify_and_connect
from tests.lab.datasets import NOW, run


@pytest.mark.parametrize(
    ("build", "kinds", "anchor"),
    [
        (shopify_and_connect, ("shopify", "amazon-connect"), f"call-{LEAVER}-1"),
        (segment_and_zendesk, ("segment", "zendesk"), "ticket-100"),
    ],
)
def test_the_alert_is_for_the_customer_who_left(
    tmp_path: Path, build: Callable[[Path, Path], None], kinds: tuple[str, str], anchor: str
) -> None:
    shop, desk, events = (tmp_path / name for name in ("shop", "desk", "events"))
    shop.mkdir()
    desk.mkdir()
    build(shop, desk)
    for kind, given in zip(kinds, (shop, desk), strict=True):
        done = run("adapt", kind, given, events)
        assert done.code == 0, done
        assert "refused" not in done.out
    replayed = replay_directory(events, partitions=1, now_ms=NOW)
    assert not replayed.dead_letters
    assert replayed.spenders == [len(CUSTOMERS)]
    # STAYER had the same contact and went on buying; QUIET went quiet without one.
    assert {alert.customer_id for alert in replayed.alerts} == {LEAVER}
    assert "alert" in {alert.level for alert in replayed.alerts}
    assert {alert.anchor.contact_id for alert in replayed.alerts if alert.anchor} == {anchor}
