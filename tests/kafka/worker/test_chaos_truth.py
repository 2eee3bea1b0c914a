"""What `make chaos` compares with sees what is missing, what counts twice, and what nobody sent."""

from pathlib import Path

import pytest

from bench.chaos import truth
from bench.chaos.truth import compare
from bench.chaos.wire import Differs, records_of
from schemas.partitioner import partition_of
from streams.core.watermark import Input
from streams.settings import Settings
from tests.kafka.deployment import Deployment
from tests.kafka.feeds import contact, purchase, raw, send, ticks
from tests.worlds.worlds import FIRST

pytestmark = pytest.mark.kafka

HOUR = 3_600_000


def test_every_difference_is_seen(
    event_clock: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The truth is held against what one worker made of the same records, one of them changed meanwhile."""
    names = [f"c-{at}" for at in range(20)]
    bought = [raw(event_clock, Input.TRANSACTIONS, purchase(one, FIRST + HOUR)) for one in names]
    called = [raw(event_clock, Input.CONTACTS, contact(one, FIRST + HOUR)) for one in names]
    with Deployment(event_clock, tmp_path) as deployment:
        deployment.start_ready()
        send(event_clock, [*bought, *called, *ticks(event_clock, FIRST + 2 * HOUR)])
        deployment.when_drained()
    same = compare(event_clock, tmp_path / "same")
    assert (same.differs, same.customers, same.panes) == (Differs(), 20, 20)

    held = records_of

    def other(settings: Settings, name: str, number: int) -> list[tuple[bytes | None, bytes | None]]:
        """Change what the inputs hold of three customers, so that the state is no longer what they say."""
        found = held(settings, name, number)
        home = partition_of("new", 4) == number
        if name == "transactions":
            found = [(key, value) for key, value in found if key != b"c-0"]
            found = [
                (key, (value or b"").replace(b"20.00", b"10.00") if key == b"c-1" else value)
                for key, value in found
            ]
            found += [(b"new", purchase("new", FIRST + HOUR))] * home
        if name == "contacts":
            found = [(key, value) for key, value in found if key not in {b"c-0", b"c-2"}]
        return found

    monkeypatch.setattr(truth, "records_of", other)
    # Nobody sent c-0, c-1 has spent twice as much, c-2 has a contact too many, and one is not there.
    assert compare(event_clock, tmp_path / "other").differs == Differs(lost=1, doubled=1, phantom=2)
