"""Synthetic cases as the bridge sends them, signed with the public library; and a bridge that answers."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
from aiohttp import web
from standardwebhooks import Webhook

from streams.sandbox.desk import Desk
from streams.sandbox.faults import FaultSettings
from streams.sandbox.server import HOST, Sandbox
from streams.sandbox.signatures import Keys
from streams.sandbox.store import Store

SECRET: Final = "whsec_" + "c2VjcmV0IG9mIHRoZSBzeW50aGV0aWMgdGVzdHMh"
OTHER_SECRET: Final = "whsec_" + "YW5vdGhlciBzZWNyZXQgb2YgdGhlIHRlc3RzISEh"
HOSTILE: Final = "\"><script>alert('c')</script>\u202e&\x1b[31m[red]/../c"


def case(alert_id: str = "a-1", revision: int = 1, kind: str = "create", **fields: object) -> dict[str, Any]:
    """Return a case as generic JSON; it is synthetic."""
    return {
        "kind": kind,
        "alert_id": alert_id,
        "revision": revision,
        "customer_id": f"customer-of-{alert_id}",
        "account_id": None,
        "others_of_account": 0,
        "synthetic": True,
        "title": f"Alert, 1,180 USD at risk: customer {alert_id} was left unresolved",
        "priority": "high",
        "level": "alert",
        "state": "resolved" if kind == "close" else "open",
        "resolution": "returned" if kind == "close" else None,
        "standing": "Open.",
        "summary": "The customer was left unresolved; since then 0.00 USD in 44 days, usually 13.19 a day.",
        "what_happened": ["Was left unresolved", "Was passed on (2 contacts)", "Spent 0.00 USD in 44 days"],
        "contact": {"ended_at": "2026-01-20T10:00:00Z", "channel": "phone", "reason": "delivery"},
        "probability": 0.9612,
        "spend_since": "0.00",
        "usual_spend_per_day": "13.19",
        "days_since": 44.0,
        "value_at_risk": "1180.40",
        "currency": "USD",
        "clears_when": "Clears when the customer spends 184.66 USD within 28 days.",
        "deadline": "2026-04-20T10:00:00Z",
        "owner": "retention lead",
        "internal_only": False,
        "as_of": "2026-03-05T10:00:00.000Z",
        "figures_of": "now",
        **fields,
    }


def signed(body: bytes, webhook_id: str, secret: str = SECRET, at: datetime | None = None) -> dict[str, str]:
    """Return the headers of a delivery."""
    at = at or datetime.now(UTC)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body.decode()),
        "Content-Type": "application/json",
    }


@dataclass
class Bridge:
    """A bridge on loopback: keeps what came, answers what it is told to."""

    url: str = ""
    status: int = 202
    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """webhook-id and body of what was signed as it has to be."""

    async def take(self, request: web.Request) -> web.Response:
        """Answer a disposition; 401 if the signature is not right."""
        body = await request.read()
        Webhook(SECRET).verify(body, dict(request.headers))
        self.got.append((request.headers["webhook-id"], json.loads(body)))
        return web.json_response({"status": "taken" if self.status == 202 else "no"}, status=self.status)


@asynccontextmanager
async def bridge() -> AsyncIterator[Bridge]:
    """Run a bridge."""
    one = Bridge()
    app = web.Application()
    app.router.add_post("/dispositions", one.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    one.url = f"http://{HOST}:{runner.addresses[0][1]}"
    try:
        yield one
    finally:
        await runner.cleanup()


@dataclass
class Client:
    """Who talks to a running sandbox."""

    url: str
    http: aiohttp.ClientSession

    async def deliver(self, body: object, webhook_id: str | None = None, **headers: str) -> tuple[int, Any]:
        """Deliver a case, signed unless headers say otherwise, and return status and JSON of the answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        name = webhook_id or f"{body['alert_id']}/{body['revision']}"  # type: ignore[index]
        async with self.http.post(
            self.url + "/webhook", data=data, headers={**signed(data, name), **headers}
        ) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Return status and text of a page."""
        async with self.http.get(self.url + path, headers=headers) as answer:
            return answer.status, await answer.text()

    async def json(self, path: str) -> Any:
        """Return the JSON of a page."""
        return json.loads((await self.get(path))[1])

    async def post(self, path: str, origin: str | None = None, **form: str) -> tuple[int, str]:
        """Send a form as a page of the sandbox does, and return status and where it leads, or why not."""
        headers = {"Origin": self.url if origin is None else origin}
        async with self.http.post(
            self.url + path, data=form, headers=headers, allow_redirects=False
        ) as answer:
            return answer.status, answer.headers.get("Location") or await answer.text()

    async def change_faults(self, **faults: object) -> tuple[int, str]:
        """Tell the sandbox to misbehave."""
        async with self.http.post(self.url + "/faults", json=faults) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def sandbox(
    store: Store,
    bridge_url: str = "http://127.0.0.1:1",
    *,
    synthetic: bool = False,
    time_of_case: bool = False,
    **faults: Any,
) -> AsyncIterator[Client]:
    """Run a sandbox, and yield who talks to it."""
    keys = Keys([SECRET])
    desk = Desk(store, keys, bridge_url, time_of_case=time_of_case)
    one = Sandbox(store, keys, desk, FaultSettings(**faults), synthetic=synthetic)
    url = await one.start()
    try:
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            yield Client(url, http)
    finally:
        await one.stop()


def drawn_cases() -> list[dict[str, Any]]:
    """Return cases as a desk has them on a day; all are synthetic."""
    happened = [
        ("was left unresolved", ["Was left unresolved", "Was passed on (2 contacts)"], "retention lead"),
        ("gave the worst score", ["Gave the worst score", "Was kept on hold"], "store manager"),
        ("complained", ["Complained", "Had to come back", "Was refused an escalation"], "complaints desk"),
        ("was cut off", ["Was cut off", "Had to say it all again"], "retention lead"),
        ("met a change without notice", ["Met a change without notice"], "pricing"),
        ("waited more than a day for a reply", ["Waited more than a day for a reply"], "digital care"),
    ]
    figures = [
        ("1020", "alert", 0.9961, "1183.20", "0.00", "13.19", 44, False),
        ("1081", "alert", 0.9512, "899.71", "341.20", "14.72", 82, False),
        ("1111", "watch", 0.4533, "784.60", "167.05", "33.83", 11, False),
        ("1310", "alert", 0.9127, "611.09", "20.11", "7.48", 39, True),
        ("1755", "watch", 0.6214, "402.55", "88.30", "8.02", 18, False),
        ("2204", "alert", 0.8410, "88.12", "3.99", "1.20", 61, False),
    ]
    return [
        case(
            f"0b6f4e0e-3a4b-5c52-9f0e-{int(customer):012d}",
            customer_id=customer,
            level=level,
            probability=chance,
            value_at_risk=risk,
            spend_since=spent,
            usual_spend_per_day=usual,
            days_since=float(days),
            internal_only=internal,
            owner=owner,
            title=f"{level.capitalize()}, {float(risk):,.0f} USD at risk: customer {customer} {what}",
            summary=f"The customer {what}; since then {spent} USD in {days} days, usually {usual} USD a day.",
            what_happened=[*pieces, f"Spent {spent} USD in {days} days, usually {usual} USD a day"],
        )
        for (customer, level, chance, risk, spent, usual, days, internal), (what, pieces, owner) in zip(
            figures, happened, strict=True
        )
    ]
