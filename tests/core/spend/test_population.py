"""The population of a partition: a sample by hash, the cut-off, and how irregular its best are."""

import math
from collections.abc import Iterable
from random import Random

import pytest

from streams.core.ruleset import Ruleset
from streams.core.spend.baseline import BLOCK_HOURS, YEAR_HOURS, baseline
from streams.core.spend.panes import Panes
from streams.core.spend.population import Population, Refresh, Spending, customer_hash
from streams.core.time import WEEK_HOURS

NOW = WEEK_HOURS * 3_000
Histories = dict[str, Spending]


class Sampled:
    """Keeps who is told to be in the sample."""

    def __init__(self) -> None:
        self.now: set[str] = set()

    def __call__(self, customer_id: str, *, sampled: bool) -> None:
        """Note a customer."""
        (self.now.add if sampled else self.now.discard)(customer_id)


def spent(*panes: tuple[int, int]) -> Spending:
    """Return the history of (hour, cents)."""
    return Spending(panes[0][0], Panes([hour for hour, _ in panes], [cents for _, cents in panes]))


def refreshed(histories: Histories, rules: Ruleset, hour: int = NOW) -> Refresh:
    """Return the first refresh of these customers."""
    population = Population(rules, Sampled())
    for one in histories:
        population.offer(one)
    return population.refresh(hour, histories.get)


def spenders(amounts: Iterable[int]) -> Histories:
    """Return customers, each with one purchase an hour before `NOW`."""
    return {f"c{at}": spent((NOW - 1, cents)) for at, cents in enumerate(amounts)}


@pytest.mark.parametrize(("count", "cutoff"), [(19, None), (20, 16), (21, 17)])
def test_the_cut_off_is_the_value_at_rank_ceil_of_0_8_n_from_20_on(count: int, cutoff: int | None) -> None:
    amounts = list(range(1, count + 1))
    Random(count).shuffle(amounts)
    found = refreshed(spenders(amounts), Ruleset())
    assert found == Refresh(NOW, cutoff, 8.6)


@pytest.mark.parametrize(
    ("quantile", "count", "cutoff"),
    [(0.8, 24, 20), (0.8, 25, 20), (0.8, 26, 21), (0.55, 99, 55), (0.55, 100, 55), (0.55, 101, 56)],
)
def test_a_whole_rank_is_not_rounded_up(quantile: float, count: int, cutoff: int) -> None:
    """0.55 times 100 is 55, although the product of floats is a little more."""
    rules = Ruleset(high_value_quantile=quantile)
    assert refreshed(spenders(range(1, count + 1)), rules).cutoff == cutoff


def test_those_who_spent_nothing_in_the_year_do_not_count() -> None:
    """[NOW-8736, NOW): a pane just before it, refunds beyond zero, and zero are no spend."""
    histories = spenders(range(1, 20))
    none = {
        "before": spent((NOW - YEAR_HOURS - 1, 50)),
        "zero": spent((NOW - 3, 0)),
        "below": spent((NOW - 3, 5), (NOW - 2, -6)),
    }
    assert refreshed(histories | none, Ruleset()).cutoff is None
    assert refreshed(histories | {"first": spent((NOW - YEAR_HOURS, 50))}, Ruleset()).cutoff == 16


@pytest.mark.parametrize(("pane", "enrolled"), [(NOW - 1, True), (NOW, False), (NOW + 1, False)])
def test_a_customer_is_considered_once_a_pane_lies_before_the_refresh(pane: int, enrolled: bool) -> None:
    marked = Sampled()
    population = Population(Ruleset(population_minimum=1), marked)
    population.offer("a")
    histories = {"a": spent((pane, 5))}
    assert population.refresh(NOW, histories.get).cutoff == (5 if enrolled else None)
    assert marked.now == ({"a"} if enrolled else set())
    assert population.refresh(NOW + WEEK_HOURS, histories.get).cutoff == 5


def test_a_newcomer_who_was_erased_since_is_passed_over() -> None:
    population = Population(Ruleset(population_minimum=1), Sampled())
    population.offer("a")
    nobody: Histories = {}
    assert population.refresh(NOW, nobody.get).cutoff is None
    assert population.refresh(NOW + WEEK_HOURS, {"a": spent((NOW, 5))}.get).cutoff is None


def test_a_newcomer_offered_twice_is_one() -> None:
    population = Population(Ruleset(population_minimum=1), Sampled())
    histories = {"a": spent((NOW - 1, 5))}
    for hour in (NOW, NOW + WEEK_HOURS):
        population.offer("a")
        population.offer("a")
        assert population.refresh(hour, histories.get).cutoff == 5
    assert len(population.rows) == 1


def test_erasing_one_who_is_no_member_changes_nothing() -> None:
    population = Population(Ruleset(population_minimum=1), Sampled())
    histories = {"a": spent((NOW - 1, 5))}
    population.offer("a")
    population.refresh(NOW, histories.get)
    population.erase("b", ["a"])
    assert population.refresh(NOW + WEEK_HOURS, histories.get).cutoff == 5


