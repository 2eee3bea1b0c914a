"""What a partition answers: customers, the next timer, counts of a batch, and why an episode opened."""

from itertools import repeat

import pytest

from schemas.dead_letter import Reason
from streams.core.customer.pending import Episode
from streams.core.episodes.opening import Gates
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import VERSIONS, Ruleset
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, NEVER, Input
from tests.core.drive import HOME, State, bad, contact, daily, disposition, keep, purchase, restored, tick

DATASET = Ruleset(population_minimum=1, high_value_quantile=0.1)
TX, CT = Input.TRANSACTIONS, Input.CONTACTS
DAY_150 = HOME + 150 * DAY_MS


class Notebook:
    """Keeps what an observer is told."""

    def __init__(self) -> None:
        self.gates: list[Gates] = []
        self.ends: list[tuple[str, str, int]] = []

    def judged(self, _customer_id: str, gates: Gates) -> None:
        """Note a contact that was weighed."""
        self.gates.append(gates)

    def closed(self, customer_id: str, _episode: Episode, why: str, time: int) -> None:
        """Note the end of an episode."""
        self.ends.append((customer_id, why, time))


def test_a_new_partition_knows_nothing() -> None:
    partition = Partition(Ruleset())
    assert (partition.watermark, partition.decided, partition.newest) == (NEVER, NEVER, NEVER)
    assert (partition.clock(TX), partition.next_timer, partition.customers) == (NEVER, None, 0)
    assert partition.lookup("a") is None
    assert partition.decide() == []


def test_the_next_timer_is_a_fact_that_waits_or_the_next_refresh() -> None:
    partition = Partition(Ruleset())
    partition.apply(CT, [bad("a", HOME + 3 * DAY_MS)])
    assert partition.next_timer == (HOME + 3 * DAY_MS) // HOUR_MS
    partition.advance(dict.fromkeys(FACTS, HOME + 4 * DAY_MS))
    assert partition.next_timer == (HOME + 7 * DAY_MS) // HOUR_MS


def test_the_clocks_of_a_partition_are_those_of_its_inputs() -> None:
    partition = Partition(Ruleset())
    partition.apply(TX, [purchase("a", HOME)])
    assert (partition.clock(TX), partition.clock(CT)) == (HOME - 5_000, NEVER)
    assert partition.newest == HOME
    partition.apply(CT, [tick(HOME - 1)])
    assert (partition.watermark, partition.newest) == (HOME - 5_000, HOME)


@pytest.mark.parametrize(
    ("behind", "late", "refused"),
    [(-1, 0, []), (0, 1, []), (8 * DAY_MS, 1, []), (8 * DAY_MS + 1, 0, [Reason.TOO_LATE])],
)
@pytest.mark.parametrize("source", [TX, CT])
def test_what_lies_behind_the_clock_is_late_until_it_is_too_late(
    source: Input, behind: int, late: int, refused: list[Reason]
) -> None:
    partition = Partition(Ruleset())
    partition.apply(source, [tick(HOME)])
    outcome = partition.apply(source, [purchase("a", HOME - behind)])
    assert (outcome.late, [refusal.reason for _, refusal in outcome.refused]) == (late, refused)
    assert outcome.applied == 1 - len(refused)


@pytest.mark.parametrize(("ahead", "refused"), [(299_999, 0), (300_000, 0), (300_001, 1)])
@pytest.mark.parametrize("source", [TX, CT])
def test_nothing_may_be_more_than_5_minutes_ahead_of_the_wall_clock(
    source: Input, ahead: int, refused: int
) -> None:
    """Nor a tick: one typing error would end time. The place in the batch is told."""
    partition = Partition(Ruleset())
    records: list[Record] = [tick(HOME - 1), purchase("a", HOME + ahead), tick(HOME + ahead)]
    outcome = partition.apply(source, records, repeat(HOME))
    assert [at for at, _ in outcome.refused] == [1, 2][: 2 * refused]
    assert all(refusal.reason is Reason.FUTURE for _, refusal in outcome.refused)
    assert (outcome.applied, outcome.ticks) == (1 - refused, 2 - refused)
    assert partition.newest == (HOME - 1 if refused else HOME + ahead)


