"""Dispositions: each counted once; the time to the first of a case."""

from collections.abc import Callable

from tests.crm.ledger.records import NOON, Desk, alert, id_of


def test_a_disposition_counts_once_and_the_first_has_a_time(desk: Callable[..., Desk]) -> None:
    here = desk()
    ledger = here.ledger
    ledger.caught_up(NOON)
    here.read(alert("a"))
    ledger.admit(NOON)
    here.deliver(NOON + 1_000)

    def done(webhook_id: str, at: int, name: str = "a") -> float | None:
        return ledger.disposition_done(webhook_id, id_of(name), snooze_until_ms=None, now_ms=at)

    assert ledger.customer_of(id_of("a")) == "customer-a"
    assert ledger.customer_of("unknown") is None
    assert not ledger.disposition_seen("d1")
    assert done("d1", NOON + 61_500) == 60.5
    assert ledger.disposition_seen("d1")
    assert done("d1", NOON + 61_500) is None
    assert done("d2", NOON + 99_000) is None
    assert done("d3", NOON, "unknown") is None
    # Opened again, it is a case anew; the CRM may be quicker than its answer.
    here.read(alert("a", 2, "resolved"), at=NOON + 99_000)
    here.deliver(NOON + 99_000)
    here.read(alert("a", 3), at=NOON + 100_000)
    ledger.admit(NOON + 100_000)
    assert done("d4", NOON + 100_001) == 0.0


def test_the_canary_says_nothing_of_how_soon_somebody_acts(desk: Callable[..., Desk]) -> None:
    here = desk()
    here.ledger.caught_up(NOON)
    here.read(alert("k", customer="retention-canary-0"))
    here.ledger.admit(NOON)
    here.deliver(NOON)
    told = here.ledger.disposition_done("d1", id_of("k"), snooze_until_ms=None, now_ms=NOON + 1_000)
    assert told is None
    assert here.ledger.disposition_seen("d1")
