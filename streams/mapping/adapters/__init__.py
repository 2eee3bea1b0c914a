"""Mappings that come with the product, one file each: to use as they are, or to begin with."""

from importlib.resources import files
from typing import Final

NAMES: Final = ("shopify", "segment", "amazon-connect", "zendesk")


def text(name: str) -> str:
    """Return the TOML of one of NAMES."""
    return files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
