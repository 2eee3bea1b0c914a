"""What a bridge says of itself while the CRM does not work."""

import asyncio
from typing import cast

from streams.crm.bridge.channel import Channel, Channels
from streams.crm.bridge.process import Bridge, Topics, policy_of
from streams.crm.delivery.circuit import FAULTS, Circuit
from streams.crm.delivery.courier import Courier
from streams.crm.delivery.pace import Pace
from streams.crm.payload.template import Template
from streams.crm.wire import Outcome, Result
from streams.crm_settings import CrmSettings
from streams.runtime.telemetry.bridge_metrics import BridgeMetrics
from streams.settings import Settings


def test_dispositions_come_in_while_the_webhook_of_the_crm_fails() -> None:
    """Who is not ready gets no requests, and a desk may work while only the webhook fails."""

    async def go() -> None:
        crm, circuit = CrmSettings(), Circuit(lambda: 0.0)
        bridge = Bridge(Settings(), crm, policy_of(crm), Topics("a", "c", 1), BridgeMetrics())
        channel = Channel(cast(Courier, None), Template.load("generic"), circuit, Pace(1, lambda: 0.0))
        bridge._channels, bridge._why = Channels(channel, None), None
        assert (bridge.readiness().ready, bridge.readiness().why) == (True, None)
        for _ in range(FAULTS):
            admitted = circuit.admit()
            assert admitted is not None
            circuit.note(admitted, Outcome(Result.RETRY, "status_401", 0.0, endpoint=True))
        assert bridge.readiness().ready
        assert "status_401" in (bridge.readiness().why or "")
        bridge._why = "it reads what the topics hold"
        assert not bridge.readiness().ready

    asyncio.run(go())
