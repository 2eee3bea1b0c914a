"""Times as other people have them: a year mistyped, lines out of order, a pause of years."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

import pytest

from schemas.alert import Alert
from tests.lab.datasets import copy_as, lines_of, run, write_lines
from tests.lab.others import (
    Event,
    alerts_of,
    call,
    calls,
    folder,
    moment,
    read,
    sale,
    sales,
    spelled,
    words,
    write_small_dataset,
)
from tests.runtime.tools.test_publish_entries import PARTITIONS, bare, published, topics, worked

pytestmark = pytest.mark.slow

DAY: Final = 24.0
"""Hours."""


@pytest.fixture(name="old_dataset", scope="module")
def old_dataset_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a small dataset with alerts."""
    directory = tmp_path_factory.mktemp("old") / "here"
    write_small_dataset(directory)
    return directory


@pytest.fixture(name="plain", scope="module")
def plain_fixture(old_dataset: Path, rules: Path) -> bytes:
    """Return the alerts of the dataset as it is."""
    alerts = alerts_of(old_dataset, rules)
    assert len(alerts.splitlines()) > 10
    return alerts


def ahead(line: bytes, name: str, years: int = 2) -> bytes:
    """Return a line as if mistyped some years ahead, as another event."""
    event: Event = json.loads(line)
    year = int(event["time"][:4]) + years
    changes = {"event_id": name, "time": f"{year}-02{event['time'][7:8]}11{event['time'][10:]}"}
    event.pop("ended_at", None)
    event.pop("started_at", None)
    return json.dumps(event | changes).encode()


def with_intruders(
    dataset: Path, target: Path, places: list[int], name: str = "transactions", years: int = 2
) -> list[int]:
    """Copy a dataset with lines ahead before these lines of one file; return the intruders' line numbers."""
    directory = copy_as(dataset, target, ".jsonl")
    lines, numbers = lines_of(dataset / f"{name}.jsonl"), []
    for shift, place in enumerate(places):
        at = place % (len(lines) + 1)
        lines.insert(at, ahead(lines[min(at, len(lines) - 1)], f"intruder-{shift}", years))
        numbers.append(at + 1)
    write_lines(directory / f"{name}.jsonl", lines)
    return numbers


PLACES: Final[dict[str, list[int]]] = {
    "in the middle": [60],
    "at the beginning": [0],
    "at the end": [-1],
    "second": [1],
    "two apart": [30, 90],
    "two in a row": [60, 61],
    "two at the beginning": [0, 1],
    "two at the end": [-1, -1],
}


WHERE: Final = [
    *((place, "transactions") for place in PLACES),
    *((place, "contacts") for place in ("in the middle", "at the beginning", "two at the end")),
]


@pytest.mark.parametrize("where", WHERE, ids=" of ".join)
def test_lines_two_years_ahead_change_no_alert_and_are_dead_letters(
    old_dataset: Path, plain: bytes, rules: Path, tmp_path: Path, where: tuple[str, str]
) -> None:
    place, name = where
    numbers = with_intruders(old_dataset, tmp_path / "dataset", PLACES[place], name)
    found = read(tmp_path / "dataset", "--ruleset", rules)
    assert found.code == 0
    assert found.alerts == plain
    assert found.places() == [(f"{name}.jsonl", number, "future") for number in numbers]
    assert f"line {numbers[0]}" in found.said


@pytest.mark.parametrize("place", ["at the beginning", "at the end", "two in a row"])
def test_publish_leaves_out_what_replay_takes_out(old_dataset: Path, tmp_path: Path, place: str) -> None:
    dataset = tmp_path / "dataset"
    numbers = with_intruders(old_dataset, dataset, PLACES[place])
    rules = tmp_path / "published.toml"
    rules.write_text(
        'based_on = "1"\nhigh_value_quantile = 0.2\npopulation_minimum = 5\nopening_frustration = 0.3\n'
    )
    raw = alerts_of(dataset, rules, "--partitions", PARTITIONS)
    replayed = [Alert.model_validate_json(line) for line in raw.splitlines()]
    found = published(dataset)
    assert replayed
    assert not any(b"intruder" in entry.value for entry in found if entry.value is not None)
    assert bare(worked(topics(found), Random(1))[0]) == bare(replayed)
    assert len(numbers) == len(PLACES[place])


