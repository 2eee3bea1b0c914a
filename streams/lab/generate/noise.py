"""The order of arrival: small jitter, late records, and records that come twice."""

from dataclasses import dataclass

import numpy as np

from streams.lab.generate.options import GenerateOptions
from streams.lab.generate.purchases import DAY_MS, Floats, Ints

LATE_FROM_MS = 10_000
AGAIN_FROM_MS = 1_000
AGAIN_TO_MS = 2 * DAY_MS


@dataclass(frozen=True, slots=True)
class Arrival:
    """Records in order of arrival, as indices into what was sent; a duplicate's index comes twice."""

    order: Ints
    late: int
    duplicates: int


def arrive(time_ms: Ints, options: GenerateOptions, rng: np.random.Generator) -> Arrival:
    """Draw when each record arrives. Those that arrive at the same ms keep the order of `time_ms`."""
    count = len(time_ms)
    delay = rng.random(count) * options.jitter_seconds * 1_000
    late = rng.random(count) < options.late_share
    most = max(LATE_FROM_MS, options.late_days * DAY_MS)
    delay[late] = _log_uniform(rng, int(late.sum()), LATE_FROM_MS, most)
    again = np.flatnonzero(rng.random(count) < options.duplicate_share)
    second = delay[again] + _log_uniform(rng, len(again), AGAIN_FROM_MS, AGAIN_TO_MS)
    record = np.concatenate([np.arange(count), again])
    arrival = time_ms[record] + np.concatenate([delay, second]).astype(np.int64)
    order = record[np.argsort(arrival, kind="stable")]
    return Arrival(order, int(late.sum()), len(again))


def _log_uniform(rng: np.random.Generator, count: int, least: float, most: float) -> Floats:
    return np.exp(rng.uniform(np.log(least), np.log(most), count))
