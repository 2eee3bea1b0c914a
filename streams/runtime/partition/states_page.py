"""The page of a partition's states, generated: `python -m streams.runtime.partition.states_page`."""

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby

from streams.runtime.partition.states import TRANSITIONS, Event, State

_HEAD = """\
# States of a partition

What a worker does with a partition number while it runs. The group assigns and revokes partitions, the log
fails, other workers fence this one; `PartitionSupervisor` takes each partition through these states. An event
that is not in the table of a state is a bug, and refused. State that is only in memory is dropped in every
failure: what counts is in the log ([decision 7](decisions/0007-the-worker-on-faust.md)).

This page is generated from the table itself, by `python -m streams.runtime.partition.states_page`.

"""


def page() -> str:
    """Return `docs/partition-states.md`."""
    in_order = sorted(TRANSITIONS.items(), key=lambda one: list(State).index(one[0][0]))
    transitions = (f"`{state}` | `{event}` | `{after}`" for (state, event), after in in_order)
    return _HEAD + "\n".join(
        (
            "```mermaid",
            "stateDiagram-v2",
            *_arrows(),
            "```",
            "",
            f"The event `{Event.CLOSED}`, left out of the picture, leads to `{State.CLOSED}` from anywhere.",
            "",
            "## States",
            "",
            *_table("state | what it means", (f"`{state}` | {state.about}" for state in State)),
            "",
            "## Events",
            "",
            *_table("event | what has happened", (f"`{event}` | {event.about}" for event in Event)),
            "",
            "## Transitions",
            "",
            *_table("state | event | next state", transitions),
            "",
        )
    )


def _arrows() -> Iterator[str]:
    """Yield the lines of the picture, one for each pair of states."""
    yield f"    [*] --> {State.RELEASED}"
    shown = sorted(
        (list(State).index(state), list(State).index(after), event)
        for (state, event), after in TRANSITIONS.items()
        if event is not Event.CLOSED
    )
    for (state, after), events in groupby(shown, key=lambda one: one[:2]):
        names = ", ".join(event for *_, event in events)
        yield f"    {list(State)[state]} --> {list(State)[after]}: {names}"


def _table(head: str, rows: Iterable[str]) -> Iterator[str]:
    yield f"| {head} |"
    yield "|" + "---|" * (head.count("|") + 1)
    yield from (f"| {row} |" for row in rows)


if __name__ == "__main__":
    sys.stdout.write(page())
