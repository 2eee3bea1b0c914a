"""The demo from its Kafka on: topics, workers, the show, replay, and whether both gave the same."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from streams.console import ERRORS, visible
from streams.demo.broker import DemoKafka, topics_of
from streams.demo.crm import Crm, crm
from streams.demo.desk import Desk, desk
from streams.demo.display import displayed
from streams.demo.scene import Scene, WorkerSeen
from streams.demo.show import Show
from streams.demo.verdict import verdict
from streams.demo.workers import WORKERS, WorkerProcess, workers
from streams.lab.replay.command import replay_command, replay_outputs
from streams.outputs import Output
from streams.runtime.tools.prescan import Prescan
from streams.runtime.tools.publish import prescan_for
from streams.settings import Settings, variable

ALERTS: Final = "alerts.jsonl"
REPORT: Final = "report.html"
DEAD_LETTERS: Final = "dead-letters.jsonl"

_FOR_GOOD: Final = f"""
Everything is stopped. To bring it up for good, each but the first two in a terminal of its own:
  retention-signals kafka up            # and set what it prints; for history also {variable("clock")}=event
  retention-signals topics create
  retention-signals worker              # more of them share the partitions
  retention-signals publish {{directory}}
  retention-signals desk                # on another {variable("web_port")} than the worker
  retention-signals alerts --follow"""


@dataclass(frozen=True, slots=True)
class Demo:
    """What is shown: a directory of events, where everything goes, and in how many seconds."""

    directory: Path
    out: Path
    seconds: float
    keep: bool
    synthetic: bool
    """Whether these are the real baskets with synthetic contacts."""
    force: bool = False
    """Whether what is there is replaced, whoever wrote it."""


def play(demo: Demo, kafka: DemoKafka) -> bool:
    """Show it on a Kafka, and return whether the topic holds exactly the alerts of replay.

    Raises InputError, DemoError, and what `admin_client` raises.
    """
    settings = kafka.settings
    with ERRORS.status("reading the history ..."):
        prescanned = prescan_for(settings, demo.directory, settings.partitions)
    with (
        topics_of(kafka, keep=demo.keep),
        workers(settings, demo.out) as processes,
        crm(settings, processes, demo.out, synthetic=demo.synthetic) as sandbox,
        desk(settings, processes, demo.out, synthetic=demo.synthetic) as page,
    ):
        _show(demo, settings, prescanned, processes, sandbox, page)
        replay(demo, settings)
        found = verdict(settings, demo.out / ALERTS)
        typer.echo(str(found))
        if sandbox is not None:
            sandbox.show()
        if page is not None:
            page.show()
    _print_next_steps(demo, kafka)
    return found.equal


def outputs(out: Path) -> list[Output]:
    """Return what `replay` writes into the demo's folder."""
    return replay_outputs(out / ALERTS, None, out / REPORT, out / DEAD_LETTERS)


def replay(demo: Demo, settings: Settings) -> bool:
    """Replay the directory, with its table and report."""
    replay_command(
        demo.directory,
        alerts=demo.out / ALERTS,
        report=demo.out / REPORT,
        dead_letters=demo.out / DEAD_LETTERS,
        ruleset=settings.ruleset_file,
        partitions=settings.partitions,
        currency=settings.reporting_currency,
        partitioner=settings.partitioner,
        strict_fields=settings.strict_fields,
        force=demo.force,
        lenient=True,  # odd input is reported; the demo is not about it
    )
    return True


def _show(  # noqa: PLR0913, PLR0917 - all that takes part
    demo: Demo,
    settings: Settings,
    prescanned: Prescan,
    processes: Sequence[WorkerProcess],
    sandbox: Crm | None,
    page: Desk | None,
) -> None:
    scene = Scene(
        title="a year of real baskets, synthetic contacts"
        if demo.synthetic
        else visible(demo.directory.name),
        currency=settings.reporting_currency,
        lines=prescanned.lines.total(),
        workers=[WorkerSeen(number) for number in range(1, WORKERS + 1)],
    )
    if sandbox is not None:
        scene.note(f"cases are delivered to a CRM sandbox: {sandbox.address}/")
    if page is not None:
        scene.desk = page.address
        scene.note(f"the desk, which fills up from now on: {page.address}")
    with displayed(scene) as display:
        show = Show(settings, prescanned, processes, scene, demo.seconds)
        asyncio.run(show.run(display))


def _print_next_steps(demo: Demo, kafka: DemoKafka) -> None:
    if not demo.keep:
        typer.echo(_FOR_GOOD.format(directory=demo.directory))
        return
    names = ("bootstrap_servers", "topic_prefix", "application_id", "replication_factor", "clock")
    values = {name: getattr(kafka.settings, name) for name in names}
    values["bootstrap_servers"] = ",".join(kafka.settings.bootstrap_servers)
    typer.echo("Kafka and the topics are kept; to look at them:")
    typer.echo("export " + " ".join(f"{variable(name)}={value}" for name, value in values.items()))
    typer.echo("retention-signals alerts")
    if kafka.own:
        typer.echo(f"retention-signals kafka down --erase --folder {demo.out / 'kafka'}   # ends it")
