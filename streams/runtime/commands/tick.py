"""The command `tick`: says that an input is complete up to a time."""

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

import typer

from schemas.times import EPOCH, MILLISECOND, format_ms
from schemas.topics import INPUTS
from streams.console import visible
from streams.core.time import HOUR_MS
from streams.core.watermark import FACTS, Input
from streams.runtime.commands.common import kafka_or_exit, partitions_or_exit, settings_or_exit
from streams.runtime.tools.publish import Publisher
from streams.runtime.tools.publish_entries import tick
from streams.settings import Settings, variable

_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MOST_SHOWN: Final = 64
_EXAMPLE: Final = "2026-03-01T12:00:00Z or 2026-03-01T13:00:00+01:00"
_MOST_QUIET_HOURS: Final = {Input.TRANSACTIONS: "stale_feed_hours", Input.CONTACTS: "quiet_contacts_hours"}


class Facts(StrEnum):
    """The inputs that a tick can move."""

    TRANSACTIONS = Input.TRANSACTIONS
    CONTACTS = Input.CONTACTS


def _time(text: str) -> int:
    """Return a time of the past in ms UTC; raises BadParameter."""
    if text == "now":
        return _now_ms()
    shown = visible(text[:_MOST_SHOWN])
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{shown} is no time: `now`, {_EXAMPLE}") from None
    if given.utcoffset() is None:
        raise typer.BadParameter(f"{shown} has no offset: {_EXAMPLE}")
    if given < _FIRST:
        raise typer.BadParameter(f"{shown} is before the year 2000")
    until_ms = (given - EPOCH) // MILLISECOND
    if until_ms > _now_ms():
        raise typer.BadParameter(f"{shown} is in the future: nobody knows yet what comes before it")
    return until_ms


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


_Inputs = Annotated[
    list[Facts] | None,
    typer.Option(
        "--input",
        help="What gets the tick; may be given twice. Both if left out.",
        show_default=False,
    ),
]
_Until = Annotated[
    int,
    typer.Option(
        metavar="TIME",
        parser=_time,
        help="Up to when nothing more will come: ISO 8601 with an offset, not in the future, or `now`.",
        show_default=False,
    ),
]


def tick_command(*, until: _Until, inputs: _Inputs = None) -> None:
    """Tell the workers that an input is complete up to a time: a tick goes to each of its partitions.

    Time goes as far as the slower one of transactions and contacts. Each is moved by its own records; on
    the live clock the time that passes moves both, but not while purchases have brought nothing for longer
    than RETENTION_STALE_FEED_HOURS: a broken feed must not look like customers who left. A tick says
    that the feed is not broken. It is needed

    - to go live where the newest purchase of a partition is older than 36 hours (that setting's
    default), though all since is there: once with `--input transactions --until now`, and not before
    the feed has brought what lies between;

    - for an input that has stopped for good: again and again, more often than the setting says,
    for as long as the silence of its customers is to count. On the event clock each tick takes time
    as far as it says, and nothing else does;

    - after a long outage in which, as you know for sure, nothing was bought.

    An input with a feed that works needs none. What comes after a tick with an earlier time is late: it
    still counts, but not if it is more than 8 days earlier. A tick can't be taken back. To send one
    twice does no harm.
    """
    chosen = [one for one in FACTS if inputs is None or one.value in inputs]
    settings = settings_or_exit()
    partitions = partitions_or_exit(settings, INPUTS)
    entries = [tick(until, source, until, by="tick") for source in chosen]
    with kafka_or_exit():
        asyncio.run(Publisher(settings, partitions).publish(entries))
    for line in _summary(settings, chosen, until, partitions):
        typer.echo(line)


def _summary(settings: Settings, sources: Iterable[Input], until_ms: int, partitions: int) -> Iterable[str]:
    """Yield what was sent and what follows from it, a line each."""
    many = "1 partition" if partitions == 1 else f"{partitions} partitions"
    for source in sources:
        yield f"time on {source} goes on to {format_ms(until_ms)} on {many}, where it is not further yet"
    yield "what comes there later with an earlier time is late: it counts, up to 8 days; then it is refused"
    if settings.clock == "live":
        for source, name in _MOST_QUIET_HOURS.items():
            hours = getattr(settings, name)
            if source in sources and hours is not None and _now_ms() - until_ms > hours * HOUR_MS:
                yield (
                    f"and stands still there: this tick is older than {variable(name)}, {hours:g} h, "
                    f"so on the live clock {source} stop all time"
                )
