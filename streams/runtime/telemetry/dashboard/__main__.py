"""Print the dashboard, as `deploy/grafana/dashboards/retention-signals.json` holds it."""

import sys

from streams.runtime.telemetry.dashboard.grafana import dashboard

if __name__ == "__main__":
    sys.stdout.write(dashboard())
