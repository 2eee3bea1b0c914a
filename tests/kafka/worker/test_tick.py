"""`tick` on a real Kafka: what stands in the topics, and time that goes on by it."""

import json
import time
from pathlib import Path

import pytest
from typer.testing import Result

from schemas.times import format_ms
from streams.core.watermark import GIVEN, Input
from streams.runtime.commands.tick import tick_command
from streams.settings import Settings
from tests.kafka.commands import run_command
from tests.kafka.deployment import Deployment
from tests.kafka.feeds import contact, raw, send
from tests.kafka.held import alerts, held
from tests.kafka.worker.test_worker import DAY, HOUR, SEVERE, habits, live, now_ms

pytestmark = pytest.mark.kafka

__all__ = ["live"]


def tick(settings: Settings, *arguments: str, **changes: object) -> Result:
    return run_command(tick_command, settings, *arguments, **changes)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ((), ["transactions", "contacts"]),
        (("--input", "contacts"), ["contacts"]),
        (("--input", "contacts", "--input", "transactions"), ["transactions", "contacts"]),
    ],
)
def test_every_partition_of_the_inputs_gets_one(
    topics: Settings, arguments: tuple[str, ...], wanted: list[str]
) -> None:
    until = format_ms(now_ms() - HOUR)
    told = tick(topics, "--until", until.replace("Z", "+00:00"), *arguments)
    assert (told.exit_code, told.stderr) == (0, "")
    for source in GIVEN:
        found = [[json.loads(one.value) for one in records] for records in held(topics, source)]
        expected = [{"type": "tick", "time": until, "source": "tick"}] if source in wanted else []
        assert found == [expected] * topics.partitions
    assert told.stdout.splitlines() == [
        *(f"time on {one} goes on to {until} on 4 partitions, where it is not further yet" for one in wanted),
        "what comes there later with an earlier time is late: it counts, up to 8 days; then it is refused",
    ]


def test_one_that_is_too_old_for_the_live_clock_says_so(topics: Settings) -> None:
    until = format_ms(now_ms() - 2 * DAY)
    stands = "and stands still there: this tick is older than "
    assert f"{stands}RETENTION_STALE_FEED_HOURS, 36 h" in tick(topics, "--until", until).stdout
    told = tick(topics, "--until", until, quiet_contacts_hours=47.5).stdout
    assert f"{stands}RETENTION_QUIET_CONTACTS_HOURS, 47.5 h" in told
    for arguments, changes in [(("--input", "contacts"), {}), ((), {"clock": "event"})]:
        assert stands not in tick(topics, "--until", until, *arguments, **changes).stdout


def test_going_live_after_history_that_ended_three_days_ago(live: Settings, tmp_path: Path) -> None:
    """Read on the event clock; on the live one time stands still until purchases get their tick."""
    send(live, habits(live, now_ms() - 2 * DAY))
    assert tick(live, "--until", format_ms(now_ms() - 3 * DAY)).exit_code == 0
    with Deployment(live, tmp_path) as deployment:
        history = deployment.start_ready(clock="event")
        deployment.when_drained()
        assert deployment.stop(history) < 10
        worker = deployment.start_ready()
        send(live, [raw(live, Input.CONTACTS, contact("c-7", now_ms(), **SEVERE))])
        deployment.when_drained()
        time.sleep(8)
        assert worker.metric("retention_feed_stalled", input="transactions") == live.partitions
        assert alerts(live) == []
        told = tick(live, "--input", "transactions", "--until", "now")
        assert told.exit_code == 0
        assert "stands still" not in told.stdout
        deployment.when(lambda: bool(alerts(live)))
        deployment.when(lambda: worker.metric("retention_feed_stalled") == 0)
        assert worker.metric("retention_events_total", outcome="refused") == 0
    assert [(one.customer_id, one.level) for one in alerts(live)] == [("c-7", "watch")]


def test_missing_topics_are_told(settings: Settings) -> None:
    told = tick(settings, "--until", "now")
    assert told.exit_code == 78
    assert f"error: {settings.topic_prefix}contacts: missing" in told.stderr
