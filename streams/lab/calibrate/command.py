"""The command `calibrate`: a directory in; a ruleset for it out, and how it does."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from schemas.partitioner import DEFAULT as DEFAULT_PARTITIONER
from streams.console import ERRORS, Exit, failed, input_failed
from streams.core.ruleset import DEFAULT, Ruleset
from streams.core.time import DAY_HOURS, DAY_MS
from streams.files import InputError, named
from streams.lab.calibrate.calibrate import Step, calibrate, least_days
from streams.lab.calibrate.document import document
from streams.lab.calibrate.history.history import History
from streams.lab.calibrate.history.reading import Source
from streams.lab.calibrate.proof import Proof, prove
from streams.lab.calibrate.result import Calibration, CalibrationError, Targets
from streams.lab.calibrate.table import show
from streams.lab.replay.options import (
    Currency,
    Directory,
    PartitionerOption,
    Partitions,
    StrictFields,
    load_ruleset,
)
from streams.outputs import Force, Output, check_or_exit, write_or_exit

_Out = Annotated[Path, typer.Option("--out", help="Write the ruleset (TOML) here.")]
_BasedOn = Annotated[
    Path,
    typer.Option("--based-on", help="The ruleset to start from: a built-in version, or a TOML file."),
]
_Target = Annotated[
    float,
    typer.Option(
        min=0.001,
        max=0.5,
        help="Share of the high-value customers without a reason who would be an alert within 90 days, "
        "once an episode is open.",
    ),
]
_SilentTarget = Annotated[
    float,
    typer.Option(
        min=0.0001,
        max=0.5,
        help="Share of the high-value customers without a bad contact who get a silent alert in 90 days.",
    ),
]
_First = Annotated[
    float,
    typer.Option(
        "--first",
        min=0.1,
        max=1.0,
        help="Part of the history, in time, to learn from; the rest shows the result.",
    ),
]


def calibrate_command(  # noqa: PLR0913 - the options of a command are its arguments
    directory: Directory,
    out: _Out,
    *,
    based_on: _BasedOn = Path(DEFAULT.version),
    target: _Target = 0.05,
    silent_target: _SilentTarget = 0.005,
    first: _First = 0.6,
    partitions: Partitions = 4,
    currency: Currency = "USD",
    partitioner: PartitionerOption = DEFAULT_PARTITIONER,
    strict_fields: StrictFields = False,
    force: Force = False,
) -> None:
    """Write a ruleset calibrated on your own history, and show what it comes to on the rest of it.

    Sets the temperature so that customers with no reason to leave are alerts as rarely as the target says,
    the irregularity of your customers, the prior of the silent rule (which stays off unless it was on), and
    the weights of frustration, if at least 200 closed alerts say what turned out.
    `replay --ruleset` and the worker load what it writes.
    """
    check_or_exit(
        [Output(out, "--out", re.compile(b"# Calibrated on "))], [*named(directory), based_on], force=force
    )
    base = load_ruleset(based_on)
    source = Source(directory, partitions, currency, partitioner=partitioner, strict_fields=strict_fields)
    try:
        with _steps() as step:
            calibration, proof = _calibrated(source, base, Targets(target, silent_target), first, step)
    except InputError as error:
        raise input_failed(error) from error
    except CalibrationError as error:
        raise failed(str(error), Exit.BAD_DATA) from error
    write_or_exit(out, document(calibration).encode())
    show(Console(), calibration, proof, currency)
    typer.echo(f"written: {out}")


def _calibrated(
    source: Source, base: Ruleset, targets: Targets, first: float, step: Step
) -> tuple[Calibration, Proof]:
    """Return the calibration on the first part, learnt from a copy that has nothing else, and its proof."""
    step("reading all")
    history = source.history(base)
    split_ms = _split(history, first, base)
    with TemporaryDirectory() as part:
        calibration = calibrate(source.before(split_ms, Path(part)), base, targets, step)
    step("showing it on the rest")
    return calibration, prove(history, calibration)


def _split(history: History, first: float, base: Ruleset) -> int:
    """Return the time (ms) where the first part ends, a whole day."""
    if history.first_ms is None or history.last_ms is None:
        raise CalibrationError("nothing to learn from: no transaction or contact was accepted")
    days = (history.end_hour - history.first_hour) / DAY_HOURS
    least = math.ceil(least_days(base) / first)
    if days * first < least_days(base):
        raise CalibrationError(
            f"history too short: it has {days:.0f} days, and to learn from its first {first:.0%} "
            f"it needs {least:,}"
        )
    end = history.first_ms + first * (history.last_ms - history.first_ms)
    return history.last_ms + 1 if first == 1 else math.ceil(end / DAY_MS) * DAY_MS


@contextmanager
def _steps() -> Iterator[Step]:
    """Show on a terminal which step runs."""
    if not ERRORS.is_terminal:
        yield lambda _what: None
        return
    with ERRORS.status("starting") as status:
        yield lambda what: status.update(f"{what} ...")
