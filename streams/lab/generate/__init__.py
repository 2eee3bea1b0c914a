"""Data with known truth: purchases of a real or drawn population, synthetic contacts and boycotts on top.

Contacts and boycotts are always synthetic, and say so in `source` and `attributes`. May import the core,
`streams.files` and `streams.outputs`; no other room of the lab.
"""

from streams.lab.generate.options import (
    GenerateOptions,
    OptionError,
    Population,
    Severity,
    Shape,
    Weights,
)
from streams.lab.generate.run import GenerateSummary, generate

__all__ = [
    "GenerateOptions",
    "GenerateSummary",
    "OptionError",
    "Population",
    "Severity",
    "Shape",
    "Weights",
    "generate",
]
