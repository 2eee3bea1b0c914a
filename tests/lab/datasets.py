"""A small dataset with alerts, in every form that replay reads; and the command line, as a user runs it."""

import gzip
import json
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
from typer.testing import CliRunner

from streams.cli import app
from streams.core.ruleset import Ruleset
from streams.lab.generate import GenerateOptions, Population, generate

NOW = 1_800_000_000_000
"""A wall clock beyond every event."""

CUSTOMERS = 40
FORMS = (".jsonl", ".jsonl.gz", ".parquet")
NAMES = ("transactions", "contacts", "customers", "dispositions")

_RULES = "high_value_quantile = 0.3\npopulation_minimum = 5\nopening_frustration = 0.5\n"
RULES = Ruleset.from_toml(_RULES)
"""The default ruleset as a small dataset needs it to have alerts; `write_rules` writes it."""


@dataclass(frozen=True)
class Done:
    """What a command came to, its output on one line each."""

    code: int
    out: str
    err: str


def run(*arguments: object, width: int = 200) -> Done:
    """Run `retention-signals` with arguments; what it does not catch fails the test."""
    result = CliRunner().invoke(app, [str(one) for one in arguments], env={"COLUMNS": str(width)})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, " ".join(result.stderr.split()))


def write_rules(directory: Path) -> Path:
    """Write a ruleset under which a small dataset has alerts, and return its path."""
    path = directory / "rules.toml"
    path.write_text(_RULES, encoding="utf-8")
    return path


def write_dataset(directory: Path, *, customers: int = CUSTOMERS) -> None:
    """Write a dataset whose purchases and contacts are synthetic."""
    options = GenerateOptions(
        population=Population.SYNTHETIC,
        customers=customers,
        days=300,
        seed=5,
        start=date(2024, 1, 1),
        contact_rate=5.0,
        severe_share=0.5,
        profile_share=0.5,
    )
    generate(directory, options)


def add_dispositions(directory: Path, alert_ids: list[tuple[str, str]], time: str) -> None:
    """Write dispositions that close some alerts, given as (customer, alert id)."""
    events = [
        {
            "type": "disposition",
            "event_id": f"d-{at}",
            "customer_id": customer_id,
            "time": time,
            "source": "crm",
            "alert_id": alert_id,
            "status": "closed",
            "snooze_until": None,
        }
        for at, (customer_id, alert_id) in enumerate(alert_ids)
    ]
    write_lines(directory / "dispositions.jsonl", [json.dumps(one).encode() for one in events])


def write_lines(path: Path, lines: list[bytes]) -> None:
    """Write lines, each with its end."""
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def lines_of(path: Path) -> list[bytes]:
    """Return the lines of a file."""
    return path.read_bytes().splitlines()


def copy_as(source: Path, target: Path, form: str) -> Path:
    """Copy the events of a dataset of `.jsonl` files in another form, and return where they are."""
    target.mkdir()
    for name in NAMES:
        path = source / f"{name}.jsonl"
        if path.is_file():
            _copy(path, target / f"{name}{form}", form)
    return target


def _copy(path: Path, to: Path, form: str) -> None:
    if form == ".jsonl":
        shutil.copy(path, to)
    elif form == ".jsonl.gz":
        to.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    else:
        frame(path).write_parquet(to)


def frame(path: Path) -> pl.DataFrame:
    """Return events as a warehouse keeps them: times, decimals, counts as floats because some are missing."""
    columns = pl.read_ndjson(path, infer_schema_length=None)
    times = [name for name in ("time", "original_time", "started_at", "ended_at") if name in columns.columns]
    counts = [name for name, kind in columns.schema.items() if kind == pl.Int64 and name != "version"]
    money = [name for name in ("amount",) if name in columns.columns]
    return columns.with_columns(
        pl.col(times).str.to_datetime(time_zone="UTC", time_unit="us"),
        pl.col(counts).cast(pl.Float64),
        pl.col(money).cast(pl.Decimal(18, 8)),
        pl.col("customer_id").cast(pl.Binary),
    )
