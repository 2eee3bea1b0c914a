"""The command line of a benchmark: its docstring, and options with their defaults."""

from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser


def parser(description: str | None) -> ArgumentParser:
    """Return a parser that shows a benchmark's docstring as it is, and each option's default."""
    return ArgumentParser(description=description, formatter_class=ArgumentDefaultsHelpFormatter)
