"""What to generate, and what was generated."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from enum import StrEnum
from types import MappingProxyType


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


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateOptions:
    """What to generate. The meaning and unit of every field is its `help` (see `describe`).

    Raises `OptionError` when a value is out of range.
    """

    population: Population = field(
        default=Population.COMPLETEJOURNEY,
        metadata={
            "help": "Whose purchases: completejourney (grocery baskets of 2,469 households in 2017), cdnow "
            "(23,570 buyers of records, moved 17 years on), or synthetic."
        },
    )
    seed: int = field(
        default=1,
        metadata={"help": "The same seed and options give the same bytes."},
    )
    customers: int | None = field(
        default=None,
        metadata={
            "help": "Customers. completejourney and cdnow: a random sample of that size (default: all). "
            "synthetic: 2,000."
        },
    )
    days: int = field(
        default=400,
        metadata={"help": "synthetic only: length of the history, in days."},
    )
    start: date = field(
        default=date(2024, 1, 1),
        metadata={"help": "synthetic only: the first day (UTC)."},
    )
    transactions: int | None = field(
        default=None,
        metadata={
            "help": "synthetic only: exact number of purchases drawn, before boycotts and holidays take "
            "some away (default: what the customers' own rates give)."
        },
    )
    weights: Weights = field(
        default=Weights.GAMMA,
        metadata={
            "help": "synthetic only: how purchases spread over customers: gamma (heterogeneous buyers), "
            "uniform, or zipf (exponent 1.1)."
        },
    )
    contact_rate: float = field(
        default=1.1,
        metadata={"help": "Contact journeys (one story, one or more contacts) per customer and year."},
    )
    mild_share: float = field(
        default=0.25,
        metadata={"help": "Share of journeys that go mildly wrong (0-1)."},
    )
    severe_share: float = field(
        default=0.20,
        metadata={"help": "Share of journeys that go badly wrong (0-1); the rest is harmless."},
    )
    boycott_harmless: float = field(
        default=0.05,
        metadata={"help": "Chance of a boycott after a harmless journey (0-1)."},
    )
    boycott_mild: float = field(
        default=0.09,
        metadata={"help": "Chance of a boycott after a mild journey (0-1)."},
    )
    boycott_severe: float = field(
        default=0.25,
        metadata={"help": "Chance of a boycott after a severe journey (0-1)."},
    )
    shapes: Mapping[Shape, float] = field(
        default_factory=lambda: DEFAULT_SHAPES,
        metadata={
            "help": "Weights of the boycotts' shapes, as name=weight. full: no purchase; fewer_trips: 70 % "
            "of the trips fall away; smaller_baskets: baskets at 30 %; half_half: half the trips, "
            "half the basket; delayed: full, three weeks later; gradual: trips fade to none over "
            "eight weeks."
        },
    )
    return_share: float = field(
        default=0.35,
        metadata={"help": "Share of boycotters who come back, 30 to 150 days after the start (0-1)."},
    )
    recovery_share: float = field(
        default=0.10,
        metadata={
            "help": "Share of mild and severe journeys that end with a recovery call 1 to 5 days later "
            "(0-1); who boycotted then comes back within two weeks."
        },
    )
    survey_share: float = field(
        default=0.30,
        metadata={
            "help": "Share of contacts with a later version: a survey or the final resolution, 1 to 4 days "
            "on (0-1)."
        },
    )
    refund_share: float = field(
        default=0.01,
        metadata={
            "help": "Share of purchases refunded in part or whole within 20 days (0-1); one in ten is a "
            "chargeback."
        },
    )
    subscription_share: float = field(
        default=0.05,
        metadata={
            "help": "Share of customers with a subscription charged every 30 days (0-1); some cancel it."
        },
    )
    profile_share: float = field(
        default=0.30,
        metadata={"help": "Share of customers with a profile (tier, preferred owner) (0-1)."},
    )
    holidays: int = field(
        default=0,
        metadata={"help": "Days on which every shop is closed and nobody buys."},
    )
    jitter_seconds: float = field(
        default=4.0,
        metadata={"help": "Every record arrives up to this many seconds after its time."},
    )
    late_share: float = field(
        default=0.005,
        metadata={"help": "Share of records that arrive later than that, by 10 s to late_days (0-1)."},
    )
    late_days: float = field(
        default=3.0,
        metadata={"help": "The longest delay of a late record, in days; beyond 8 some are refused."},
    )
    duplicate_share: float = field(
        default=0.005,
        metadata={"help": "Share of records sent a second time, up to 2 days later (0-1)."},
    )
    gzip: bool = field(
        default=False,
        metadata={"help": "Write .jsonl.gz instead of .jsonl."},
    )

    def __post_init__(self) -> None:
        _check(self)

    def boycott_rate(self, severity: Severity) -> float:
        """Chance of a boycott after a journey of this severity."""
        rates = {
            Severity.HARMLESS: self.boycott_harmless,
            Severity.MILD: self.boycott_mild,
            Severity.SEVERE: self.boycott_severe,
        }
        return rates[severity]


def describe(name: str) -> str:
    """Meaning and unit of the option `name`."""
    return str(next(each.metadata["help"] for each in fields(GenerateOptions) if each.name == name))


_SHARES = (
    "mild_share", "severe_share", "boycott_harmless", "boycott_mild", "boycott_severe", "return_share",
    "recovery_share", "survey_share", "refund_share", "subscription_share", "profile_share", "late_share",
    "duplicate_share",
)  # fmt: skip


def _check(options: GenerateOptions) -> None:
    for name in _SHARES:
        _within(name, getattr(options, name), 0, 1)
    _within("mild_share + severe_share", options.mild_share + options.severe_share, 0, 1)
    _within("seed", options.seed, 0, 2**63 - 1)
    _within("customers", 1 if options.customers is None else options.customers, 1, 10_000_000)
    _within("days", options.days, 1, 3_650)
    _within("start", options.start.year, 2000, 2100)
    _within("transactions", options.transactions or 0, 0, 100_000_000)
    _within("contact_rate", options.contact_rate, 0, 1_000)
    _within("holidays", options.holidays, 0, 100)
    _within("jitter_seconds", options.jitter_seconds, 0, 3_600)
    _within("late_days", options.late_days, 0.001, 400)
    for shape, weight in options.shapes.items():
        _within(f"shapes ({shape})", weight, 0, float("inf"))
    if not sum(options.shapes.values()) > 0:
        raise OptionError("shapes: at least one weight must be above 0")


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise OptionError(f"{name} must be between {least} and {most}, not {value}")
