"""Where messages go: the CRM, or the canary. Each has its form, its courier, and a circuit of its own."""

from collections.abc import Iterable
from dataclasses import dataclass

from streams.crm.delivery.circuit import Circuit
from streams.crm.delivery.courier import Courier
from streams.crm.delivery.pace import Pace
from streams.crm.payload.template import Template


@dataclass(frozen=True, slots=True)
class Channel:
    """One way out."""

    courier: Courier
    template: Template
    circuit: Circuit
    pace: Pace


@dataclass(frozen=True, slots=True)
class Channels:
    """All of them."""

    crm: Channel
    canary: Channel | None

    def each(self) -> Iterable[tuple[Channel, bool | None]]:
        """Return them with whose cases go there: the canary's, all others; None: all."""
        if self.canary is None:
            return ((self.crm, None),)
        return ((self.canary, True), (self.crm, False))
