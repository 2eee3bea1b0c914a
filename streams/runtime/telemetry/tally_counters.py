"""Counters of what the core tallies: episodes, held decisions, doubtful ids, merged histories."""

from collections import Counter as Tally
from collections.abc import Mapping
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter

from streams.core.alerts.decision import Resolution
from streams.runtime.telemetry.children import children

_EPISODE_OUTCOMES: Final = (
    "opened",
    "opened_silent",
    "not_high_value",
    "no_cutoff",
    "shared_id",
    *(f"closed_{why}" for why in get_args(Resolution)),
)


class TallyCounters:
    """Counters that rise with the tallies of the partitions of one worker."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._episodes = Counter(
            "retention_episodes_total",
            "Bad contacts that opened an episode, or did not because the customer is not of high value, or "
            "too few bought to tell who is, or its id is shared by many; those that the silent rule opened; "
            "and why episodes closed, alerts sent or not.",
            ("outcome",),
            registry=registry,
        )
        children(self._episodes, _EPISODE_OUTCOMES)
        moves = Counter(
            "retention_merged_histories_total",
            "Histories of merged customers that arrived at the id that goes on: in time, after its partition "
            "had decided on that time already, or for a second time, and left out.",
            ("outcome",),
            registry=registry,
        )
        self._others = {
            "undetectable": Counter(
                "retention_undetectable_episodes_total",
                "Bad contacts that opened no episode because the customer has no baseline.",
                registry=registry,
            ),
            "held_by_feed_guard": Counter(
                "retention_held_by_feed_guard_total",
                "Hour decisions, and openings by the silent rule, held back because the feed was broken.",
                registry=registry,
            ),
            "too_many_contacts": Counter(
                "retention_too_many_contacts_total",
                "Contacts forgotten because their customer has more newer ones than the rules remember.",
                registry=registry,
            ),
            "duplicates_other_content": Counter(
                "retention_duplicates_other_content_total",
                "Purchases dropped as duplicates whose time or amount is not that of the purchase with their "
                "id that counts: an order edited under its id, which should be sent as a correction. Told "
                "where that one is the same customer's, came on time, and in the last 8 days; of other kinds "
                "nothing is compared.",
                registry=registry,
            ),
            "doubtful_ids": Counter(
                "retention_doubtful_ids_total",
                "Records with an id that came before, 8 days earlier to within 17 minutes: what customers "
                "keep was looked through to tell whether they are duplicates.",
                registry=registry,
            ),
        } | {
            f"moves_{outcome}": counter
            for (outcome,), counter in children(moves, ("in_time", "late", "repeated")).items()
        }
        """By the name of a tally, what counts it; all other tallies are outcomes of episodes."""
        self._seen: dict[int, tuple[Mapping[str, int], Mapping[str, int]]] = {}
        """By partition its tally itself, and a copy of what it was last."""

    def add(self, partition: int, tally: Mapping[str, int]) -> None:
        """Add what a running tally rose by since it was last seen; another mapping begins at 0.

        What was seen last is kept for a partition that is not here: its state may still be in memory.
        """
        former, before = self._seen.get(partition, (None, {}))
        now = dict(tally)
        self._seen[partition] = (tally, now)
        for name, count in (Tally(now) - Tally(before if former is tally else {})).items():
            (self._others.get(name) or self._episodes.labels(name)).inc(count)
