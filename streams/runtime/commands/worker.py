"""The command `worker`."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Annotated, Final

import typer
from typing_extensions import override

from streams.console import Exit
from streams.core.customer.state import StateError
from streams.runtime.commands.common import (
    KAFKA_EXITS,
    BehindProxy,
    StrictFields,
    ended,
    settings_or_exit,
)
from streams.runtime.http.server import PortInUseError
from streams.runtime.partition.supervisor import GaveUpError
from streams.runtime.startup.preflight import PreflightError, StartupContext, check_partitioner, preflight
from streams.runtime.startup.resume import resume_marks
from streams.runtime.worker.worker import Worker
from streams.settings import Settings

log = logging.getLogger(__name__)

_REPEAT_SECONDS: Final = 60.0

_EXITS: Final[dict[type[Exception], Exit]] = {
    **KAFKA_EXITS,
    PreflightError: Exit.CONFIG,
    StateError: Exit.CONFIG,
    PortInUseError: Exit.CONFIG,
    GaveUpError: Exit.UNAVAILABLE,
}


def worker_command(
    *,
    adopt_ruleset: Annotated[
        bool,
        typer.Option(
            help="Go on with state of another ruleset; open episodes keep the rules they opened under."
        ),
    ] = False,
    resume_partition: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N@LETTERS",
            help="Go on with a partition that is stopped because too much was refused: /ready and the log "
            "say what to write. All that its inputs hold is then read, and what is bad of it goes to the "
            "dead letters. N alone ends any stop that is there at the start. May be given more than once.",
        ),
    ] = None,
    strict_fields: StrictFields = False,
    behind_proxy: BehindProxy = False,
) -> None:
    """Consume the input topics and write alerts, exactly once, until SIGTERM or Ctrl-C.

    Start at most as many as there are partitions: they share them out. Each serves /metrics, /live, /ready
    and POST /lookup. Exits with 78 if settings, topics or state don't let it start, 69 if Kafka is away, 77
    if it won't let us in, 70 if it failed: what is committed stands, and the next start goes on from there.
    """
    settings = settings_or_exit(
        resume_partitions=resume_partition,
        strict_fields=strict_fields or None,
        behind_proxy=behind_proxy or None,
    )
    set_up_logging(settings)
    try:
        context = preflight(settings)
        check_partitioner(settings, context)
        marks = resume_marks(settings, context.partitions)
        for warning in context.warnings:
            log.warning("%s", warning)
        asyncio.run(_work(settings, context, marks, adopt_ruleset=adopt_ruleset))
    except Exception as error:  # noqa: BLE001 - the one place where a worker ends
        raise ended(error, _EXITS, "the worker; it ends, nothing committed is lost") from None


async def _work(
    settings: Settings, context: StartupContext, marks: Mapping[int, int], *, adopt_ruleset: bool
) -> None:
    await Worker(settings, context, adopt_ruleset=adopt_ruleset, resume_marks=marks).run()


class OncePerMinute(logging.Filter):
    """Lets a library say the same once a minute: with Kafka away, aiokafka says it each few ms."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[str, float] = {}

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("streams."):
            return True
        due = record.created - self._shown.get(record.msg, -_REPEAT_SECONDS) >= _REPEAT_SECONDS
        if due:
            self._shown[record.msg] = record.created
        return due


def set_up_logging(settings: Settings) -> None:
    """Write a line each to standard error, in UTC; of the libraries only what went wrong.

    The first says it if Kafka is talked to unencrypted.
    """
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(level=logging.INFO, format="%(asctime)sZ %(levelname)s %(message)s", force=True)
    # Not kafka: what it logs of a wrong password is captured (kafka/admin.py), and goes no further. Faust's
    # services log under the module of the class that they are.
    ours = ("streams.runtime.faust.transport", "streams.runtime.faust.app")
    for library in ("aiokafka", "faust", "mode", "asyncio", "librdkafka", "httpx", "httpx2", *ours):
        logging.getLogger(library).setLevel(logging.ERROR)
    for handler in logging.getLogger().handlers:
        handler.addFilter(OncePerMinute())
    warning = settings.plaintext_warning()
    if warning is not None:
        log.warning("%s", warning)