def jump(days: float, before: int = 30, after: int = 20, *, count: int = 1) -> list[bytes]:
    """Return purchases of one minute, among which some are so many days ahead of all others."""
    others = [sale(at, time=moment(at / 3600)) for at in range(before + after)]
    far = [sale(at, event_id=f"far-{at}", time=moment(DAY * days + 1 / 60 + at / 60)) for at in range(count)]
    return spelled([*others[:before], *far, *others[before:]])


@pytest.mark.parametrize(("days", "taken"), [(364, False), (364.99, False), (366, True)])
def test_more_than_a_year_ahead_of_its_neighbours_is_taken_out(
    tmp_path: Path, days: float, *, taken: bool
) -> None:
    """In one partition, where each line after a true one would be too late."""
    found = read(folder(tmp_path / "shop", jump(days), calls(5)), "--partitions", 1)
    assert (("transactions.jsonl", 31, "future") in found.places()) == taken
    assert ("50 applied" in found.said) == taken


@pytest.mark.parametrize("days", [30, 200, 364])
@pytest.mark.parametrize("after", [1, 2, 25])
def test_what_one_line_less_far_ahead_condemns_is_counted_and_the_line_named(
    tmp_path: Path, days: float, after: int
) -> None:
    """Within a year it may be true: the lines after it are too late, and it is said because of which."""
    found = read(folder(tmp_path / "shop", jump(days, 40, after), calls(5)), "--partitions", 1)
    assert [place[1:] for place in found.places()] == [(42 + at, "too_late") for at in range(after)]
    assert re.search(r"\bline 41\b", found.said), found.said
    assert re.search(rf"\b{after}\b", found.said)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_lines_ahead_are_taken_out_together(tmp_path: Path, count: int) -> None:
    found = read(folder(tmp_path / "shop", jump(800, count=count), calls(5)))
    assert found.places() == [("transactions.jsonl", 31 + at, "future") for at in range(count)]


@pytest.mark.parametrize("years", [1.5, 2, 3])
def test_a_pause_of_years_is_no_typing_mistake(tmp_path: Path, years: float) -> None:
    """Half of the file lies on each side."""
    shift = DAY * 365 * years
    later = [sale(at, time=moment(12 * at + shift)) for at in range(30, 60)]
    found = read(folder(tmp_path / "shop", [*sales(30), *spelled(later)], calls(5)))
    assert (found.code, found.letters) == (0, [])
    assert "60 applied" in found.said


def test_few_lines_in_many_years_are_no_typing_mistakes(tmp_path: Path) -> None:
    """Each lies more than a year ahead of the one before, none of the one after."""
    rare = spelled(sale(at, time=moment(DAY * 400 * at)) for at in range(5))
    assert read(folder(tmp_path / "shop", rare, None)).letters == []


def test_one_line_years_behind_costs_nothing_but_itself(tmp_path: Path) -> None:
    lines = sales(60)
    lines.insert(30, spelled([sale(0, event_id="old", time="2012-01-01T00:00:00Z")])[0])
    found = read(folder(tmp_path / "shop", lines, calls(5)))
    assert found.places() == [("transactions.jsonl", 31, "too_late")]


def test_one_line_beyond_now_costs_nothing_but_itself(tmp_path: Path) -> None:
    lines = sales(60)
    lines.insert(30, spelled([sale(0, event_id="new", time="2999-01-01T00:00:00Z")])[0])
    found = read(folder(tmp_path / "shop", lines, calls(5)))
    assert found.places() == [("transactions.jsonl", 31, "future")]


