"""Data with known truth: purchases of a real or drawn population, synthetic contacts and boycotts on top.

Contacts and boycotts are always synthetic, and say so in `source` and `attributes`.
"""

from streams.lab.generate.options import (
    GenerateOptions,
    OptionError,
    Population,
    Severity,
    Shape,
    Weights,
    describe,
)
from streams.lab.generate.run import generate
from streams.lab.generate.summary import GenerateSummary

__all__ = [
    "GenerateOptions",
    "GenerateSummary",
    "OptionError",
    "Population",
    "Severity",
    "Shape",
    "Weights",
    "describe",
    "generate",
]
