"""Journeys: when customers get in touch, which story follows, and the lines that it leaves."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from msgspec import structs

from schemas.times import format_ms
from streams.core.time import HOUR_MS
from streams.lab.generate.draw import CALLING_HOURS, SYNTHETIC, Draw, within_days
from streams.lab.generate.options import GenerateOptions, Severity
from streams.lab.generate.purchases import DAY_MS, Purchases
from streams.lab.generate.stories import STORIES, ContactLine, NoticeLine, Step, recovery_call

MINUTE_MS = 60_000
CONTACTS_SOURCE = "synthetic-contacts"
_KNOWN_AT_ONCE = (
    "customer_id", "source", "contact_id", "channel", "direction", "started_at", "reason", "case_id",
    "attributes",
)  # fmt: skip
OPEN_VERSION_SHARE = 0.1
DELAYED_RESOLUTION_SHARE = 0.3  # of the contacts with a later version

# What people say afterwards, by how the journey went: scores that the story would earn.
_CSAT = {Severity.HARMLESS: (4, 5, 5), Severity.MILD: (2, 3, 4), Severity.SEVERE: (1, 1, 2)}
_CES = {Severity.HARMLESS: (6, 7, 7), Severity.MILD: (3, 4, 5), Severity.SEVERE: (1, 2, 2)}
_EFFORT = {Severity.HARMLESS: (3, 4, 5), Severity.MILD: (-2, -1, 0), Severity.SEVERE: (-5, -4, -3)}


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """A line of contacts.jsonl and its `time`."""

    time_ms: int
    line: ContactLine | NoticeLine


@dataclass(slots=True)
class Journey:
    """One story that happened to one customer. Moments are ms UTC, all within the history."""

    number: int
    customer: int
    story: str
    severity: Severity
    first_ms: int
    last_ms: int
    """Moment of the last contact that is not the recovery."""
    contact_ids: list[str] = field(default_factory=list)
    recovered_ms: int | None = None

    @property
    def name(self) -> str:
        """Return the id of the journey in truth.jsonl."""
        return f"j{self.number:07d}"


class Scheduler:
    """Gives stories their ids and times. Nothing is recorded after the history's end."""

    def __init__(self, purchases: Purchases, options: GenerateOptions, draw: Draw) -> None:
        self._purchases = purchases
        self._options = options
        self._draw = draw
        self._journeys = 0
        self._contacts = 0
        self._cases = 0
        self._severities = {
            Severity.SEVERE: options.severe_share,
            Severity.MILD: options.mild_share,
            Severity.HARMLESS: 1 - options.severe_share - options.mild_share,
        }
        self.records: list[ContactRecord] = []

    def journey(self, customer: int, start_ms: int) -> Journey | None:
        """Play a story from `start_ms` on; None when the history ends before its first record."""
        draw = self._draw
        severity = draw.weighted(self._severities)
        story = draw.weighted(STORIES[severity])
        journey = Journey(self._journeys + 1, customer, story.__name__, severity, start_ms, start_ms)
        at = self._play(journey, story(draw), start_ms)
        if not journey.contact_ids:
            return None
        self._journeys += 1
        if at is not None and severity is not Severity.HARMLESS and draw.chance(self._options.recovery_share):
            self._recover(journey, at)
        return journey

    def _play(self, journey: Journey, steps: list[Step], start_ms: int) -> int | None:
        """Write the steps; return the end of the last one, or None when the history ended before."""
        case_id = self._case()
        at = start_ms
        for step in steps:
            begin = at + int(step.gap_hours * HOUR_MS)
            at = begin + int(step.minutes * MINUTE_MS)
            if not self._write(journey, step, begin, at, case_id):
                return None
            if not journey.contact_ids[1:]:
                journey.first_ms = at
            journey.last_ms = at
        return at

    def _recover(self, journey: Journey, at: int) -> None:
        step = recovery_call(self._draw)
        begin = at + int(step.gap_hours * HOUR_MS)
        end = begin + int(step.minutes * MINUTE_MS)
        if self._write(journey, step, begin, end, None):
            journey.recovered_ms = end

    def _case(self) -> str | None:
        if self._draw.chance(0.5):
            return None
        self._cases += 1
        return f"case-{self._cases:06d}"

    def _write(self, journey: Journey, step: Step, begin: int, end: int, case_id: str | None) -> bool:
        """Return False when the history ends before this step is recorded."""
        recorded = end + self._draw.count(0, 30_000)
        if recorded >= self._purchases.end_ms:
            return False
        self._contacts += 1
        contact_id = f"contact-{self._contacts:07d}"
        journey.contact_ids.append(contact_id)
        line = step.line
        line.customer_id = self._purchases.customer_ids[journey.customer]
        line.contact_id = contact_id
        line.source = CONTACTS_SOURCE
        line.attributes = SYNTHETIC
        if isinstance(line, NoticeLine):
            line.event_id = f"{contact_id}/1"
            line.time = format_ms(end)
            self.records.append(ContactRecord(end, line))
            return True
        line.case_id = case_id
        line.direction = line.direction or "inbound"
        line.started_at = format_ms(begin)
        for version, (time_ms, form) in enumerate(
            self._versions(line, journey.severity, begin, end, recorded), 1
        ):
            form.version = version
            form.event_id = f"{contact_id}/{version}"
            form.time = format_ms(time_ms)
            self.records.append(ContactRecord(time_ms, form))
        return True

    def _versions(
        self, line: ContactLine, severity: Severity, begin: int, end: int, recorded: int
    ) -> Iterator[tuple[int, ContactLine]]:
        """Yield the contact while open (some), when ended, and with its survey or resolution (some)."""
        draw = self._draw
        if end - begin > 2 * MINUTE_MS and draw.chance(OPEN_VERSION_SHARE):
            yield begin + MINUTE_MS, _opened(line)
        ended = structs.replace(line, ended_at=format_ms(end))
        later_ms = recorded + int(draw.between(1, 4) * DAY_MS)
        if not draw.chance(self._options.survey_share) or later_ms >= self._purchases.end_ms:
            yield recorded, ended
            return
        if draw.chance(DELAYED_RESOLUTION_SHARE) and ended.resolution is not None:
            yield recorded, structs.replace(ended, resolution="unknown")
            yield later_ms, ended
            return
        yield recorded, ended
        yield later_ms, _surveyed(ended, severity, draw)


