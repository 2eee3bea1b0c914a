"""What every web server of ours measures of those who ask."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter

REFUSALS: Final = ("wrong", "limit")
"""Why a token is refused: it was wrong, or it was not looked at because too many were wrong before."""


class WebMetrics:
    """The metrics of one web server, in the registry of its process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.refused = Counter(
            "retention_web_refused_tokens_total",
            "Refused tokens: wrong ones, and those not looked at after ten wrong ones of an address.",
            ("reason",),
            registry=registry,
        )
        for why in REFUSALS:
            self.refused.labels(why)
