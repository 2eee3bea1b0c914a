"""The command `explain`: the story of one customer in the terminal."""

from typing import Annotated

import typer
from rich.console import Console

from schemas.partitioner import DEFAULT as DEFAULT_PARTITIONER
from streams.console import ERRORS, Exit, failed, visible
from streams.lab.explain.text import render_story, said_of_refused
from streams.lab.replay.findings import findings
from streams.lab.replay.options import (
    BySort,
    Currency,
    Directory,
    PartitionerOption,
    Partitions,
    RulesetFile,
    StrictFields,
    load_ruleset,
    replayed,
)
from streams.lab.replay.watch import Watcher


def explain_command(  # noqa: PLR0913 - the options of a command are its arguments
    directory: Directory,
    *,
    customer: Annotated[str, typer.Option(help="The customer_id.")],
    ruleset: RulesetFile = None,
    partitions: Partitions = 4,
    currency: Currency = "USD",
    partitioner: PartitionerOption = DEFAULT_PARTITIONER,
    strict_fields: StrictFields = False,
    sort: BySort = False,
) -> None:
    """Tell one customer's story: purchases, contacts, evidence, why an alert came or did not.

    Everybody is replayed, because the cut-off of high value and the usual irregularity are the population's.
    What is odd about the data is said first; exits with 65 where an input can't be used or half was refused.
    """
    rules = load_ruleset(ruleset)
    watcher = Watcher(rules, only=customer)
    result = replayed(
        directory,
        rules,
        partitions,
        currency,
        watcher,
        by_time=sort,
        partitioner=partitioner,
        strict_fields=strict_fields,
    )
    found = findings(result, directory, rules)
    for one in found:
        said = f"{'WARNING' if one.grave else 'note'}: {visible(one.sentence)}"
        ERRORS.print(said, highlight=False, markup=False, soft_wrap=True)
    if result.lookup(customer) is None:
        refused = result.refused_purchases.get(customer)
        why = f"; {said_of_refused(refused)}" if refused else ""
        raise failed(f"no event of that customer was accepted{why}", Exit.NO_INPUT)
    render_story(Console(), watcher.customer(customer, result, currency))
    if any(one.grave for one in found):
        raise typer.Exit(Exit.BAD_DATA)
