"""`adapt csv --suggest`: a mapping proposed for CSV files, from their columns and their rows.

`sheet` reads a file. `names` and `words` know what people call things. `times` and `numbers` find out how
values are written. `fields`, `purchases` and `contacts` put it together. `proposal` is the whole, tried out.
"""

from pathlib import Path
from zoneinfo import available_timezones

from streams.adapt.suggest.proposal import proposed
from streams.console import Exit, failed, files_or_exit, or_exit
from streams.mapping.config import MappingError
from streams.settings import SettingsError, load_settings


def suggest_or_exit(given: Path, zone: str | None = None) -> str:
    """Return the TOML of a mapping for the CSV files given; ends the command if nothing can be proposed."""
    if zone is not None and zone not in available_timezones():
        raise failed(f"{zone}: no such time zone; write one like Europe/Berlin", Exit.CONFIG)
    with or_exit({SettingsError: Exit.CONFIG}):
        currency = load_settings().reporting_currency
    try:
        with files_or_exit():
            return proposed(given, currency, zone)
    except MappingError as error:
        raise failed(f"the proposal does not hold, which is our mistake: {error}", Exit.SOFTWARE) from error