@pytest.mark.parametrize(("late", "said"), [(1, False), (2, False), (3, True), (40, True)])
def test_more_than_one_in_a_hundred_too_late_says_sort_by_time(
    tmp_path: Path, late: int, *, said: bool
) -> None:
    """Of 200 lines."""
    at_the_end = [sale(at, event_id=f"late-{at}") for at in range(late)]
    found = read(folder(tmp_path / "shop", [*sales(200 - late), *spelled(at_the_end)], calls(5)))
    assert len(found.letters) == late
    assert ("sort by time" in found.said) == said
    assert ("--sort" in found.said) == said


def test_newest_first_says_sort_by_time_and_sort_does_it(tmp_path: Path) -> None:
    directory = folder(tmp_path / "shop", sales(200)[::-1], calls(50)[::-1])
    found = read(directory)
    assert found.code == 65
    assert "sort by time" in found.said
    sorted_ = run("replay", directory, "--sort", "--strict")
    assert sorted_.code == 0
    assert "sort by time" not in words(sorted_)
    assert "200 applied" in words(sorted_)


def _by_time(lines: list[bytes]) -> list[bytes]:
    return sorted(lines, key=lambda line: str(json.loads(line)["time"]))


def _shuffled(lines: list[bytes]) -> list[bytes]:
    return Random(3).sample(lines, len(lines))


def _change(dataset: Path, target: Path, change: Callable[[list[bytes]], list[bytes]], form: str) -> Path:
    plain = copy_as(dataset, target.with_name(f"{target.name}-lines"), ".jsonl")
    for path in plain.iterdir():
        write_lines(path, change(lines_of(path)))
    return copy_as(plain, target, form)


@pytest.mark.parametrize("form", [".jsonl", ".jsonl.gz", ".parquet"])
def test_sort_makes_of_a_shuffled_file_what_is_made_of_a_sorted_one(
    old_dataset: Path, rules: Path, tmp_path: Path, form: str
) -> None:
    wanted = alerts_of(_change(old_dataset, tmp_path / "sorted", _by_time, ".jsonl"), rules)
    shuffled = _change(old_dataset, tmp_path / "shuffled", _shuffled, form)
    assert wanted
    assert alerts_of(shuffled, rules, "--sort", "--strict") == wanted
    assert alerts_of(_change(old_dataset, tmp_path / "again", _by_time, form), rules, "--sort") == wanted


def test_sort_keeps_the_numbers_of_the_lines(tmp_path: Path) -> None:
    lines = sales(60)[::-1]
    lines[20:20] = [b"", b"no json", *spelled([sale(5, amount="-1.00"), sale(6, time="then")])]
    found = read(folder(tmp_path / "shop", lines, calls(5)), "--sort")
    assert sorted(place[1] for place in found.places()) == [22, 23, 24]
    assert "60 applied" in found.said


@pytest.mark.parametrize("place", [[60], [0], [-1]])
def test_sort_takes_out_what_lies_years_ahead_too(
    old_dataset: Path, rules: Path, tmp_path: Path, place: list[int]
) -> None:
    (number,) = with_intruders(old_dataset, tmp_path / "dataset", place)
    found = read(tmp_path / "dataset", "--sort", "--ruleset", rules)
    assert found.alerts == alerts_of(copy_as(old_dataset, tmp_path / "plain", ".jsonl"), rules, "--sort")
    assert found.places() == [("transactions.jsonl", number, "future")]


def test_contacts_of_another_year_than_the_purchases_lose_nothing_unsaid(tmp_path: Path) -> None:
    """An export of last year's purchases and this year's contacts: not one alert can come of it."""
    later = spelled(call(at, time=moment(DAY * (900 + at))) for at in range(30))
    found = read(folder(tmp_path / "shop", sales(60), later))
    assert found.letters == []
    assert "30 applied" in found.said
