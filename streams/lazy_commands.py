"""Commands that are imported when they are called: each then starts without waiting for the others."""

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

COMMANDS: Final[dict[str, tuple[str, str, str | None]]] = {
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
        "Deliver alerts to a CRM, each once, and take its dispositions back, until SIGTERM or Ctrl-C.",
        "crm",
    ),
    "desk": (
        "streams.desk.command:desk_command",
        (
            "Show a page with whom to call first, and why, and take what was done about it, until SIGTERM or "
            "Ctrl-C."
        ),
        "crm",
    ),
    "canary": (
        "streams.crm.commands.canary:canary",
        "Let synthetic customers go the whole way and back, again and again, until SIGTERM or Ctrl-C.",
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
    "check": (
        "streams.check.command:check_command",
        "Answer ten questions about a feed from its data, for whoever owns it.",
        None,
    ),
    "publish": (
        "streams.runtime.commands.publish:publish_command",
        (
            "Publish history to the topics: a worker on the event clock then gives the alerts that `replay` "
            "gives."
        ),
        None,
    ),
    "tick": (
        "streams.runtime.commands.tick:tick_command",
        "Tell the workers that an input is complete up to a time: a tick goes to each of its partitions.",
        None,
    ),
    "worker": (
        "streams.runtime.commands.worker:worker_command",
        "Consume the input topics and write alerts, exactly once, until SIGTERM or Ctrl-C.",
        None,
    ),
    "alerts": (
        "streams.runtime.commands.alerts:alerts_command",
        "Print the alerts that the topic holds, as a CRM reads them: only what was committed.",
        None,
    ),
    "lookup": (
        "streams.runtime.commands.lookup:lookup_command",
        "Show what the running workers know of a customer: spend, contacts, the open episode.",
        None,
    ),
    "redrive": (
        "streams.runtime.commands.redrive:redrive_command",
        "Send dead letters back to the topics they came from; first see what would go, then --execute.",
        None,
    ),
    "settings": (
        "streams.runtime.commands.settings:settings_command",
        "Print the settings in force, from the environment; secrets only say that they are set.",
        None,
    ),
    "schema": ("streams.schema_command:schema", "The wire contract.", None),
    "state": (
        "streams.runtime.commands.state:state",
        "The workers' state: a backup, and the move to other topics.",
        None,
    ),
    "secrets": (
        "streams.runtime.commands.secrets:secrets_command",
        "Make the secrets that the processes of a deployment share, where they are missing.",
        None,
    ),
    "kafka": ("streams.runtime.commands.kafka:kafka", "A Kafka for development, on this machine only.", None),
    "topics": ("streams.runtime.commands.topics:topics", "The topics in Kafka.", None),
}
"""By name: where the command or group is, the first sentence of its help, and the extra that it needs."""


class LazyCommand(TyperCommand):
    """Stand in the list of commands for one that is not imported yet."""

    @override
    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return imported(str(self.name)).make_context(info_name, args, parent, **extra)


def add_lazy_commands(app: typer.Typer) -> None:
    """Add all of them to the list, in this order; none is imported before it is called."""
    for name, (_, told, _) in COMMANDS.items():
        app.command(name, cls=LazyCommand, help=told)(_never)


def imported(name: str) -> Any:
    """Import a command, or a group of them; ends the program with 78 if its extra is missing."""
    command = _command_of(name)
    if isinstance(command, typer.Typer):
        return typer.main.get_group(command)
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name)(command)
    return typer.main.get_command(alone)


def _command_of(name: str) -> Callable[..., None] | typer.Typer:
    place, _, extra = COMMANDS[name]
    if extra is not None and not is_here(extra):
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
