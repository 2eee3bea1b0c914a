"""State that an earlier release has written is read, and goes on as if this one had always been there."""

import pytest

from streams.core.customer.state import is_journal_key, is_page_key
from streams.core.partition.partition import Partition
from tests.core.drive import keep, known
from tests.core.partition.stored import DAYS, RULES, STATES, STORED, WRITTEN, live, path_of, read, text

BEFORE, AFTER = range(WRITTEN), range(WRITTEN, DAYS)


@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("at_once", [1, 3, 10_000])
def test_stored_state_goes_on(name: str, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many customers are restored at once."""
    monkeypatch.setattr("streams.core.partition.snapshot._TAILS", at_once)
    undisturbed, partition = Partition(RULES), Partition(RULES)
    assert live(undisturbed, BEFORE)
    partition.restore(read(name))
    assert known(partition) == known(undisturbed)
    assert partition.undecided == undisturbed.undecided > 0
    assert partition.open_customers == undisturbed.open_customers != set()
    alerts = live(partition, AFTER)
    assert alerts
    assert alerts == live(undisturbed, AFTER)
    assert known(partition) == known(undisturbed)


@pytest.mark.parametrize("name", STORED)
def test_what_is_written_on_top_of_stored_state_is_read(name: str) -> None:
    state, partition = read(name), Partition(RULES)
    partition.restore(state)
    live(partition, AFTER)
    keep(state, partition)
    again = Partition(RULES)
    again.restore(state)
    assert known(again) == known(partition)
    assert any(map(is_journal_key, state))


def test_the_stored_states_have_what_they_are_to_have() -> None:
    old, *_, new = map(read, STORED)
    assert [any(map(is_journal_key, state)) for state in (old, new)] == [False, True]
    assert all(any(map(is_page_key, state)) for state in (old, new))


def test_this_release_writes_the_newest_stored_form() -> None:
    """Else store the new form, and tell in the changelog what of it an earlier release can't read."""
    assert text() == path_of(STORED[-1]).read_text(encoding="ascii")
    assert {f"{name}.txt" for name in STORED} == {path.name for path in STATES.iterdir()}
