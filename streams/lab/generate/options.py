"""What to generate: every option with its default, its meaning, and the range that it must lie in."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

T = TypeVar("T")

_SHARE: Final = (0, 1)


class Population(StrEnum):
    """Whose purchases they are."""

    COMPLETEJOURNEY = "completejourney"
    CDNOW = "cdnow"
    SYNTHETIC = "synthetic"


class Weights(StrEnum):
    """How a synthetic population's purchases spread over its customers."""

    GAMMA = "gamma"
    UNIFORM = "uniform"
    ZIPF = "zipf"


class Severity(StrEnum):
    """How badly a journey of contacts went."""

    HARMLESS = "harmless"
    MILD = "mild"
    SEVERE = "severe"


class Shape(StrEnum):
    """What a boycott does to the purchases after the contact."""

    FULL = "full"
    FEWER_TRIPS = "fewer_trips"
    SMALLER_BASKETS = "smaller_baskets"
    HALF_HALF = "half_half"
    DELAYED = "delayed"
    GRADUAL = "gradual"


DEFAULT_SHAPES: Mapping[Shape, float] = MappingProxyType(
    {
        Shape.FULL: 0.30,
        Shape.FEWER_TRIPS: 0.20,
        Shape.SMALLER_BASKETS: 0.15,
        Shape.HALF_HALF: 0.15,
        Shape.DELAYED: 0.10,
        Shape.GRADUAL: 0.10,
    }
)


class OptionError(ValueError):
    """An option has a value that cannot be generated; the message names the option and its range."""


def _option(default: T, text: str, within: tuple[float, float] | None = None) -> T:
    """Return a field with its meaning and unit, and the least and greatest value that it may have."""
    return field(default=default, metadata={"help": text, "within": within})


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateOptions:
    """What to generate. The meaning and unit of every field is the `help` of its metadata.

    Raises `OptionError` when a value is out of range.
    """

    population: Population = _option(  # noqa: RUF009 - as immutable as a number
        Population.COMPLETEJOURNEY,
        "Whose purchases: completejourney (grocery baskets of 2,469 households in 2017), cdnow (23,570 "
        "buyers of records, moved 17 years on), or synthetic.",
    )
    seed: int = _option(1, "The same seed and options give the same bytes.", (0, 2**63 - 1))
    customers: int | None = _option(
        None,
        "Customers. completejourney and cdnow: a random sample of that size (default: all). synthetic: "
        "2,000.",
        (1, 10_000_000),
    )
    days: int = _option(400, "synthetic only: length of the history, in days.", (1, 3_650))
    start: date = _option(  # noqa: RUF009 - likewise
        date(2024, 1, 1), "synthetic only: the first day (UTC).", (2000, 2100)
    )
    transactions: int | None = _option(
        None,
        "synthetic only: exact number of purchases drawn, before boycotts and holidays take some away "
        "(default: what the customers' own rates give).",
        (0, 100_000_000),
    )
    weights: Weights = _option(  # noqa: RUF009 - likewise
        Weights.GAMMA,
        "synthetic only: how purchases spread over customers: gamma (heterogeneous buyers), uniform, or"
        " zipf (exponent 1.1).",
    )
    contact_rate: float = _option(
        1.1, "Contact journeys (one story, one or more contacts) per customer and year.", (0, 1_000)
    )
    mild_share: float = _option(0.25, "Share of journeys that go mildly wrong (0-1).", _SHARE)
    severe_share: float = _option(
        0.20, "Share of journeys that go badly wrong (0-1); the rest is harmless.", _SHARE
    )
    boycott_harmless: float = _option(0.05, "Chance of a boycott after a harmless journey (0-1).", _SHARE)
    boycott_mild: float = _option(0.09, "Chance of a boycott after a mild journey (0-1).", _SHARE)
    boycott_severe: float = _option(0.25, "Chance of a boycott after a severe journey (0-1).", _SHARE)
    shapes: Mapping[Shape, float] = field(
        default_factory=lambda: DEFAULT_SHAPES,
        metadata={
            "help": "Weights of the boycotts' shapes, as name=weight. full: no purchase; fewer_trips: 70 % "
            "of the trips fall away; smaller_baskets: baskets at 30 %; half_half: half the trips, half the "
            "basket; delayed: full, three weeks later; gradual: trips fade to none over eight weeks.",
            "within": None,
        },
    )
    return_share: float = _option(
        0.35, "Share of boycotters who come back, 30 to 150 days after the start (0-1).", _SHARE
    )
    recovery_share: float = _option(
        0.10,
        "Share of mild and severe journeys that end with a recovery call 1 to 5 days later (0-1); who "
        "boycotted then comes back within two weeks.",
        _SHARE,
    )
    survey_share: float = _option(
        0.30,
        "Share of contacts with a later version: a survey or the final resolution, 1 to 4 days on (0-1).",
        _SHARE,
    )
    refund_share: float = _option(
        0.01,
        "Share of purchases refunded in part or whole within 20 days (0-1); one in ten is a chargeback.",
        _SHARE,
    )
    subscription_share: float = _option(
        0.05, "Share of customers with a subscription charged every 30 days (0-1); some cancel it.", _SHARE
    )
    profile_share: float = _option(
        0.30, "Share of customers with a profile (tier, preferred owner) (0-1).", _SHARE
    )
    holidays: int = _option(0, "Days on which every shop is closed and nobody buys.", (0, 100))
    jitter_seconds: float = _option(
        4.0, "Every record arrives up to this many seconds after its time.", (0, 3_600)
    )
    late_share: float = _option(
        0.005, "Share of records that arrive later than that, by 10 s to late_days (0-1).", _SHARE
    )
    late_days: float = _option(
        3.0, "The longest delay of a late record, in days; beyond 8 some are refused.", (0.001, 400)
    )
    duplicate_share: float = _option(
        0.005, "Share of records sent a second time, up to 2 days later (0-1).", _SHARE
    )
    gzip: bool = _option(False, "Write .jsonl.gz instead of .jsonl.")

    def __post_init__(self) -> None:
        for each in fields(self):
            value, within = getattr(self, each.name), each.metadata["within"]
            if within is not None and value is not None:
                _check(each.name, value.year if isinstance(value, date) else value, *within)
        _check("mild_share + severe_share", self.mild_share + self.severe_share, 0, 1)
        for shape, weight in self.shapes.items():
            _check(f"shapes ({shape})", weight, 0, float("inf"))
        if not sum(self.shapes.values()) > 0:
            raise OptionError("shapes: at least one weight must be above 0")

    def boycott_rate(self, severity: Severity) -> float:
        """Return the chance of a boycott after a journey of this severity."""
        rates = {
            Severity.HARMLESS: self.boycott_harmless,
            Severity.MILD: self.boycott_mild,
            Severity.SEVERE: self.boycott_severe,
        }
        return rates[severity]


def _check(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise OptionError(f"{name} must be between {least} and {most}, not {value}")
