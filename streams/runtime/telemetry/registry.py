"""What every process of ours tells Prometheus: itself, its interpreter, and its release."""

from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

# When each series began would double their number, and nothing reads it.
disable_created_metrics()  # type: ignore[no-untyped-call] # it has no types


def with_process(registry: CollectorRegistry | None) -> CollectorRegistry:
    """Return a registry, a new one if none is given, with the metrics of the process and its release."""
    registry = CollectorRegistry() if registry is None else registry
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    Info("retention_build", "The release that runs.", registry=registry).info(
        {"version": version("retention-signals")}
    )
    return registry
