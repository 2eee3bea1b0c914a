"""Where messages go: the CRM, or the canary. Each has its form, its courier, and a circuit of its own."""

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

    def of(self, *, canary: bool) -> Channel:
        """Return the one for a case: without an address for the canary, its cases go to the CRM as well."""
        return self.canary if canary and self.canary is not None else self.crm
