"""The result of a replay, counted for people."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from schemas.alert import Alert
from streams.console import first_of, visible
from streams.core.ruleset import Ruleset
from streams.lab.replay.findings import Finding
from streams.lab.replay.replay import ReplayResult
from streams.lab.story import Levels, ReportData, RunSummary, Story
from streams.rulesets import calibration_note

_SHARED_SHOWN = 50
_NOTES = {
    "not_high_value": "bad contacts of customers below the cut-off",
    "no_cutoff": "bad contacts while too few had bought to tell who is of high value",
    "undetectable": "bad contacts of customers without a baseline",
    "held_by_feed_guard": "decisions held while a feed was broken",
    "moves_in_time": "histories of merged customers taken over",
    "shared_id": "bad contacts of ids that many share, set apart",
    "too_many_contacts": "contacts forgotten because their customer had too many newer ones",
}


def standing(alerts: list[Alert]) -> list[Alert]:
    """Return the newest record of every alert not resolved, the most value at risk in it first."""
    newest = {alert.alert_id: alert for alert in alerts}
    still = [alert for alert in newest.values() if alert.state != "resolved"]
    return sorted(still, key=lambda alert: (-Decimal(alert.value_at_risk), alert.customer_id))


def run_summary(
    result: ReplayResult, directory: Path, partitions: int, found: Sequence[Finding] = ()
) -> RunSummary:
    """Return the counts of a finished replay."""
    records: dict[str, Counter[str]] = {}
    for alert in result.alerts:
        records.setdefault(alert.state, Counter())[alert.level] += 1
    notes = [(label, f"{result.tally[key]:,}") for key, label in _NOTES.items() if result.tally[key]]
    if result.shared:
        notes.append(("ids that many share", visible(first_of(result.shared, _SHARED_SHOWN))))
    if result.holdout:
        notes.append(("alert records of the hold-out arm", f"{len(result.holdout):,}"))
    return RunSummary(
        directory=directory.resolve().name,
        outcomes={file: dict(counts) for file, counts in result.outcomes.items()},
        refused=dict(Counter(letter.reason for letter in result.dead_letters)),
        customers=result.customers,
        partitions=partitions,
        first_ms=result.first_ms,
        last_ms=result.last_ms,
        seconds=result.seconds,
        episodes=result.tally["opened"],
        silent=result.tally["opened_silent"],
        alert_records={state: dict(levels) for state, levels in records.items()},
        notes=notes,
        findings=[one.sentence for one in found],
    )


def report_data(stories: list[Story], summary: RunSummary, rules: Ruleset, currency: str) -> ReportData:
    """Return everything that the report shows."""
    return ReportData(
        stories=stories,
        summary=summary,
        settings=rules.rows(),
        ruleset=f"{rules.version}+{rules.hash}",
        currency=currency,
        synthetic=any(mark.synthetic for story in stories for mark in story.contacts),
        levels=Levels.of(rules),
        calibration=calibration_note(rules),
    )
