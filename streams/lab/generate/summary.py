"""What was generated, in figures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from streams.lab.generate.boycotts import Outcome
from streams.lab.generate.options import Severity, Shape
from streams.lab.generate.world import World


@dataclass(frozen=True, slots=True)
class GenerateSummary:
    """Figures of one run. Counts are lines or journeys; moments are ms UTC."""

    lines: Mapping[Path, int]
    """Lines by file, duplicates included."""
    customers: int
    start_ms: int
    end_ms: int
    """The history is [start_ms, end_ms)."""
    baskets: int
    """Baskets of the population, before anything was drawn on top."""
    worthless: int
    """Of these, baskets of 0.00: no purchase."""
    boycotted: int
    """Of these, purchases that a boycott took away."""
    closed: int
    """Of these, purchases that fell on a holiday (and were not boycotted)."""
    shrunk: int
    """Purchases written with a smaller amount because of a boycott."""
    holidays_ms: Sequence[int]
    """First ms of each holiday."""
    kinds: Mapping[str, int]
    """Transactions by kind, before duplicates; `purchase` = baskets - worthless - boycotted - closed."""
    contacts: int
    """Contacts and notices, each once whatever its versions."""
    journeys: Mapping[Severity, int]
    boycotts: Mapping[Severity, int]
    shapes: Mapping[Shape, int]
    """Boycotts by shape."""
    late: int
    """Records sent late, in both event files."""
    duplicates: int
    """Records sent a second time, in both event files."""


def summarise(world: World, lines: Mapping[Path, int]) -> GenerateSummary:
    """Count what was drawn; `lines` are the lines written by file."""
    purchases = world.purchases
    stay, bought = int(world.stays.sum()), int(world.bought.sum())
    kinds = world.transactions["kind"].value_counts().sort("kind")
    arrivals = (world.transactions_arrival, world.contacts_arrival)
    return GenerateSummary(
        lines=lines,
        customers=len(purchases.customer_ids),
        start_ms=purchases.start_ms,
        end_ms=purchases.end_ms,
        baskets=purchases.read,
        worthless=purchases.worthless,
        boycotted=len(purchases.cents) - stay,
        closed=stay - bought,
        shrunk=int((world.cents != purchases.cents)[world.bought].sum()),
        holidays_ms=world.closed_ms,
        kinds=dict(zip(kinds["kind"].to_list(), kinds["count"].to_list(), strict=True)),
        contacts=sum(len(outcome.journey.contact_ids) for outcome in world.outcomes),
        journeys=_by_severity(world.outcomes),
        boycotts=_by_severity([outcome for outcome in world.outcomes if outcome.boycott]),
        shapes=_by_shape(world.outcomes),
        late=sum(each.late for each in arrivals),
        duplicates=sum(each.duplicates for each in arrivals),
    )


def _by_severity(outcomes: Sequence[Outcome]) -> dict[Severity, int]:
    counts = Counter(outcome.journey.severity for outcome in outcomes)
    return {severity: counts[severity] for severity in Severity}


def _by_shape(outcomes: Sequence[Outcome]) -> dict[Shape, int]:
    counts = Counter(outcome.boycott.shape for outcome in outcomes if outcome.boycott)
    return {shape: counts[shape] for shape in Shape}
