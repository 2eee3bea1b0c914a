"""State written by an earlier release is read by this one, which goes on with the same alerts.

`state/v1.json` holds a changelog in hexadecimal, on day 151 of a small history: an episode that was raised,
one asleep, facts that wait, a profile, a purchase beyond what an entry holds, and a customer with nothing
but a contact. Run this file to write such a fixture for a new format; the old ones stay.
"""

import json
from pathlib import Path

import pytest

from schemas.alert import Alert
from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input
from tests.core.drive import (
    HOME,
    Log,
    State,
    bad,
    daily,
    keep,
    profile,
    purchase,
    restored,
    time_of,
)

FIXTURES = Path(__file__).parent / "state"
DATASET = Ruleset(version="town", population_minimum=1, high_value_quantile=0.1)
TX, CT = Input.TRANSACTIONS, Input.CONTACTS
DAY_150 = HOME + 150 * DAY_MS
DAY_151 = DAY_150 + DAY_MS


def weekly(customer_id: str, weeks: int) -> Log:
    """Return a purchase a week, at the noon it begins with."""
    days = daily(customer_id, HOME, 7 * weeks, 7_000)[::7]
    return [(TX, one) for one in days]


def before() -> Log:
    """Return what came until day 151 by time, the profile being among the first."""
    refund = purchase("b", DAY_150, 2_000, kind="refund", original_time=DAY_150 - 3 * DAY_MS, event_id="r")
    log: Log = [
        (Input.CUSTOMERS, profile("a", HOME, tier="gold", owner="Ms Meyer")),
        *weekly("a", 22),
        *weekly("b", 22),
        (TX, purchase("huge", HOME + 8 * DAY_MS, 1 << 40)),
        (TX, refund),
        (CT, bad("a", DAY_150, "k1")),
        (CT, bad("b", DAY_150, "k2", reason="fee")),
        (CT, bad("stranger", DAY_150 + HOUR_MS, "k3")),
        (CT, bad("a", DAY_150 + HOUR_MS, "k4")),
        (CT, bad("b", DAY_151 + 2 * HOUR_MS, "k5", reason="fee")),
    ]
    return sorted(log, key=lambda entry: time_of(entry[1]))


def after() -> Log:
    """Return what came then: again what was there, and a return of `a` from day 200 on."""
    return [
        *before()[-2:],
        *((TX, one) for one in daily("a", HOME + 200 * DAY_MS, 10, 20_000)),
    ]


def at_day_151() -> Partition:
    """Return the partition as the fixture has it; one fact waits for its time."""
    partition = Partition(DATASET)
    for source, record in before():
        assert partition.apply(source, [record]).applied == 1
    alerts = partition.advance(dict.fromkeys(FACTS, DAY_151))
    assert [(one.customer_id, one.state) for one in alerts] == [("a", "raised")]
    return partition


def read(name: str) -> State:
    """Return the changelog of a fixture."""
    entries = json.loads((FIXTURES / name).read_text())
    return {bytes.fromhex(key): bytes.fromhex(value) for key, value in entries.items()}


def write(name: str) -> None:
    """Write the changelog of this release as a fixture."""
    state: State = {}
    keep(state, at_day_151())
    entries = {key.hex(): value.hex() for key, value in sorted(state.items())}
    (FIXTURES / name).write_text(json.dumps(entries, indent=1) + "\n")


def going_on(partition: Partition) -> list[Alert]:
    """Return the alerts from day 151 to day 300."""
    outcomes = [partition.apply(source, [record]) for source, record in after()]
    assert [one.duplicate for one in outcomes] == [1, 1, *[0] * 10]
    return partition.advance(dict.fromkeys(FACTS, HOME + 300 * DAY_MS))


NAMES = sorted(path.name for path in FIXTURES.glob("v*.json"))
LIVES = [
    ("b", "raised", "watch", None, "2024-06-03T02:00:00.000Z"),
    ("a", "updated", "alert", None, "2024-06-05T20:00:00.000Z"),
    ("b", "updated", "alert", None, "2024-06-05T20:00:00.000Z"),
    ("a", "resolved", "alert", "returned", "2024-07-23T01:00:00.000Z"),
    ("b", "resolved", "alert", "expired", "2024-09-30T01:00:00.000Z"),
]
"""F at the cap and D = 1.5: an alert 91 hours after the first hour, day 150 01:00. Then `a` returns on day
200 (14 days of usual spend at the next day's end), and `b` does not within 120 days."""


def test_there_is_a_fixture() -> None:
    assert "v1.json" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_state_of_an_earlier_release_goes_on_with_the_expected_alerts(name: str) -> None:
    """Named by hand, and field by field those of a partition that was never written."""
    alerts = going_on(restored(DATASET, read(name)))
    found = [(one.customer_id, one.state, one.level, one.resolution, one.time) for one in alerts]
    assert found == LIVES
    assert alerts == going_on(at_day_151())


@pytest.mark.parametrize("name", NAMES)
def test_episodes_keep_the_ruleset_of_the_state(name: str) -> None:
    """Restored under other rules, what was open goes on as it opened."""
    other = Ruleset(version="other", alert_odds=1_000.0, expiry_days=3)
    assert going_on(restored(other, read(name))) == going_on(at_day_151())


@pytest.mark.parametrize("name", NAMES)
def test_what_was_known_can_be_looked_up(name: str) -> None:
    here, there = at_day_151(), restored(DATASET, read(name))
    for customer_id in ("a", "b", "huge", "stranger"):
        mine, theirs = here.lookup(customer_id), there.lookup(customer_id)
        assert mine is not None
        assert theirs is not None
        assert list(mine.panes) == list(theirs.panes)
        assert (mine.first_pane, mine.counters, mine.contacts, mine.episode) == (
            theirs.first_pane,
            theirs.counters,
            theirs.contacts,
            theirs.episode,
        )


if __name__ == "__main__":
    write("v1.json")