def _opened(line: ContactLine) -> ContactLine:
    return ContactLine(**{name: getattr(line, name) for name in _KNOWN_AT_ONCE})


def _surveyed(line: ContactLine, severity: Severity, draw: Draw) -> ContactLine:
    answered = structs.replace(line)
    if line.recovery:
        severity = Severity.HARMLESS
    question = draw.pick(("csat", "ces", "effort"))
    if question == "csat":
        answered.csat = draw.pick(_CSAT[severity])
    elif question == "ces":
        answered.ces = draw.pick(_CES[severity])
    else:
        answered.effort = draw.pick(_EFFORT[severity])
    return answered


def play(
    purchases: Purchases,
    options: GenerateOptions,
    rng: np.random.Generator,
    progress: Callable[[int, int], None],
) -> tuple[list[Journey], list[ContactRecord]]:
    """Draw all journeys, by customer and time, and their lines in no particular order."""
    days = -(-(purchases.end_ms - purchases.start_ms) // DAY_MS)
    customers = len(purchases.customer_ids)
    counts = rng.poisson(options.contact_rate * days / 365, customers)
    starts = within_days(rng, int(counts.sum()), purchases.start_ms, days, CALLING_HOURS)
    owner = np.repeat(np.arange(customers), counts)
    order = np.lexsort((starts, owner))
    scheduler = Scheduler(purchases, options, Draw(rng))
    journeys = []
    for done, (customer, start_ms) in enumerate(
        zip(owner[order].tolist(), starts[order].tolist(), strict=True)
    ):
        if (journey := scheduler.journey(customer, start_ms)) is not None:
            journeys.append(journey)
        if done % 1_000 == 0:
            progress(done, len(order))
    progress(len(order), len(order))
    return journeys, scheduler.records
