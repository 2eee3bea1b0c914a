"""A mapping proposed for CSV files, from their header and their first rows."""

from pathlib import Path

from streams.console import Exit, failed


def suggest_or_exit(given: Path) -> str:
    """Return the TOML of a mapping for the CSV files given; ends the command if nothing can be proposed."""
    raise failed(f"nothing is proposed for {given.name} yet", Exit.SOFTWARE)
