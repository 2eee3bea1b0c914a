"""Boycotts: who stays away after a journey, in which shape, and which purchases are left."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from streams.lab.generate.draw import Draw
from streams.lab.generate.journeys import Journey
from streams.lab.generate.options import GenerateOptions, Shape
from streams.lab.generate.purchases import DAY_MS, Flags, Floats, Ints, Purchases

DELAY_DAYS = 21
FADE_DAYS = 56
RETURN_DAYS = (30.0, 150.0)
RECOVERED_DAYS = (1.0, 14.0)


@dataclass(frozen=True, slots=True)
class Boycott:
    """What a journey did to its customer's purchases in [start_ms, end_ms), or until the history ends."""

    shape: Shape
    start_ms: int
    end_ms: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A journey and its boycott, or the earlier journey whose boycott was still to end."""

    journey: Journey
    boycott: Boycott | None
    during: Journey | None


@dataclass(frozen=True, slots=True)
class Effect:
    """Share of the trips that stay, by days since the start, and share of the basket that stays."""

    trips: Callable[[Floats], Floats]
    basket: float = 1.0


def _constant(share: float) -> Callable[[Floats], Floats]:
    return lambda days: np.full(len(days), share)


def _fading(days: Floats) -> Floats:
    return np.clip(1 - days / FADE_DAYS, 0, 1)


EFFECTS: Mapping[Shape, Effect] = MappingProxyType(
    {
        Shape.FULL: Effect(_constant(0.0)),
        Shape.FEWER_TRIPS: Effect(_constant(0.3)),
        Shape.SMALLER_BASKETS: Effect(_constant(1.0), basket=0.3),
        Shape.HALF_HALF: Effect(_constant(0.5), basket=0.5),
        Shape.DELAYED: Effect(_constant(0.0)),
        Shape.GRADUAL: Effect(_fading),
    }
)


def decide(
    journeys: Sequence[Journey],
    rates: Sequence[float],
    options: GenerateOptions,
    rng: np.random.Generator,
    end_ms: int,
) -> list[Outcome]:
    """Decide what follows each journey. They come by customer and time; the history ends at `end_ms`.

    `rates` is the chance of a boycott after each. A customer boycotts once at a time: journeys before the end
    of a boycott start none.
    """
    draw = Draw(rng)
    outcomes: list[Outcome] = []
    cause: Outcome | None = None
    for journey, rate in zip(journeys, rates, strict=True):
        if cause is not None and not _over(cause, journey):
            outcomes.append(Outcome(journey, None, cause.journey))
            continue
        boycotts = draw.chance(rate)
        outcome = Outcome(journey, _boycott(journey, options, draw, end_ms) if boycotts else None, None)
        outcomes.append(outcome)
        cause = outcome if boycotts else None
    return outcomes


def _over(cause: Outcome, journey: Journey) -> bool:
    boycott = cause.boycott
    if boycott is None or cause.journey.customer != journey.customer:
        return True
    # Judged by the journey's last moment: that is where a boycott of its own would start.
    return boycott.end_ms is not None and boycott.end_ms <= journey.last_ms


def _boycott(journey: Journey, options: GenerateOptions, draw: Draw, end_ms: int) -> Boycott:
    shape = draw.weighted(options.shapes)
    start_ms = journey.last_ms + (DELAY_DAYS * DAY_MS if shape is Shape.DELAYED else 0)
    back_ms = None
    if journey.recovered_ms is not None:
        back_ms = max(start_ms, journey.recovered_ms) + int(draw.between(*RECOVERED_DAYS) * DAY_MS)
    elif draw.chance(options.return_share):
        back_ms = start_ms + int(draw.between(*RETURN_DAYS) * DAY_MS)
    return Boycott(shape, start_ms, back_ms if back_ms is not None and back_ms < end_ms else None)


def apply(purchases: Purchases, outcomes: Sequence[Outcome], rng: np.random.Generator) -> tuple[Flags, Ints]:
    """Return which purchases stay, and the cents of each (at least 1)."""
    stays = np.ones(len(purchases.cents), dtype=np.bool_)
    cents = purchases.cents.copy()
    luck = rng.random(len(cents))
    started = [(outcome.journey.customer, outcome.boycott) for outcome in outcomes if outcome.boycott]
    customer = np.array([each for each, _ in started], dtype=np.int64)
    first = purchases.position(customer, np.array([each.start_ms for _, each in started], dtype=np.int64))
    ends = [purchases.end_ms if each.end_ms is None else each.end_ms for _, each in started]
    last = purchases.position(customer, np.array(ends, dtype=np.int64))
    for (_, boycott), begin, end in zip(started, first.tolist(), last.tolist(), strict=True):
        effect = EFFECTS[boycott.shape]
        days = (purchases.time_ms[begin:end] - boycott.start_ms) / DAY_MS
        stays[begin:end] = luck[begin:end] < effect.trips(days)
        cents[begin:end] = np.maximum(1, np.rint(cents[begin:end] * effect.basket)).astype(np.int64)
    return stays, cents
