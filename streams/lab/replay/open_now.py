"""What is open at the end of a run: the alerts that lookup would show, with the figures it would give."""

from typing import NamedTuple

from schemas.alert import Alert
from streams.core.alerts.figures import Figures
from streams.lab.replay.replay import ReplayResult


class OpenAlert(NamedTuple):
    """The newest record of an open alert, and the figures of its episode at the end of the run."""

    alert: Alert
    now: Figures


def figures_now(alert: Alert, result: ReplayResult) -> Figures | None:
    """Return the figures of an alert's episode at the end of a run; None if it is not open."""
    view = result.lookup(alert.customer_id)
    now = None if view is None else view.episode
    if now is None or now.episode.alert_id != alert.alert_id:
        return None
    # The same alert id may belong to an episode that was opened again, of which nothing was sent yet.
    return None if now.level is None else now


def open_now(result: ReplayResult) -> list[OpenAlert]:
    """Return the open alerts of a finished run, the most value at risk first; hold-out arm left out."""
    newest = {alert.alert_id: alert for alert in result.alerts}
    found = ((alert, figures_now(alert, result)) for alert in newest.values())
    still = [OpenAlert(alert, now) for alert, now in found if now is not None]
    return sorted(still, key=lambda one: (-one.now.at_risk, one.alert.customer_id))
