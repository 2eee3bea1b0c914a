"""The events of a directory: its alerts by a replay, both arms, and what was bought afterwards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from schemas.events import Contact, Disposition, Event, Merge, Refusal, Transaction
from schemas.hot import Decoder
from streams.core.ruleset import Ruleset
from streams.core.watermark import FUTURE_MS, Input
from streams.files import find, unreadable
from streams.lab.inputs.arrivals import arrivals
from streams.lab.replay import ReplayResult
from streams.lab.replay.watch import SYNTHETIC
from streams.uplift.cohort import Alerts, Period
from streams.uplift.comparison import Material
from streams.uplift.identities import Identities
from streams.uplift.outcomes import Outcomes

_REPLAYED: Final = (
    "The alerts are those of a replay. The arms differ only if this share and salt were in force when people "
    "acted on the alerts: else both were treated alike."
)
_SYNTHETIC: Final = "The directory holds synthetic data: nobody was called, nobody came back for it."


def read_directory(  # noqa: PLR0913 - where it is, and how it is read
    replayed: ReplayResult,
    directory: Path,
    rules: Ruleset,
    period: Period,
    *,
    currency: str,
    canary_prefix: str,
    now_ms: int,
) -> Material:
    """Return the trial in a directory, of which the replay is given; raises InputError if it can't be read.

    The files are read again, first for the merges, so that what was bought under any id of a customer counts.
    The canary's synthetic customers, whose ids begin with `canary_prefix`, take no part.
    """
    identities, as_of_ms, synthetic = Identities(), 0, False
    for event in _events(directory, Input.TRANSACTIONS, currency, now_ms):
        if isinstance(event, Merge):
            identities.join(event.customer_id, event.into)
        elif isinstance(event, Transaction):
            as_of_ms = max(as_of_ms, event.time)
            synthetic = synthetic or event.source.startswith(SYNTHETIC)
    synthetic = synthetic or any(
        isinstance(one, Contact) and one.source.startswith(SYNTHETIC)
        for one in _events(directory, Input.CONTACTS, currency, now_ms)
    )
    alerts = Alerts(with_backfill=True)  # of a history all are
    for alert in (*replayed.alerts, *replayed.holdout):
        if not alert.customer_id.startswith(canary_prefix):
            alerts.take(alert)
    cohort = alerts.cohort(identities, rules, period)
    outcomes = Outcomes(cohort.rows, identities)
    for event in _events(directory, Input.TRANSACTIONS, currency, now_ms):
        if isinstance(event, Transaction):
            outcomes.take(event)
    for event in _events(directory, Input.DISPOSITIONS, currency, now_ms):
        if isinstance(event, Disposition):
            outcomes.note(event)
    notes = (_SYNTHETIC, _REPLAYED) if synthetic else (_REPLAYED,)
    return Material(cohort, outcomes, as_of_ms, currency=currency, notes=notes)


def _events(directory: Path, source: Input, currency: str, now_ms: int) -> Iterator[Event]:
    """Yield the sound events of a file, if it is there and can be read, that are not of the future."""
    path, horizon = find(directory).get(source), now_ms + FUTURE_MS
    if path is None or unreadable(path) is not None:
        return
    for arrived in arrivals(path, Decoder(currency).of(source), horizon, by_time=False):
        for event in arrived.records:
            if not isinstance(event, Refusal) and event.time <= horizon:
                yield event