@pytest.mark.parametrize("source", FACTS)
@pytest.mark.parametrize(
    ("held_back", "clock", "late"), [(None, HOME + 120_000, 2), (0, HOME + 1, 0), (9_000, HOME - 8_999, 0)]
)
def test_records_that_are_held_back_take_time_no_further_than_so_long_before_their_append(
    source: Input, held_back: int | None, clock: int, late: int
) -> None:
    """The one dated two minutes ahead neither makes the others late nor keeps them from moving the clock."""
    partition, make = Partition(Ruleset()), purchase if source is TX else bad
    appended = [HOME, HOME, HOME + 1]
    records: list[Record] = [make("a", time) for time in (HOME + 120_000, HOME, HOME + 1)]
    outcome = partition.apply(source, records, appended, held_back=held_back)
    assert (outcome.applied, outcome.late) == (3, late)
    assert partition.clock(source) == clock - Ruleset().lateness_ms
    assert partition.newest_of(source) == HOME + 120_000


@pytest.mark.parametrize("behind", [1, 8 * DAY_MS + 1, 100 * DAY_MS])
def test_a_tick_behind_the_clock_is_no_news_and_no_fault(behind: int) -> None:
    partition = Partition(Ruleset())
    outcome = partition.apply(CT, [tick(HOME), tick(HOME - behind)])
    assert (outcome.ticks, outcome.refused, partition.clock(CT)) == (2, [], HOME)


@pytest.mark.parametrize("kind", ["fee", "subscription_charge"])
def test_what_is_not_volitional_is_counted_and_moves_time_but_no_pane(kind: str) -> None:
    partition = Partition(Ruleset())
    outcome = partition.apply(TX, [purchase("a", HOME, kind=kind), purchase("a", HOME, kind=kind)])
    partition.advance(dict.fromkeys(FACTS, HOME + 1))
    view = partition.lookup("a")
    assert (outcome.applied, outcome.duplicate, partition.newest) == (1, 1, HOME)
    assert view is not None
    assert (view.first_pane, list(view.panes)) == (None, [])


def judged(rules: Ruleset, days: int, *contacts: str) -> tuple[Partition, Notebook]:
    """Return who was weighed, of a customer who bought for some days; contacts by the worst of their ids."""
    notebook = Notebook()
    partition = Partition(rules, observer=notebook)
    partition.apply(TX, daily("a", DAY_150 - days * DAY_MS, days))
    made = [
        contact("a", DAY_150 + at, f"k{at}", **{kind: "unresolved"} if kind == "resolution" else {kind: True})
        for at, kind in enumerate(contacts)
    ]
    partition.apply(CT, made)
    partition.advance(dict.fromkeys(FACTS, DAY_150 + DAY_MS))
    return partition, notebook


def test_an_observer_sees_the_gates_that_were_passed() -> None:
    partition, notebook = judged(DATASET, 100, "resolution")
    [gates] = notebook.gates
    assert gates.opened
    assert (gates.contact_id, gates.frustration, gates.blocks, gates.protected) == ("k0", 1.85, 3, False)
    assert gates.trailing_spend == 100_000
    assert partition.tally["opened"] == 1


@pytest.mark.parametrize(
    ("days", "signal", "rules", "gate"),
    [
        (83, "resolution", DATASET, "undetectable"),
        (100, "resolution", Ruleset(), "no_cutoff"),
        (100, "recovery", DATASET, None),
        (100, "repeated_information", DATASET, None),
    ],
)
def test_an_observer_sees_the_gate_that_held(
    days: int, signal: str, rules: Ruleset, gate: str | None
) -> None:
    """Too short a past, no cut-off, no nats, too few nats: no episode."""
    partition, notebook = judged(rules, days, signal)
    assert not any(gates.opened for gates in notebook.gates)
    assert len(notebook.gates) == (signal != "recovery")
    assert dict(partition.tally) == ({gate: 1} if gate else {})
    assert list(partition.open_customers) == []


def test_an_open_episode_can_be_looked_up_with_its_evidence() -> None:
    """Ten quiet days after the first hour, and 23 hours of the last day less the anchor's hour."""
    partition, notebook = judged(DATASET, 150, "resolution")
    partition.advance(dict.fromkeys(FACTS, DAY_150 + 10 * DAY_MS + HOUR_MS))
    view = partition.lookup("a")
    assert view is not None
    assert view.episode is not None
    episode, evidence = view.episode.episode, view.episode.evidence
    assert (evidence.spend, evidence.working_days) == (0, 10.0)
    assert evidence.silence == 10.0 / episode.yardstick.irregularity_days
    assert view.episode.odds.total == pytest.approx(DATASET.prior + 1.85 + 0.55 * evidence.silence, abs=1e-12)
    assert [(known.contact_id, signals) for known, signals in view.contacts] == [
        ("k0", [("unresolved", 1.85)])
    ]
    assert view.time == DAY_150 + 10 * DAY_MS + HOUR_MS
    assert notebook.ends == []


