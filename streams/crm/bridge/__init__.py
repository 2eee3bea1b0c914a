"""The process that reads the alerts, keeps the ledger and delivers."""
