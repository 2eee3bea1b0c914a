"""What is open at the end of a run: the alerts that lookup would show, with the figures it would give."""

from typing import NamedTuple

from schemas.alert import Alert
from streams.core.alerts.standing import Standing, standing_of
from streams.core.ruleset import Ruleset
from streams.lab.replay.replay import ReplayResult


class OpenAlert(NamedTuple):
    """The newest record of an open alert, and how its episode stands at the end of the run."""

    alert: Alert
    now: Standing


def standing_now(alert: Alert, result: ReplayResult, rules: Ruleset) -> Standing | None:
    """Return how the episode of an alert stands at the end of a run; None if it is not open."""
    view = result.lookup(alert.customer_id)
    now = None if view is None else standing_of(view, rules)
    # The same alert id may belong to an episode that was opened again, of which nothing was sent yet.
    return now if now is not None and now.alert_id == alert.alert_id and now.level is not None else None


def open_now(result: ReplayResult, rules: Ruleset) -> list[OpenAlert]:
    """Return the open alerts of a finished run, the most value at risk first; hold-out arm left out."""
    newest = {alert.alert_id: alert for alert in result.alerts}
    found = ((alert, standing_now(alert, result, rules)) for alert in newest.values())
    still = [OpenAlert(alert, now) for alert, now in found if now is not None]
    return sorted(still, key=lambda one: (-one.now.at_risk, one.alert.customer_id))