def test_an_observer_sees_an_episode_end_that_was_silent() -> None:
    partition, notebook = judged(DATASET, 150, "resolution")
    view = partition.lookup("a")
    assert view is not None
    assert view.episode is not None
    time = DAY_150 + 2 * DAY_MS
    alert_id = view.episode.episode.alert_id
    others = disposition("a", time - 1, "another", status="closed")
    own = disposition("a", time, alert_id, status="closed")
    partition.apply(Input.DISPOSITIONS, [others, own])
    assert partition.advance(dict.fromkeys(FACTS, time + 1)) == []
    assert notebook.ends == [("a", "closed", time)]
    assert partition.tally["closed_closed"] == 1


@pytest.mark.parametrize("crash", [False, True])
def test_one_who_only_complained_joins_the_sample_with_the_first_purchase(crash: bool) -> None:
    """Known for weeks without a pane, written and read back meanwhile."""
    partition = Partition(DATASET)
    partition.apply(CT, [bad("a", HOME)])
    partition.advance(dict.fromkeys(FACTS, HOME + 8 * DAY_MS))
    if crash:
        state: State = {}
        keep(state, partition)
        partition = restored(DATASET, state)
    partition.advance(dict.fromkeys(FACTS, HOME + 15 * DAY_MS))
    partition.apply(TX, [purchase("a", HOME + 16 * DAY_MS)])
    partition.advance(dict.fromkeys(FACTS, HOME + 21 * DAY_MS))
    assert partition._judge.refresh is not None
    assert partition._judge.refresh.cutoff == 1_000


def test_an_open_episode_keeps_the_rules_that_it_opened_under() -> None:
    partition = Partition(DATASET)
    partition.apply(TX, [*daily("a", HOME, 160), *daily("b", HOME, 160)])
    partition.apply(CT, [bad("a", DAY_150)])
    partition.advance(dict.fromkeys(FACTS, DAY_150 + HOUR_MS))
    state: State = {}
    keep(state, partition)
    adopted = Ruleset(version="2", population_minimum=1)
    again = Partition(adopted)
    again.restore(state)
    asked = again.lookup("a")
    assert asked is not None
    assert asked.episode is not None
    assert asked.episode.rules == DATASET


def test_what_changed_since_the_last_drain_is_counted() -> None:
    partition = Partition(DATASET)
    assert (partition.dirty, partition.undecided) == (0, 0)
    partition.apply(TX, [purchase("a", HOME)])
    partition.apply(CT, [bad("b", HOME)])
    assert (partition.dirty, partition.undecided) == (3, 1)  # b has an id to keep, and a fact that waits
    partition.advance(dict.fromkeys(FACTS, HOME + DAY_MS))
    assert partition.undecided == 0
    partition.drain_dirty()
    assert partition.dirty == 0
    assert (partition.newest_of(TX), partition.newest_of(CT)) == (HOME, HOME)
    assert (partition.alive_at(TX), partition.alive_at(CT)) == (HOME, HOME)


def test_a_partition_tells_how_many_counts_its_guard_keeps() -> None:
    """One for each pane of a source, and for each hour from which something late counts."""
    partition = Partition(VERSIONS["3"])
    partition.apply(TX, [purchase("a", HOME + at * HOUR_MS // 2) for at in range(6)])
    partition.apply(TX, [purchase("b", HOME + 3 * HOUR_MS, source="other"), purchase("b", HOME)])
    assert partition.feed_panes == 3 + 1 + 1


def test_a_partition_tells_whether_its_feed_is_broken() -> None:
    """Twenty-four purchases a day for five weeks, and then none for two days."""
    partition = Partition(Ruleset())
    assert not partition.feed_broken
    partition.apply(TX, [purchase("a", HOME + hour * HOUR_MS) for hour in range(35 * 24)])
    partition.advance(dict.fromkeys(FACTS, HOME + 35 * DAY_MS))
    assert not partition.feed_broken
    partition.advance(dict.fromkeys(FACTS, HOME + 37 * DAY_MS))
    assert partition.feed_broken
