"""Merged customers, from the story of `test_recompute`: c1 calls, and is merged into c2 or has been.

c2 is protected as c1 is. The times of all records are in hours after h0.
"""

import json
from pathlib import Path

import pytest

from tests.recompute.arrival import read
from tests.recompute.moves import moves
from tests.recompute.recompute import Expected, recompute
from tests.recompute.test_recompute import BAD, END, H0, HOUR, RULES, START, USUAL, Line, event

Told = tuple[int, str, str, str | None]


def merge(name: str, hours: float, old: str, new: str) -> Line:
    return event(name, "customer_merged", hours, customer_id=old, merged_into=new)


def write(directory: Path, *merges: Line, bought: tuple[Line, ...] = ()) -> None:
    transactions = sorted([*USUAL, *merges, *bought, END], key=lambda line: str(line["time"]))
    gold = [event(f"g{name}", "profile", 0, tier="gold", customer_id=name) for name in ("c1", "c2", "c3")]
    for topic, lines in (("transactions", transactions), ("contacts", [BAD]), ("customers", gold)):
        (directory / f"{topic}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def told(alerts: list[Expected]) -> list[Told]:
    return [
        ((one.time_ms - START) // HOUR - H0, one.customer_id, one.state, one.resolution) for one in alerts
    ]


def moved(directory: Path, partitions: int = 1) -> list[tuple[int, str, str, bool]]:
    found = moves(read(directory, RULES, partitions, 1 << 60, "USD"))
    return [(move.hour - START // HOUR, move.old, move.new, move.revives) for move in found]


@pytest.mark.parametrize("partitions", [1, 4, 8])
def test_a_history_leaves_at_the_hour_after_the_merge_and_again_after_each_fact(
    tmp_path: Path, partitions: int
) -> None:
    late = event("p", "transaction", 1900.5, kind="purchase", amount="1.00", currency="USD")
    write(tmp_path, merge("m", 1850.25, "c1", "c2"), bought=(late,))
    first = [move for move in moved(tmp_path, partitions) if move[0] < 1902]
    assert first == [
        (1851, "c1", "c2", False),
        (1861, "c1", "c2", False),
        (1885, "c1", "c2", False),
        (1901, "c1", "c2", False),
    ]


@pytest.mark.parametrize(("hours", "since"), [(199.5, 200), (200.0, 201), (200.5, 201)])
def test_an_open_case_goes_on_an_hour_later_under_the_new_id(
    tmp_path: Path, hours: float, since: int
) -> None:
    """It was a watch since hour 127, and becomes an alert when it would have: at hour 287."""
    write(tmp_path, merge("m", H0 + hours, "c1", "c2"))
    assert told(recompute(tmp_path, ruleset=RULES))[:4] == [
        (127, "c1", "raised", None),
        (since, "c1", "resolved", "merged"),
        (since + 1, "c2", "raised", None),
        (287, "c2", "updated", None),
    ]


@pytest.mark.parametrize(("hours", "opens"), [(2040.5 - H0 + 168, False), (166.0, True), (60.0, True)])
def test_a_contact_of_the_last_week_may_open_an_episode_where_the_purchases_are(
    tmp_path: Path, hours: float, opens: bool
) -> None:
    """The purchases are of c2, the contact of c1, who nobody could judge before the merge."""
    write(tmp_path, merge("m", H0 + hours, "c1", "c2"))
    bought = (tmp_path / "transactions.jsonl").read_text().splitlines()
    lines = [line.replace('"c1"', '"c2"') if '"kind": "purchase"' in line else line for line in bought]
    (tmp_path / "transactions.jsonl").write_text("".join(f"{line}\n" for line in lines))
    found = told(recompute(tmp_path, ruleset=RULES))
    assert [one[1:] for one in found[:1]] == ([("c2", "raised", None)] if opens else [])


def test_a_history_goes_on_along_a_chain(tmp_path: Path) -> None:
    write(tmp_path, merge("m1", 2060.5, "c1", "c2"), merge("m2", 2061.5, "c2", "c3"))
    assert moved(tmp_path) == [
        (2061, "c1", "c2", False),
        (2062, "c2", "c3", False),
        (2063, "c2", "c3", False),
    ]
    assert {one.customer_id for one in recompute(tmp_path, ruleset=RULES)} == {"c3"}


def test_an_id_lives_again_that_is_merged_back(tmp_path: Path) -> None:
    """It has bought as much as it ever did: 85 times for 10.00."""
    write(tmp_path, merge("m1", 1000.5, "c1", "c2"), merge("m2", 1510.5, "c2", "c1"))
    assert moved(tmp_path)[-1] == (1511, "c2", "c1", True)
    [first, *_] = recompute(tmp_path, ruleset=RULES)
    assert (first.customer_id, first.trailing_spend) == ("c1", 850.0)
