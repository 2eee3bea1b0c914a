"""The ledger: every alert, delivery and disposition in one SQLite file, in step with the topic."""
