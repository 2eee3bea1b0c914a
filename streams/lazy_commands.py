"""Commands that are imported when they are called: they need an extra, and take their time."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand
from typing_extensions import override

from streams.console import Exit, failed
from streams.extras import is_here, needs

COMMANDS: Final = {
    "demo": (
        "streams.demo.command:demo_command",
        "Show all of it: history into Kafka, two workers on it, alerts as they come, and the same by replay.",
        "lab",
    ),
    "generate": (
        "streams.lab.generate.command:generate_command",
        "Write purchases with synthetic contacts and boycotts, and the truth about them, into DIRECTORY.",
        "lab",
    ),
    "replay": (
        "streams.lab.replay.command:replay_command",
        "Replay history from files, and rank the customers to win back.",
        "lab",
    ),
    "explain": (
        "streams.lab.explain.command:explain_command",
        "Tell one customer's story: purchases, contacts, evidence, why an alert came or did not.",
        "lab",
    ),
    "evaluate": (
        "streams.evaluation.command:evaluate_command",
        "Measure the detection: how many boycotts are found, how early, and how many false alarms it raises.",
        "lab",
    ),
    "calibrate": (
        "streams.lab.calibrate.command:calibrate_command",
        "Write a ruleset calibrated on your own history, and show what it comes to on the rest of it.",
        "lab",
    ),
    "uplift": (
        "streams.uplift.command:uplift_command",
        "Say whether acting on alerts brings customers back: treated against held out.",
        "lab",
    ),
    "adapt": (
        "streams.adapt.command:adapt_command",
        "Turn an export (Shopify, Segment, Amazon Connect, Zendesk, CSV) into event files.",
        "ingest",
    ),
    "bridge": (
        "streams.crm.commands.bridge:bridge",
        "Deliver alerts to a CRM, each once, and take its dispositions back.",
        "crm",
    ),
    "canary": (
        "streams.crm.commands.canary:canary",
        "Let synthetic customers go the whole way and back, so that a broken chain is noticed.",
        "crm",
    ),
    "ingest": (
        "streams.ingest.command:ingest_command",
        "Read other people's topics, map them, write to our inputs: exactly once, until SIGTERM or Ctrl-C.",
        "ingest",
    ),
    "crm-sandbox": (
        "streams.sandbox.command:crm_sandbox",
        "Run a small stand-in for a CRM on this machine, for demo and tests, until SIGTERM or Ctrl-C.",
        "crm",
    ),
}
"""By name: where the command is, the first sentence of its help, and the extra that it needs."""


class LazyCommand(TyperCommand):
    """Stand in the list of commands for one that is not imported yet."""

    @override
    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return imported(str(self.name)).make_context(info_name, args, parent, **extra)


def add_lazy_commands(app: typer.Typer) -> None:
    """Add all of them to the list; none is imported before it is called."""
    for name, (_, told, _) in COMMANDS.items():
        app.command(name, cls=LazyCommand, help=told)(_never)


def imported(name: str) -> Any:
    """Import a command, or a group of them; ends the program with 78 if its extra is missing."""
    command = _command_of(name)
    if isinstance(command, typer.Typer):
        return typer.main.get_command(command)
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name)(command)
    return typer.main.get_command(alone)


def _command_of(name: str) -> Callable[..., None] | typer.Typer:
    place, _, extra = COMMANDS[name]
    if not is_here(extra):
        raise failed(needs(name, extra), Exit.CONFIG)
    module, function = place.split(":")
    with _ended_by_ctrl_c():
        command: Callable[..., None] | typer.Typer = getattr(import_module(module), function)
    return command


@contextmanager
def _ended_by_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C end the program at once: during an import it would be lost, or print a traceback."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _never() -> None:
    """Never runs: LazyCommand calls the command itself."""
