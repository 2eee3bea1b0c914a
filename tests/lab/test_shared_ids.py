"""Ids that many share, as a replay tells of them."""

import pytest

from streams.lab.input_summary import _shared
from streams.lab.replay import ReplayResult


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
