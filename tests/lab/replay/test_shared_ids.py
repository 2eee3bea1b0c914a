"""Ids that many share, as a replay tells of them."""

from pathlib import Path

import pytest

from streams.lab.replay import ReplayResult
from streams.lab.replay.input_summary import _shared
from streams.lab.replay.summary import run_summary


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ([], []),
        (["guest"], ["note: 1 id is shared by many: guest, set apart"]),
        (["a", "b"], ["note: 2 ids are shared by many: a, b, set apart"]),
        (list("abcd"), ["note: 4 ids are shared by many: a, b, c and 1 more, set apart"]),
    ],
)
def test_the_first_few_are_named_on_the_console(ids: list[str], said: list[str]) -> None:
    assert _shared(ReplayResult(shared=ids)) == said


@pytest.mark.parametrize(
    ("count", "named"),
    [
        (0, None),
        (1, "0"),
        (50, ", ".join(map(str, range(50)))),
        (52, ", ".join(map(str, range(50))) + " and 2 more"),
    ],
)
def test_the_report_names_fifty(count: int, named: str | None) -> None:
    result = ReplayResult(shared=list(map(str, range(count))))
    assert dict(run_summary(result, Path("here"), 4).notes).get("ids that many share") == named


def test_what_is_odd_in_an_id_is_made_visible() -> None:
    notes = dict(run_summary(ReplayResult(shared=["a\x1b[1m"]), Path("here"), 4).notes)
    assert "\x1b" not in notes["ids that many share"]