@pytest.mark.parametrize("count", [7, 8, 9, 40])
@pytest.mark.parametrize("die", range(3))
def test_the_sample_is_the_smallest_hashes_whoever_came_first(count: int, die: int) -> None:
    """Enrolled over three refreshes in any order; whoever has to leave takes its spend along."""
    rng = Random(die)
    marked = Sampled()
    population = Population(Ruleset(population_sample=8, population_minimum=1), marked)
    histories = {f"c{at}": spent((NOW - 1, 100 + at)) for at in range(count)}
    names = list(histories)
    rng.shuffle(names)
    for part in range(3):
        for one in names[part::3]:
            population.offer(one)
        found = population.refresh(NOW + part * WEEK_HOURS, histories.get)
    sample = sorted(names, key=customer_hash)[:8]
    assert marked.now == population.rows.keys() == set(sample)
    amounts = sorted(histories[one].panes.cents[0] for one in sample)
    assert found.cutoff == amounts[math.ceil(0.8 * len(sample)) - 1]


def test_spend_added_to_a_member_counts_in_its_week() -> None:
    """Before the first pane as well, as a late refund may be."""
    population = Population(Ruleset(population_minimum=1), Sampled())
    histories = {"a": spent((NOW - 1, 5))}
    population.offer("a")
    population.refresh(NOW, histories.get)
    population.add("a", NOW, 10)
    population.add("a", NOW - 30 * WEEK_HOURS, 100)
    population.add("a", NOW + WEEK_HOURS, 1_000)
    assert population.refresh(NOW + WEEK_HOURS, histories.get).cutoff == 115
    assert population.refresh(NOW + 2 * WEEK_HOURS, histories.get).cutoff == 1_115


def test_weeks_leave_the_year() -> None:
    population = Population(Ruleset(population_minimum=1), Sampled())
    histories = {"a": spent((NOW - 1, 5))}
    population.offer("a")
    for week, cutoff in [(0, 5), (51, 5), (52, None)]:
        assert population.refresh(NOW + week * WEEK_HOURS, histories.get).cutoff == cutoff
    assert population._columns == {}


def irregular(rng: Random, count: int, blocks: int) -> Histories:
    """Return customers with a purchase of any amount in each of the blocks before `NOW`."""
    starts = [NOW - BLOCK_HOURS * one for one in range(blocks, 0, -1)]
    return {
        f"c{at}": spent(
            (starts[0], 1),
            *((start + rng.randrange(1, BLOCK_HOURS), rng.randrange(9_999)) for start in starts),
        )
        for at in range(count)
    }


@pytest.mark.parametrize(("count", "known"), [(98, False), (99, False), (100, True), (101, True)])
def test_the_irregularity_is_the_geometric_mean_of_the_best_if_20_have_a_baseline(
    count: int, known: bool
) -> None:
    """A fifth of them and the one at the cut-off: 21 of 100 and of 101, with one more who has no baseline."""
    rules = Ruleset(population_minimum=20)
    histories = irregular(Random(count), count - 1, 5) | {"new": spent((NOW - 1, 10**6))}
    found = refreshed(histories, rules)
    assert found.cutoff is not None
    best = [one for one in histories.values() if sum(one.panes.cents) >= found.cutoff]
    baselines = [baseline(panes, first, NOW, rules) for first, panes, _ in best]
    floors = [max(one.dispersion, 0.25) for one in baselines if one is not None]
    assert (len(floors) >= 20) is known
    expected = math.exp(sum(map(math.log, floors)) / len(floors)) if known else 8.6
    assert found.irregularity_days == pytest.approx(expected, rel=1e-12)


def test_a_member_whose_history_is_gone_keeps_its_row() -> None:
    """A purchase before the first pane asks for the history; somebody erased meanwhile has none."""
    rules = Ruleset(population_minimum=1, as_meant=True, shared_trips_factor=10.0)
    population = Population(rules, Sampled())
    histories = {"a": spent((NOW - 1, 5))}
    population.offer("a")
    assert population.refresh(NOW, histories.get).cutoff == 5
    population.add("a", NOW - 30, 7)
    nobody: Histories = {}
    assert population.refresh(NOW, nobody.get).cutoff == 5
    population.add("a", NOW - 30, 7)
    assert population.refresh(NOW, {"a": spent((NOW - 30, 7), (NOW - 1, 5))}.get).cutoff == 12


def test_the_median_of_trips_is_that_of_a_partition_that_was_just_restored() -> None:
    """Trips are kept from week to week, whatever comes late, is taken back, erased or handed over."""
    rules = Ruleset(population_sample=8, population_minimum=2, as_meant=True, shared_trips_factor=10.0)
    rng, histories = Random(3), Histories()
    population, medians = Population(rules, Sampled()), []
    for week in range(30):
        hour = NOW + week * WEEK_HOURS
        for _ in range(60):
            name, pane = f"c{rng.randrange(12)}", hour + rng.randrange(-900, 3)
            cents = rng.choice([500, 500, 500, -500])
            if name not in histories:
                histories[name] = spent((pane, cents))
                population.offer(name)
                continue
            first = histories[name].first_pane
            assert first is not None
            histories[name].panes.add(pane, cents)
            histories[name] = histories[name]._replace(first_pane=min(first, pane))
            if name in population.rows:
                population.add(name, pane, cents)
        if week % 3 == 2:
            gone = rng.choice(sorted(histories))
            del histories[gone]
            population.erase(gone, histories)
        moved = rng.choice(sorted(population.rows)) if week % 4 == 1 else None
        if moved in histories:
            histories[moved].panes.add(hour - 5, 100)
            population.renew(moved)
        found = population.refresh(hour, histories.get)
        assert found == refreshed(histories, rules, hour)
        medians.append(found.median_trips)
    assert len(set(medians)) > 3
