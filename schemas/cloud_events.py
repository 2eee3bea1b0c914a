"""CloudEvents headers: written on everything the product produces, accepted on input, never required."""

from typing import Literal

from schemas.common import Headers


class CloudEventsHeaders(Headers):
    """The headers of the CloudEvents binding for Kafka in binary mode, each as text in UTF-8."""

    ce_specversion: Literal["1.0"] | None = None
    """The version of CloudEvents."""
    ce_id: str | None = None
    """The event's `event_id`."""
    ce_source: str | None = None
    """The event's `source`, or the producing program."""
    ce_type: str | None = None
    """The event's `type`."""
    ce_time: str | None = None
    """The event's `time`."""
    ce_subject: str | None = None
    """The event's `customer_id`."""
