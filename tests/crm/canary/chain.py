"""The whole chain on virtual time: the canary, a partition of the core, and a bridge that can be down.

What stands between is the real thing, but for Kafka, HTTP and the ledger: the canary's own acts, the decoder,
the partition, the case, the signature, the desk, and how a disposition is read.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any, Final, cast

from aiohttp import web
from pydantic_core import to_json
from typing_extensions import override

from schemas.alert import Alert
from schemas.hot import Decoder
from schemas.topics import Topic
from streams.core.partition.partition import Partition
from streams.core.ruleset import DEFAULT, Ruleset
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input
from streams.crm.canary.customers import HALF_DAY_MS, Canary, canaries, history
from streams.crm.canary.desk import Desk
from streams.crm.canary.rounds import Round, rounds
from streams.crm.canary.shop import act
from streams.crm.delivery.signing import Secrets
from streams.crm.dispositions.parse import Parsed, parse
from streams.crm.payload.case import case_of
from streams.crm.wire import Kind, Outcome, Rendered, Result
from streams.runtime.telemetry.bridge_metrics import CanaryMetrics
from tests.core.drive import HOME, purchase

SECRETS: Final = Secrets([b"0123456789abcdef0123456789abcdef"])
START: Final = HOME + 400 * DAY_MS
"""When the canary begins; a midnight."""
OTHERS: Final = 30
LATENESS_MS: Final = 5_000
PREFIX: Final = "retention-canary-"


class FakeRequest:
    """What the desk needs of a request."""

    def __init__(self, headers: Mapping[str, str], body: bytes) -> None:
        self.headers, self._body = headers, body

    async def read(self) -> bytes:
        """Return the body."""
        return self._body


class FakeBridge:
    """Who takes dispositions; `result` is what becomes of each."""

    def __init__(self) -> None:
        self.result = Result.DELIVERED
        self.taken: list[tuple[str, bytes]] = []

    async def send(self, message_id: str, rendered: Rendered, now_s: float) -> Outcome:
        """Keep it."""
        assert now_s > 0
        assert rendered.request.path == "/dispositions"
        if self.result is Result.DELIVERED:
            self.taken.append((message_id, rendered.request.body))
        return Outcome(self.result, "ok", 0.0)


def one_round(hours: float = 6, now_ms: int = START, rules: Ruleset = DEFAULT) -> dict[str, Round]:
    """Return the round of the canary of a single partition."""
    return rounds(canaries(PREFIX, 1, "murmur2", rules), now_ms, round(hours * HOUR_MS))


async def told(desk: Desk, body: bytes, message_id: str, now_ms: int) -> int:
    """Send a message to a desk, and return the status of its answer."""
    headers = SECRETS.headers(message_id, now_ms // 1000, body)
    try:
        answer = await desk.receive(cast(web.Request, FakeRequest(headers, body)))
    except web.HTTPException as error:
        return error.status
    return answer.status


class Chain(FakeBridge):
    """Everything; it is also the feed that the canary writes to, and the bridge that it answers."""

    def __init__(self, hours: float, rules: Ruleset = DEFAULT) -> None:
        super().__init__()
        self.hours, self.rules = hours, rules
        self.now = START
        self.partition = Partition(rules)
        self.alerts: list[Alert] = []
        """All that the core wrote about the canary."""
        self.written: Counter[str] = Counter()
        self.bridge_is_up = self.others_buy = True
        self.end = 0
        self._decoder = Decoder("USD")
        self._waiting: list[Alert] = []
        self._there: set[str] = set()
        self.begin()
        [self.canary] = [one.canary for one in self.rounds.values()]
        before = list(history([self.canary], START, 120, "1000.00", "USD"))
        for number, event in enumerate(before):
            self._buy(START + (number - len(before)) * HALF_DAY_MS)
            self._apply(Input.TRANSACTIONS, event)
        self.advance()

    def begin(self) -> None:
        """Start the canary, once more if it ran before."""
        self.rounds = one_round(self.hours, self.now, self.rules)
        [self.round] = self.rounds.values()
        self.metrics = CanaryMetrics()
        self.desk = Desk(
            self.rounds,
            self.metrics,
            lambda headers, body: SECRETS.verify(headers, body, self.now / 1000),
            self,
            lambda: self.now,
        )

    # The feed

    async def ends(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Return where the purchases end."""
        return dict.fromkeys(partitions, self.end)

    async def write(self, topic: Topic, canary: Canary, event: Mapping[str, Any]) -> int:
        """Take an event of the canary in."""
        assert canary == self.canary
        self.written[topic.name] += 1
        self._apply(Input(topic.name), event)
        return self.end - 1

    # The bridge

    @override
    async def send(self, message_id: str, rendered: Rendered, now_s: float) -> Outcome:
        """Take a disposition as the bridge does, if it is up."""
        outcome = await super().send(message_id, rendered, now_s)
        if outcome.result is Result.DELIVERED:
            parsed = parse(rendered.request.body, message_id, self._customer_of, self.now)
            assert isinstance(parsed, Parsed), parsed
            self._apply(Input.DISPOSITIONS, parsed.disposition.model_dump(mode="json", exclude_none=True))
        return outcome

    def _customer_of(self, alert_id: str) -> str | None:
        """Return whose alert it is, from the newest back: mostly it is asked of that one."""
        newest_first = reversed(self.alerts)
        return next((one.customer_id for one in newest_first if one.alert_id == alert_id), None)

    async def deliver(self) -> None:
        """Deliver what waits, as the ledger has it: what was resolved before it was sent never goes."""
        waiting, self._waiting = self._waiting, []
        newest = {one.alert_id: one for one in waiting}
        for alert in newest.values():
            resolved, there = alert.state == "resolved", alert.alert_id in self._there
            if resolved and not there:
                continue
            kind = Kind.CLOSE if resolved else Kind.UPDATE if there else Kind.CREATE
            case = case_of(
                alert,
                kind,
                None,
                account_id=None,
                others_of_account=0,
                internal_only=False,
                canary=True,
                refreshed_at=self.now,
            )
            status = await told(self.desk, case.model_dump_json().encode(), alert.event_id, self.now)
            if status == HTTPStatus.NO_CONTENT:
                self._there.add(alert.alert_id)
            else:
                self._waiting.append(alert)

    # Time

    async def run(self, days: float) -> None:
        """Let time go on: the canary acts every hour, and twice a turn; what follows, follows in seconds."""
        until = self.now + round(days * DAY_MS)
        step = round(min(1.0, self.hours / 2) * HOUR_MS)
        while self.now < until:
            if self.others_buy and self.now % HALF_DAY_MS == 0:
                self._buy(self.now)
            await act(self.rounds.values(), self, lambda: self.now, spend="1000.00", currency="USD")
            began = self.now
            while True:
                self.now += LATENESS_MS + 1_000
                self.advance()
                if not (self.bridge_is_up and self._waiting):
                    break
                await self.deliver()
                if self.result is not Result.DELIVERED:
                    break
            self.now = began + step

    def advance(self) -> None:
        """Let the partition decide up to now, as on the live clock."""
        complete = dict.fromkeys(FACTS, self.now - LATENESS_MS)
        for alert in self.partition.advance(complete):
            assert alert.customer_id == self.canary.customer_id
            self.alerts.append(alert)
            self._waiting.append(alert)

    @property
    def rounds_done(self) -> int:
        """Return what the metric says."""
        return int(self.metrics.rounds.labels(0)._value.get())

    def _buy(self, at_ms: int) -> None:
        many = [purchase(f"c-{one}", at_ms + one, 2_000 + one) for one in range(OTHERS)]
        outcome = self.partition.apply(Input.TRANSACTIONS, many)
        assert outcome.applied == OTHERS
        self.end += OTHERS

    def _apply(self, source: Input, event: Mapping[str, Any]) -> None:
        record = getattr(self._decoder, source.value)(to_json(event))
        outcome = self.partition.apply(source, [record])
        assert not outcome.refused, outcome
        self.end += source is Input.TRANSACTIONS
