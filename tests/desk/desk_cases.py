"""Synthetic alerts, and a desk without Kafka: the same pages and routes, over a board that a test fills."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

import aiohttp
from prometheus_client import CollectorRegistry

from schemas.alert import Alert, Anchor, Counters, LogOdds, Signal
from schemas.disposition import Disposition
from schemas.money import format_cents
from schemas.times import format_ms
from streams.core.ruleset import DEFAULT, Ruleset
from streams.desk.acting.actions import Actions, Phase
from streams.desk.acting.wish import Wish
from streams.desk.board.board import Board
from streams.desk.health import Health, Trust
from streams.desk.pages.shell import Shell, render
from streams.desk.web.events import Events
from streams.desk.web.guard import Guard
from streams.desk.web.routes import HEADERS, MOST_BYTES, Routes
from streams.runtime.http.lookup import LookupAnswer
from streams.runtime.http.server import Readiness, WebServer
from streams.runtime.http.tokens import Tokens
from streams.runtime.kafka.errors import KafkaUnavailableError
from streams.runtime.telemetry.desk_metrics import DeskMetrics
from streams.settings import Settings

DAY: Final = 86_400_000
NOON: Final = 1_774_008_000_000
"""2026-03-20 12:00 UTC."""
HOSTILE: Final = "\"><script>document.title='c'</script>\u202e&\x1b[31m=1+1/../c"
WELL: Final = Health(Trust.GOOD, ("1 worker, 2 partitions, nothing unread.",))
BLIND: Final = Health(
    Trust.NONE, ("The worker has not been heard of for 42 s (no connection): an empty list means nothing.",)
)

_COUNTERS = Counters.model_validate(
    {name: "0.00" if name.startswith("spend") else 0 for name in Counters.model_fields} | {"frustration": 1.0}
)


def id_of(name: str) -> str:
    """Return the alert_id of a short name."""
    return str(uuid5(NAMESPACE_URL, name))


def action_id(name: str) -> str:
    """Return the id of an action of a short name, as a page makes it."""
    return f"desk-{UUID(id_of(name))}"


def alert(name: str, revision: int = 1, **others: Any) -> Alert:
    """Return a synthetic record about an alert of a short name; `days` is how long ago the contact was."""
    days, value = others.pop("days", 10.0), others.pop("value", 100_000)
    reason, channel = others.pop("reason", "delivery"), others.pop("channel", "voice")
    contact, time = f"k-{name}", others.pop("time", NOON - DAY)
    signals = others.pop("signals", (("escalation_refused", 1.85), ("powerless_phrase", 0.3)))
    state = others.pop("state", "raised")
    fields: dict[str, Any] = {
        "event_id": f"{id_of(name)}/{revision}",
        "alert_id": id_of(name),
        "revision": revision,
        "customer_id": f"c-{name}",
        "rule": "contact",
        "state": state,
        "resolution": "returned" if state == "resolved" else None,
        "level": "alert",
        "arm": "treated",
        "time": format_ms(time),
        "anchor": Anchor(
            contact_id=contact, ended_at=format_ms(round(NOON - days * DAY)), channel=channel, reason=reason
        ),
        "reasons": tuple(Signal(signal=one, nats=nats, contact_id=contact) for one, nats in signals),
        "probability": 0.82,
        "log_odds": LogOdds(prior=-2.9444, frustration=1.9, silence=2.56),
        "usual_spend_per_day": "20.00",
        "spend_since": "0.00",
        "days_since": days,
        "days_usual_spend_since": 0.0,
        "irregularity_days": 4.0,
        "value_at_risk": format_cents(value),
        "currency": "EUR",
        "trailing_spend": "7280.00",
        "value_cutoff": "2000.00",
        "spend_by_week": ("140.00",) * 26 + ("0.00", "0.00"),
        "counters": _COUNTERS,
        "backfill": False,
        "clears_when": "Clears when the customer spends 280.00 EUR within 28 days.",
        "summary": "The customer was refused an escalation; since then 0.00 EUR in 10 days.",
        "deadline": format_ms(round(NOON + (90 - days) * DAY)),
        "recommended_owner": "retention desk",
        "ruleset": f"{DEFAULT.version}+{DEFAULT.hash}",
    }
    return Alert.model_validate(fields | others)


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - the desk is not to know that it is waited for
            await asyncio.sleep(0.005)


class Ledger:
    """Where a desk of tests writes to; `away` is a Kafka that does not answer."""

    def __init__(self) -> None:
        self.written: list[Disposition] = []
        self.away = False
        self.fault: Exception = KafkaUnavailableError("Kafka does not take dispositions: it is away")

    async def write(self, disposition: Disposition) -> None:
        """Write, or not."""
        await asyncio.sleep(0)
        if self.away:
            raise self.fault
        self.written.append(disposition)


@dataclass
class DeskOfTests:
    """A desk whose clock, health and worker are the test's."""

    undo_seconds: float = 0.2
    synthetic: bool = False
    rules: Ruleset = DEFAULT
    board: Board = field(default_factory=Board)
    events: Events = field(default_factory=Events)
    metrics: DeskMetrics = field(default_factory=DeskMetrics)
    ledger: Ledger = field(default_factory=Ledger)
    trusted: Health = WELL
    ms: int = NOON
    found: LookupAnswer | None = None
    reading: bool = False

    def __post_init__(self) -> None:
        self.actions = Actions(self.board, self.ledger, self.told, undo_seconds=self.undo_seconds)

    def now_ms(self) -> int:
        """Return the test's time."""
        return self.ms

    def has_read(self) -> bool:
        """Return what the test says."""
        return not self.reading

    def health(self) -> Health:
        """Return the test's health."""
        return self.trusted

    async def look_up(self, customer_id: str) -> LookupAnswer | None:
        """Return what the test's worker knows."""
        assert customer_id
        return self.found

    def told(self, wish: Wish, phase: Phase) -> None:
        """Tell pages, as the process does."""
        self.events.tell("act", {"id": wish.action_id, "alert": wish.alert_id, "phase": phase.value})
        self.events.tell("change", [wish.alert_id])

    def take(self, *alerts: Alert) -> None:
        """Take records, and tell pages."""
        changed = self.board.take(alerts)
        self.events.tell("change", sorted(changed) if len(changed) < 50 else [])

    def trust(self, health: Health) -> None:
        """Change the health, and tell pages."""
        self.trusted = health
        shell = Shell("", "", "", health, 0, has_token=False, synthetic=False)
        self.events.tell("health", render("health.html.jinja", shell=shell))

    def is_live(self) -> bool:
        """Return that it lives."""
        return True

    def readiness(self) -> Readiness:
        """Return that it is ready."""
        return Readiness(ready=True, partitions=())


