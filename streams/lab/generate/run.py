"""One run: draw, then write."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

from streams.lab.generate import writer
from streams.lab.generate.options import GenerateOptions
from streams.lab.generate.summary import GenerateSummary, summarise
from streams.lab.generate.world import Progress, World, draw_world


def _silent(_step: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def generate(directory: Path, options: GenerateOptions, progress: Progress = _silent) -> GenerateSummary:
    """Write transactions, contacts, customers and truth into `directory`, which is created.

    Event files already there are replaced or removed. The same options give the same bytes. Raises
    `ModuleNotFoundError` when the population's package is not installed, `OSError` when the directory
    cannot be written.
    """
    world = draw_world(options, progress)
    return summarise(world, write_world(directory, world, progress, compress=options.gzip))


def write_world(
    directory: Path, world: World, progress: Progress = _silent, *, compress: bool = False
) -> dict[Path, int]:
    """Write all files in place of those already there; return the number of lines by file."""
    directory.mkdir(parents=True, exist_ok=True)
    path = partial(writer.path, directory, compress=compress)
    order = world.transactions_arrival.order
    arrived = [world.contacts[each].line for each in world.contacts_arrival.order.tolist()]
    counts = {path("transactions"): len(order)}
    with ExitStack() as stack:
        file = stack.enter_context(writer.opened(path("transactions")))
        writer.write_transactions(
            file, world.transactions, world.purchases.customer_ids, order, partial(progress, "writing")
        )
        for name, lines in (("contacts", arrived), ("customers", world.profiles), ("truth", world.truth)):
            writer.write_lines(stack.enter_context(writer.opened(path(name))), lines)
            counts[path(name)] = len(lines)
    for old in writer.stale(directory, counts):
        old.unlink()
    return counts
