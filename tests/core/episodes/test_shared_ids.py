"""Ids that very many people share: no episode opens for them, and no watch begins."""

import pytest

from streams.core.episodes.standing import Standing
from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset, RulesetError
from streams.core.spend.population import median_trips
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input
from tests.core.drive import HOME, State, bad, keep, purchase, restored

TX, CT = Input.TRANSACTIONS, Input.CONTACTS
DAYS = 140
END = HOME + DAYS * DAY_MS
RULES = Ruleset(population_minimum=1, high_value_quantile=0.1, shared_trips_factor=10.0)


def busy(trips: int, usual: int = 1) -> list[tuple[int, str]]:
    """Return when who buys: `guest` in so many hours of the last 28 days, five others `usual` times."""
    months = [HOME + month * 28 * DAY_MS for month in range(5)]
    others = [(at + one * DAY_MS, f"c{each}") for at in months for one in range(usual) for each in range(5)]
    return sorted([*((at, "guest") for at in months[:4]), *others, *during(trips)])


def during(trips: int) -> list[tuple[int, str]]:
    """Return purchases in so many hours of the last 28 days."""
    return [(END - (one + 1) * HOUR_MS, "guest") for one in range(trips)]


def told(rules: Ruleset, bought: list[tuple[int, str]], *, crash: bool = False, calls: int = 1) -> Partition:
    """Return a partition in which `guest` was treated badly at the end."""
    partition = Partition(rules)
    partition.apply(TX, [purchase(who, at) for at, who in bought])
    partition.advance(dict.fromkeys(FACTS, END))
    if crash:
        state: State = {}
        keep(state, partition)
        partition = restored(rules, state)
    for call in range(calls):
        partition.apply(CT, [bad("guest", END + call, f"k{call}", recovery=call < calls - 1)])
    partition.advance(dict.fromkeys(FACTS, END + 2_000))
    return partition


@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize(("trips", "shared"), [(99, False), (100, True), (101, True)])
def test_who_buys_in_100_hours_of_28_days_is_set_apart(trips: int, shared: bool, crash: bool) -> None:
    partition = told(RULES, busy(trips), crash=crash)
    assert partition.tally["shared_id"] == shared
    assert partition.tally["opened"] == (not shared)
    assert list(partition.shared) == ["guest"] * shared


@pytest.mark.parametrize(("trips", "shared"), [(119, False), (120, True), (121, True)])
def test_where_others_buy_often_it_takes_ten_times_as_many(trips: int, shared: bool) -> None:
    assert told(RULES, busy(trips, usual=12)).tally["shared_id"] == shared


@pytest.mark.parametrize(("calls", "shared"), [(2, False), (3, True), (4, True)])
def test_so_is_who_calls_too_often_in_a_week(calls: int, shared: bool) -> None:
    rules = Ruleset(population_minimum=1, high_value_quantile=0.1, shared_contacts=3)
    assert told(rules, busy(5), calls=calls).tally["shared_id"] == shared


@pytest.mark.parametrize(("named", "shared"), [((), False), (("Guest",), False), (("x", "guest"), True)])
def test_a_named_id_is_set_apart_to_the_letter(named: tuple[str, ...], shared: bool) -> None:
    rules = Ruleset(population_minimum=1, high_value_quantile=0.1, shared_ids=named)
    assert told(rules, busy(5)).tally["shared_id"] == shared


def test_a_ruleset_file_names_them() -> None:
    file = 'population_minimum = 1\nhigh_value_quantile = 0.1\nshared_ids = ["x", "guest"]\n'
    assert told(Ruleset.from_toml(file), busy(5)).tally["shared_id"] == 1


@pytest.mark.parametrize("given", ['"guest"', "[1]", "true"])
def test_what_names_nobody_is_refused(given: str) -> None:
    with pytest.raises(RulesetError, match="shared_ids must be a list of texts"):
        Ruleset.from_toml(f"shared_ids = {given}\n")


def test_nobody_is_set_apart_by_rulesets_that_do_not_ask_for_it() -> None:
    assert told(Ruleset(population_minimum=1, high_value_quantile=0.1), busy(600)).tally["shared_id"] == 0


@pytest.mark.parametrize(
    ("counts", "median"), [([], 1), ([0, 5], 1), ([5, 7], 5), ([0, 9, 5, 7], 7), ([9, 5, 7, 8], 7)]
)
def test_the_median_is_that_of_who_bought_by_nearest_rank(counts: list[int], median: int) -> None:
    assert median_trips(counts, 2) == median


def test_how_a_customer_stands_is_told_before_any_contact() -> None:
    partition = Partition(RULES)
    assert (partition.standing("guest"), partition.cutoff) == (None, None)
    partition.apply(TX, [purchase(who, at) for at, who in [*busy(100), (END - 1, "new")]])
    assert partition.standing("guest") is None  # nothing is decided yet
    partition.advance(dict.fromkeys(FACTS, END))
    assert partition.standing("nobody") is None
    guest, other, new = (partition.standing(one) for one in ("guest", "c1", "new"))
    assert guest == Standing(judged=True, valuable=True, shared=True, blocks=5)
    assert other == Standing(judged=True, valuable=True, shared=False, blocks=5)
    assert new == Standing(judged=False, valuable=True, shared=False, blocks=0)
    assert partition.cutoff is not None