@asynccontextmanager
async def served(desk: DeskOfTests, *, port: int = 0, **settings: Any) -> AsyncIterator[str]:
    """Serve a desk, and give its address."""
    told = Settings(web_port=port, **settings)
    tokens = Tokens(told, CollectorRegistry())  # of each start, for a test may serve a desk again
    server = WebServer(
        told,
        desk.metrics,
        desk,
        routes=Routes(desk, Guard(told.web_token(), tokens.is_right)).all(),
        headers=HEADERS,
        most_bytes=MOST_BYTES,
        tokens=tokens,
    )
    try:
        yield f"http://127.0.0.1:{await server.start()}"
    finally:
        await desk.actions.stop()
        await server.stop()


class Client:
    """A browser without a screen: it knows the origin, and the secret of the page that it was given."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url, self.http, self.csrf = url, http, ""

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Get a page."""
        async with self.http.get(self.url + path, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def parts(self, path: str = "/") -> dict[str, str]:
        """Get what changes of a page, and keep its secret."""
        async with self.http.get(self.url + path, headers={"X-Desk-Parts": "1"}) as answer:
            told = await answer.json()
            self.csrf = told["csrf"]
            html: dict[str, str] = told["html"]
            return html

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> tuple[int, dict[str, Any]]:
        """Post a form as the script does."""
        usual = {"Origin": self.url, "Accept": "application/json"}
        async with self.http.post(
            self.url + path, data={"csrf": self.csrf} | fields, headers=usual | headers
        ) as answer:
            return answer.status, await answer.json()

    async def act(self, desk: DeskOfTests, name: str, what: str, **fields: str) -> tuple[int, dict[str, Any]]:
        """Do something about an alert, as somebody who sees it as it is."""
        entry = desk.board.get(id_of(name))
        assert entry is not None
        said = {
            "alert_id": id_of(name),
            "seen": entry.seen,
            "action_id": action_id(f"{name}-{what}"),
            "do": what,
        }
        return await self.post("/act", said | fields)


@asynccontextmanager
async def client_of(desk: DeskOfTests, **settings: Any) -> AsyncIterator[Client]:
    """Serve a desk, and give a client that has seen its page."""
    async with served(desk, **settings) as url, aiohttp.ClientSession() as http:
        client = Client(url, http)
        if not settings:
            await client.parts()
        yield client
