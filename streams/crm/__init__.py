"""From alerts to a CRM and back: cases, an alert budget, a ledger, deliveries, dispositions, a canary."""
