"""What is forgotten, and when: panes after 484 days, ids after 8, contacts 120 before the newest."""

import pytest

from schemas.events import Transaction
from streams.core.alerts.view import CustomerView
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_HOURS, DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input
from tests.core.drive import HOME, State, bad, keep, purchase, restored

TX, CT = Input.TRANSACTIONS, Input.CONTACTS
HOME_HOUR = HOME // HOUR_MS


def seen(partition: Partition, customer_id: str) -> CustomerView:
    """Return what is known of a customer that there is."""
    view = partition.lookup(customer_id)
    assert view is not None
    return view


def refund(customer_id: str, time: int) -> Transaction:
    """Return a refund of a cent."""
    return purchase(customer_id, time, 1, kind="refund", event_id=f"r{time}")


@pytest.mark.parametrize(("hours", "kept"), [(-1, True), (0, True), (1, False)])
def test_a_pane_is_kept_484_days_and_the_first_pane_for_good(hours: int, kept: bool) -> None:
    """A refund has the record packed anew, when all before it is decided."""
    partition = Partition(Ruleset())
    partition.apply(TX, [purchase("a", HOME)])
    now = HOME + 484 * DAY_MS + hours * HOUR_MS
    for _ in range(2):
        partition.advance(dict.fromkeys(FACTS, now))
        partition.apply(TX, [refund("a", now)])
        now += 1
    partition.advance(dict.fromkeys(FACTS, now))
    view = seen(partition, "a")
    assert (HOME_HOUR in view.panes.hours) is kept
    assert view.first_pane == HOME_HOUR


def test_no_decision_sees_a_pane_that_may_be_forgotten() -> None:
    """Whether the record was packed anew since is chance; the year of the contact's gate is not.

    A contact that ended 200 days ago looks back a year from there, so to 565 days ago.
    """
    rules = Ruleset(population_minimum=1, high_value_quantile=0.1)
    spent = []
    for touched in (False, True):
        partition = Partition(rules)
        days = range(0, 420, 2)
        partition.apply(TX, [purchase("a", HOME + day * DAY_MS) for day in days])
        now = HOME + 600 * DAY_MS
        partition.advance(dict.fromkeys(FACTS, now))
        if touched:
            partition.apply(TX, [refund("a", now - DAY_MS)])
            partition.advance(dict.fromkeys(FACTS, now + 1))
        partition.apply(CT, [bad("a", now + 2, moment=now - 200 * DAY_MS)])
        partition.advance(dict.fromkeys(FACTS, now + 3))
        episode = seen(partition, "a").episode
        assert episode is not None
        spent.append(episode.episode.trailing_spend)
    visible = [day for day in range(0, 420, 2) if 600 - 484 <= day < 400]
    assert spent == [1_000 * len(visible)] * 2


@pytest.mark.parametrize("source", [TX, CT])
@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize(("after", "duplicate"), [(-1, 1), (0, 1), (1, 0)])
def test_an_id_is_known_for_8_days(source: Input, crash: bool, after: int, duplicate: bool) -> None:
    """Decided by the effective times alone, not by when the customer was last touched, nor by a crash."""

    def event(time: int) -> Record:
        made = purchase if source is TX else bad
        return made("a", time, event_id="x")

    partition = Partition(Ruleset())
    partition.apply(source, [event(HOME)])
    time = HOME + 8 * DAY_MS + after
    partition.apply(source, [purchase("b", time) if source is TX else bad("b", time, "k2")])
    if crash:
        state: State = {}
        keep(state, partition)
        partition = restored(Ruleset(), state)
    assert partition.apply(source, [event(time)]).duplicate == duplicate


@pytest.mark.parametrize(("beyond", "kept"), [(-1, True), (0, True), (1, False)])
def test_ids_leave_the_record_with_the_first_packing_after_that(beyond: int, kept: bool) -> None:
    """Their purchases stay."""
    partition = Partition(Ruleset())
    partition.apply(TX, [purchase("a", HOME)])
    now = HOME + 8 * DAY_MS + beyond
    partition.advance(dict.fromkeys(FACTS, now - 1))
    partition.apply(TX, [refund("a", now - 1)])
    partition.advance(dict.fromkeys(FACTS, now))
    assert (HOME in [effective_time for effective_time, _, _ in partition._customers.ids("a")]) is kept
    assert seen(partition, "a").panes.spend(HOME_HOUR, HOME_HOUR + 1) == 1_000


@pytest.mark.parametrize(("beyond", "contacts"), [(-1, 2), (0, 2), (1, 1)])
def test_contacts_are_known_120_days_before_the_newest(beyond: int, contacts: int) -> None:
    partition = Partition(Ruleset())
    newest = HOME + 120 * DAY_MS + beyond
    partition.apply(CT, [bad("a", HOME, "k1"), bad("a", newest, "k2")])
    partition.advance(dict.fromkeys(FACTS, newest + 1))
    view = seen(partition, "a")
    assert len(view.contacts) == contacts
    assert view.frustration == pytest.approx(1.85 + (1.85 * 2**-4 if contacts == 2 else 0), abs=1e-6)


def test_a_contact_too_old_to_be_known_judges_by_itself() -> None:
    """A version recorded now of a contact that ended 200 days before the newest leaves F as it is."""
    partition = Partition(Ruleset())
    now = HOME + 300 * DAY_MS
    partition.apply(CT, [bad("a", now, "k1")])
    partition.apply(CT, [bad("a", now + 1, "k0", moment=now - 200 * DAY_MS)])
    partition.advance(dict.fromkeys(FACTS, now + 2))
    view = seen(partition, "a")
    assert [known.contact_id for known, _ in view.contacts] == ["k1"]
    assert view.frustration == 1.85


def test_the_guard_keeps_what_the_next_hours_can_need() -> None:
    """Counts of four weeks and a day before the refresh that let go."""
    partition = Partition(Ruleset())
    partition.apply(TX, [purchase("a", HOME + hour * HOUR_MS) for hour in range(100 * DAY_HOURS)])
    partition.advance(dict.fromkeys(FACTS, HOME + 98 * DAY_MS))
    first = min(partition._guard.hours)
    assert first == HOME_HOUR + 98 * DAY_HOURS - (4 * 7 + 1) * DAY_HOURS - 1
